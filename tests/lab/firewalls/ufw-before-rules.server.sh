#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ufw knows of all that plugNmeet needs, but rules that it does not make itself drop the media range, and refuse 443/tcp.
# A recipe for /etc/ufw/before.rules, and a rule by hand in the same chain.

ufw allow in on mgmt0
ufw allow 80,443,7881/tcp
ufw allow 443/udp
ufw allow 50000:60000/udp
sed -i '/^# End required lines/a -A ufw-before-input -p udp --dport 50000:60000 -j DROP' /etc/ufw/before.rules
sed -i '/^# End required lines/a -A ufw6-before-input -p udp --dport 50000:60000 -j DROP' /etc/ufw/before6.rules
ufw --force enable
iptables -I ufw-before-input -i eth0 -p tcp --dport 443 -j REJECT --reject-with tcp-reset
