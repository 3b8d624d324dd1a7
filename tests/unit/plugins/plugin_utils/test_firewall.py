# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.plugin_utils import _firewall
from ansible_collections.plugnmeet.server.plugins.plugin_utils._firewall import Firewall, Rule, allow, read_firewall
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import ServerCommand

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
MEDIA = [("udp", "50000-60000")]
WEB_AND_MEDIA = [("tcp", "80"), ("tcp", "443"), ("udp", "50000-60000")]


def rule(**about: t.Any) -> Rule:
    (found,) = read_firewall({"rules": [{**ROW, **about}]}).rules
    return found


def commands(in_force: str, port_sets: t.Any = None, families: t.Any = ("ipv4",), **about: t.Any) -> list[str]:
    rules = (rule(manager=in_force, **about),)
    return shell(allow("meet1", Firewall(in_force, rules, ""), rules, port_sets or MEDIA, families))


def shell(steps: list[str]) -> list[str]:
    return [step for step in steps if isinstance(step, ServerCommand)]


def test_ufw_takes_ranges_with_a_colon_and_all_of_a_protocol_at_once() -> None:
    assert commands("ufw", WEB_AND_MEDIA) == ["ufw allow 80,443/tcp", "ufw allow 50000:60000/udp"]


def test_firewalld_is_told_for_good_and_in_its_zone() -> None:
    assert commands("firewalld", WEB_AND_MEDIA, zone="public") == [
        "firewall-cmd --permanent --zone=public --add-port=80/tcp --add-port=443/tcp --add-port=50000-60000/udp",
        "firewall-cmd --reload",
    ]


@pytest.mark.parametrize(
    ("about", "families", "command"),
    [
        ({}, ["ipv4"], "iptables -I INPUT 5 -p udp --dport 50000:60000 -j ACCEPT"),
        ({"position": 0}, ["ipv4"], "iptables -A INPUT -p udp --dport 50000:60000 -j ACCEPT"),
        ({"family": "ipv6"}, ["ipv4", "ipv6"], "ip6tables -I INPUT 5 -p udp --dport 50000:60000 -j ACCEPT"),
        (
            {"table": "raw", "chain": "PREROUTING"},
            ["ipv4"],
            "iptables -t raw -I PREROUTING 5 -p udp --dport 50000:60000 -j ACCEPT",
        ),
        ({"hook": "output", "chain": "OUTPUT"}, ["ipv4"], "iptables -I OUTPUT 5 -p udp --sport 50000:60000 -j ACCEPT"),
    ],
)
def test_iptables_lets_in_before_the_rule_that_stops(about: t.Any, families: list[str], command: str) -> None:
    assert commands("iptables-nft", families=families, **about) == [command]


def test_the_legacy_tool_is_called_by_its_name() -> None:
    assert commands("iptables-legacy", WEB_AND_MEDIA)[0] == (
        "iptables-legacy -I INPUT 5 -p tcp -m multiport --dports 80,443 -j ACCEPT"
    )


@pytest.mark.parametrize(
    ("about", "command"),
    [
        ({"handle": 7}, "nft insert rule inet filter input position 7 udp dport 50000-60000 accept"),
        ({"position": 0}, "nft add rule inet filter input udp dport 50000-60000 accept"),
        ({"hook": "output", "handle": 9}, "nft insert rule inet filter input position 9 udp sport 50000-60000 accept"),
    ],
)
def test_nftables_lets_in_before_the_rule_that_stops(about: t.Any, command: str) -> None:
    made = commands("nftables", table="inet filter", chain="input", **about)
    assert made == [command]


def test_of_several_rules_of_a_chain_the_first_counts() -> None:
    rules = [rule(position=0), rule(position=9, protocol="tcp"), rule(position=3)]
    made = allow("meet1", Firewall("iptables-nft", tuple(rules), ""), rules, MEDIA, ["ipv4"])
    assert made == [
        "On meet1, where iptables-nft is in charge:",
        "iptables -I INPUT 3 -p udp --dport 50000:60000 -j ACCEPT",
        "And, to keep it after a reboot: netfilter-persistent save (package iptables-persistent)",
    ]


def test_a_rule_beside_those_of_who_is_in_charge_is_met_where_it_stands() -> None:
    rules = [
        rule(manager="iptables-nft", position=1, protocol="tcp", ports="80"),
        rule(manager="ufw", position=0),
        rule(manager="nftables", table="inet filter", chain="input", handle=7),
    ]
    assert allow("meet1", Firewall("ufw", tuple(rules), ""), rules, WEB_AND_MEDIA[:1], ["ipv4"]) == [
        "On meet1, where iptables-nft has rules beside ufw:",
        "iptables -I INPUT 1 -p tcp --dport 80 -j ACCEPT",
        "And, to keep it after a reboot: netfilter-persistent save (package iptables-persistent)",
        "On meet1, where ufw is in charge:",
        "ufw allow 80/tcp",
        "On meet1, where nftables has rules beside ufw:",
        "nft insert rule inet filter input position 7 tcp dport 80 accept",
        "And the same in /etc/nftables.conf, to last",
    ]


def test_a_rule_of_the_users_own_in_ufw_is_preceded() -> None:
    prepend, allow_it = "ufw prepend allow 50000:60000/udp", "ufw allow 50000:60000/udp"
    assert commands("ufw", chain="ufw-user-input") == [prepend, allow_it]
    late = "-A ufw-user-input -p udp -m multiport --dports 50000:60000 -j ACCEPT"
    assert commands("ufw", chain="ufw-user-input", before=late) == [
        "ufw delete allow 50000:60000/udp",
        prepend,
        allow_it,
    ]
    assert commands("ufw", chain="ufw-reject-input") == ["ufw allow 50000:60000/udp"]


@pytest.mark.parametrize("manager", ["ufw", "firewalld"])
def test_what_is_written_by_hand_into_a_managers_place_has_no_command(manager: str) -> None:
    assert commands(manager, hook="output") == commands(manager, hook="ingress") == []


@pytest.mark.parametrize("in_force", ["", "none", "unknown"])
def test_where_nobody_is_in_charge_there_is_no_command(in_force: str) -> None:
    assert commands(in_force) == []


def test_many_ports_are_spread_over_several_commands() -> None:
    odd = ",".join(map(str, range(1, 15, 2)))
    assert commands("ufw", [("udp", odd)]) == ["ufw allow 1,3,5,7,9/udp", "ufw allow 11,13/udp"]


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        "x",
        {},
        {"rules": "x"},
        {"rules": [None, {}, {**ROW, "ports": "x"}, {**ROW, "position": "x"}, {**ROW, "ports": None}]},
        {"failed": True, "msg": "it did not work"},
    ],
)
def test_whatever_came_back_it_is_no_crash(result: t.Any) -> None:
    found = read_firewall(result)
    assert (found.in_force, found.rules, found.cloud) == ("", (), "")


def test_what_came_back_is_safe_to_print() -> None:
    assert "\x1b" not in rule(rule="\x1b[31m-j DROP").rule
    assert read_firewall({"in_force": "ufw\n", "cloud": "aws"}) == Firewall("ufw ", (), "aws")
    assert len(read_firewall({"rules": [ROW] * 1000}).rules) == _firewall._MOST_RULES
