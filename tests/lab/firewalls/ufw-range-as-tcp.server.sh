#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ufw on the server knows of all that plugNmeet needs, but has the media range for TCP instead of UDP.
# A mistake in one word: most rules are for TCP.

ufw allow in on mgmt0
ufw allow 80,443,7881,50000:60000/tcp
ufw allow 443/udp
ufw --force enable
