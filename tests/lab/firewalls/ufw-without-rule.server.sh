#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ufw on the server knows of SSH and of the web, and of nothing else that plugNmeet needs.
# The usual Ubuntu server, after a tutorial for a web server.

ufw allow in on mgmt0
ufw allow OpenSSH
ufw allow 80,443/tcp
ufw --force enable
