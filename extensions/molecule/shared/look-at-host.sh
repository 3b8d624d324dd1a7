#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

export SYSTEMD_PAGER=cat

# What a preflight must leave as it finds it: units and timers, sockets and who holds them, processes, files, firewall,
# sysctls. Left out is what logging in to look brings with it, and what a firewall counts.
systemctl show --property=Id,ActiveState,UnitFileState plugnmeet haproxy apache2 nginx | sort
systemctl list-units --all --no-legend --plain | awk '$3 != "inactive" || /plugnmeet/ { print $1, $3 }' |
    grep -Ev '^(session-|user|run-user|systemd-tmpfiles-clean|proc-|sys-|dev-)' | sort
ss --no-header --listening --numeric --tcp --udp --processes | sed 's/pid=[0-9]*,fd=[0-9]*//g' | awk '{ print $1, $5, $7 }' | sort | uniq -c
ps -e --no-headers -o user:16,comm |
    awk '$2 !~ /^(sh|sshd|ps|grep|sort|uniq|awk|sudo|systemd|\(sd-pam\)|agetty|systemd-.*|look-at-host\.sh)$/' | sort | uniq -c
find /run/systemd/transient -not -name 'session*' 2>/dev/null | sort
find / -xdev -iname '*plugnmeet*' -not -path '/proc/*' -not -path '/sys/*' | sort
find /tmp /var/tmp /root /home /etc /opt /usr/local -xdev -not -path '*/.ansible/tmp/*' | sort
nft --stateless list ruleset
sysctl --all 2>/dev/null | grep -E '^net\.(core|ipv4\.ip_local|ipv4\.icmp|netfilter)' | grep -v conntrack_count | sort
exit 0
