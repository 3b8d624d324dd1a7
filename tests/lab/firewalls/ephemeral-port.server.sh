#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A program of the server's own asks somebody over UDP, from 50123, which the system picked for it.
# The system picks from 32768-60999, and the media range is within.

systemctl stop plugnmeet.service
range=$(sysctl --values net.ipv4.ip_local_port_range)
sysctl --quiet net.ipv4.ip_local_port_range='50123 50123'
systemctl start resolver.service
sleep 0.3
sysctl --quiet net.ipv4.ip_local_port_range="$range"
