#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# firewalld knows of all that plugNmeet needs, but a rich rule rejects the media range over IPv4, and another one, before
# all others, drops 7881/tcp.
# Somebody closed ports, and somebody else opened them: what denies comes first.

firewall-offline-cmd --quiet --zone=trusted --add-interface=mgmt0
firewall-offline-cmd --quiet --zone=public --add-port=80/tcp --add-port=443/tcp --add-port=7881/tcp
firewall-offline-cmd --quiet --zone=public --add-port=443/udp --add-port=50000-60000/udp
firewall-offline-cmd --quiet --zone=public \
    --add-rich-rule='rule family="ipv4" port port="50000-60000" protocol="udp" reject'
firewall-offline-cmd --quiet --zone=public \
    --add-rich-rule='rule priority="-10" port port="7881" protocol="tcp" drop'
systemctl start firewalld.service
