#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ufw knows of all that plugNmeet needs, but before its rules there is one by hand that drops 80 and 443/tcp, for IPv4.
# A lock that somebody forgot, such as one against a flood, or of a script that renews certificates.

ufw allow in on mgmt0
ufw allow 80,443,7881/tcp
ufw allow 443/udp
ufw allow 50000:60000/udp
ufw --force enable
iptables -I INPUT -p tcp -m multiport --dports 80,443 -j DROP
