#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# apache2 serves its welcome page on 80/tcp, where haproxy shall be.
# A rented server that came with a web server, as many do.

systemctl stop haproxy.service
systemctl start apache2.service
