#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

export SYSTEMD_PAGER=cat

# What a preflight must leave as it finds it: units, listening sockets' owners, files of ours, firewall, sysctls.
systemctl show --property=Id,ActiveState,UnitFileState plugnmeet haproxy nginx | sort
systemctl list-units --all --no-legend --plain 'plugnmeet-preflight*'
ss --no-header --listening --numeric --tcp --udp --processes | sed 's/pid=[0-9]*,fd=[0-9]*//g' | awk '{ print $1, $5, $7 }' | sort
pgrep --list-name plugnmeet-check
find /run/systemd/transient -not -name 'session*' 2>/dev/null | sort
find / -xdev -iname '*plugnmeet*' -not -path '/proc/*' -not -path '/sys/*' | sort
nft list ruleset
sysctl --all 2>/dev/null | grep -E '^net\.(core|ipv4\.ip_local|ipv4\.icmp)' | sort
exit 0
