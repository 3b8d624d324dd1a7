# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of a target's own firewall, as `host_firewall_info` tells of them."""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.plugin_utils._firewall import Rule, read_firewall

ROW = {
    "protocol": "udp",
    "family": "ipv4",
    "ports": "50000-60000",
    "action": "reject",
    "hook": "input",
    "manager": "iptables-nft",
    "zone": "",
    "table": "filter",
    "chain": "INPUT",
    "rule": "-A INPUT -j REJECT --reject-with icmp-host-prohibited",
    "before": "-A INPUT -p udp -m udp --dport 50000:60000 -j ACCEPT",
    "position": 5,
    "handle": 0,
    "certain": True,
}


def rule(**about: t.Any) -> Rule:
    (found,) = read_firewall({"rules": [{**ROW, **about}]}).rules
    return found
