# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.plugin_utils._allow import allow
from ansible_collections.plugnmeet.server.plugins.plugin_utils._firewall import Firewall, Rule
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import ServerCommand
from ansible_collections.plugnmeet.server.tests.unit.plugins.plugin_utils.rules_of import rule

MEDIA = [("udp", "50000-60000")]
WEB_AND_MEDIA = [("tcp", "80"), ("tcp", "443"), ("udp", "50000-60000")]


def stopping(port_sets: t.Any, **about: t.Any) -> list[Rule]:
    """A rule that stops all of these, as one row for each."""
    return [rule(**{"protocol": protocol, "ports": ports, **about}) for protocol, ports in port_sets]


def steps(in_force: str, rules: list[Rule], port_sets: t.Any = None) -> list[str]:
    return allow("meet1", Firewall(in_force, tuple(rules), ""), rules, port_sets or MEDIA)


def commands(in_force: str, port_sets: t.Any = None, **about: t.Any) -> list[str]:
    return shell(steps(in_force, stopping(port_sets or MEDIA, manager=in_force, **about), port_sets))


def shell(all_steps: list[str]) -> list[str]:
    return [step for step in all_steps if isinstance(step, ServerCommand)]


def test_ufw_takes_ranges_with_a_colon_and_all_of_a_protocol_at_once() -> None:
    assert commands("ufw", WEB_AND_MEDIA) == ["ufw allow 80,443/tcp", "ufw allow 50000:60000/udp"]


def test_ufw_without_ipv6_has_to_filter_it_before_it_lets_something_in() -> None:
    about = {"manager": "ufw", "position": 0, "setting": "IPV6=no in /etc/default/ufw", "family": "ipv6"}
    assert steps("ufw", stopping(WEB_AND_MEDIA, **about), WEB_AND_MEDIA) == [
        "On meet1, where ufw is in charge:",
        "Undo IPV6=no in /etc/default/ufw, by which it stops all of IPv6:",
        "sed -i 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw",
        "ufw reload",
        "ufw allow 80,443/tcp",
        "ufw allow 50000:60000/udp",
    ]


def test_firewalld_is_told_for_good_and_in_its_zone() -> None:
    assert commands("firewalld", WEB_AND_MEDIA, zone="public") == [
        "firewall-cmd --permanent --zone=public --add-port=80/tcp --add-port=443/tcp --add-port=50000-60000/udp",
        "firewall-cmd --reload",
    ]


@pytest.mark.parametrize(
    ("about", "command"),
    [
        ({}, "iptables -I INPUT 5 -p udp --dport 50000:60000 -j ACCEPT"),
        ({"position": 0}, "iptables -A INPUT -p udp --dport 50000:60000 -j ACCEPT"),
        ({"family": "ipv6"}, "ip6tables -I INPUT 5 -p udp --dport 50000:60000 -j ACCEPT"),
        (
            {"table": "raw", "chain": "PREROUTING"},
            "iptables -t raw -I PREROUTING 5 -p udp --dport 50000:60000 -j ACCEPT",
        ),
        ({"hook": "output", "chain": "OUTPUT"}, "iptables -I OUTPUT 5 -p udp --sport 50000:60000 -j ACCEPT"),
    ],
)
def test_iptables_lets_in_before_the_rule_that_stops(about: t.Any, command: str) -> None:
    assert commands("iptables-nft", **about) == [command]


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
    made = steps("iptables-nft", rules)
    assert made == [
        "On meet1, where iptables-nft is in charge:",
        "iptables -I INPUT 3 -p udp --dport 50000:60000 -j ACCEPT",
        "And, to keep it after a reboot: netfilter-persistent save (package iptables-persistent)",
    ]


def test_a_rule_beside_those_of_who_is_in_charge_is_met_where_it_stands() -> None:
    rules = [
        rule(manager="iptables-nft", position=1, protocol="tcp", ports="80"),
        rule(manager="ufw", position=0),
        rule(manager="nftables", table="inet filter", chain="input", handle=7, ports="55000"),
    ]
    assert steps("ufw", rules, WEB_AND_MEDIA) == [
        "On meet1, where iptables-nft has rules beside ufw:",
        "iptables -I INPUT 1 -p tcp --dport 80 -j ACCEPT",
        "And take the rule that stops it away where it is made, or it comes back",
        "On meet1, where ufw is in charge:",
        "ufw allow 50000:60000/udp",
        "On meet1, where nftables has rules beside ufw:",
        "nft insert rule inet filter input position 7 udp dport 55000 accept",
        "And the same in /etc/nftables.conf, to last",
    ]


def test_who_is_banned_is_let_in_again_and_nobody_else() -> None:
    rules = [
        rule(chain="f2b-sshd", position=1, sources=["198.51.100.2"]),
        rule(chain="f2b-sshd", position=1, protocol="tcp", ports="443", sources=["198.51.100.2", "198.51.100.3"]),
        rule(manager="ufw", position=0, protocol="tcp", ports="80"),
    ]
    assert steps("ufw", rules, WEB_AND_MEDIA) == [
        "On meet1, where fail2ban keeps 198.51.100.2 and 198.51.100.3 out:",
        "fail2ban-client unban 198.51.100.2",
        "fail2ban-client unban 198.51.100.3",
        "On meet1, where ufw is in charge:",
        "ufw allow 80/tcp",
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


def test_a_chain_lets_in_only_what_its_own_rules_stop() -> None:
    rules = [
        rule(table="raw", chain="PREROUTING", hook="prerouting", position=1),
        rule(protocol="tcp", ports="7881", position=4),
    ]
    assert shell(steps("iptables-nft", rules, [("tcp", "7881"), *MEDIA])) == [
        "iptables -t raw -I PREROUTING 1 -p udp --dport 50000:60000 -j ACCEPT",
        "iptables -I INPUT 4 -p tcp --dport 7881 -j ACCEPT",
    ]


def test_a_set_in_too_many_pieces_is_let_in_as_what_is_wanted_of_its_protocol() -> None:
    odd = ",".join(map(str, range(50001, 50100, 2)))
    assert commands("nftables", ports=odd, table="inet filter", chain="input", handle=7) == [
        "nft insert rule inet filter input position 7 udp dport 50000-60000 accept"
    ]


@pytest.mark.parametrize(
    ("about", "command", "file"),
    [
        (
            {"chain": "ufw-before-input", "position": 3},
            "iptables -I ufw-before-input 3 -p udp --dport 50000:60000 -j ACCEPT",
            "/etc/ufw/before.rules",
        ),
        (
            {"chain": "ufw6-before-input", "family": "ipv6"},
            "ip6tables -I ufw6-before-input 5 -p udp --dport 50000:60000 -j ACCEPT",
            "/etc/ufw/before6.rules",
        ),
        (
            {"chain": "ufw-before-output", "hook": "output"},
            "iptables -I ufw-before-output 5 -p udp --sport 50000:60000 -j ACCEPT",
            "/etc/ufw/before.rules",
        ),
    ],
)
def test_a_rule_that_ufw_only_keeps_is_met_in_its_chain_and_its_file_is_named(
    about: t.Any, command: str, file: str
) -> None:
    assert steps("ufw", [rule(manager="ufw", **about)]) == [
        "On meet1, where ufw is in charge:",
        command,
        f"And if the rule is in {file}: take it out there, or it comes back",
    ]


@pytest.mark.parametrize("chain", ["ufw-user-limit", "ufw6-user-limit"])
def test_a_limit_of_ufws_own_is_the_users(chain: str) -> None:
    assert commands("ufw", chain=chain) == ["ufw prepend allow 50000:60000/udp", "ufw allow 50000:60000/udp"]


@pytest.mark.parametrize("chain", ["ufw-after-input", "ufw-skip-to-policy-input", "ufw6-reject-input"])
def test_what_comes_after_the_users_rules_is_met_by_one_of_these(chain: str) -> None:
    assert commands("ufw", chain=chain) == ["ufw allow 50000:60000/udp"]


@pytest.mark.parametrize(("chain", "priority"), [("filter_IN_public_deny", "-1"), ("IN_public_pre", "-32768")])
def test_a_rich_rule_that_denies_is_preceded_by_one_that_accepts(chain: str, priority: str) -> None:
    denying = rule(manager="firewalld", zone="public", table="inet firewalld", chain=chain)
    about = f'rule priority="{priority}" family="ipv4" port port="50000-60000" protocol="udp" accept'
    assert steps("firewalld", [denying]) == [
        "On meet1, where firewalld is in charge:",
        f"firewall-cmd --permanent --zone=public --add-rich-rule='{about}'",
        "firewall-cmd --reload",
        "And remove the rule that stops it, if nobody needs it:",
        "firewall-cmd --zone=public --list-rich-rules",
    ]


@pytest.mark.parametrize(
    ("chain", "what"),
    [
        ("filter_IN_policy_shut_deny", '--add-rich-rule=\'rule priority="-1" '),
        ("filter_IN_policy_shut", "--add-port=50000-60000/udp"),
    ],
)
def test_what_a_policy_of_firewalld_stops_is_let_in_by_that_policy(chain: str, what: str) -> None:
    made = commands("firewalld", zone="public", chain=chain)
    assert made[0].startswith(f"firewall-cmd --permanent --policy=shut {what}")


def test_what_no_rich_rule_of_firewalld_denies_is_a_port_of_its_zone() -> None:
    rules = [
        rule(manager="firewalld", zone="public", chain="filter_IN_public_deny"),
        rule(manager="firewalld", zone="public", chain="filter_IN_public", protocol="tcp", ports="80"),
    ]
    assert shell(steps("firewalld", rules, WEB_AND_MEDIA))[1:] == [
        "firewall-cmd --permanent --zone=public --add-port=80/tcp",
        "firewall-cmd --reload",
    ]


def test_a_port_that_firewalld_forwards_is_no_matter_of_its_ports() -> None:
    forwarding = rule(manager="firewalld", chain="nat_PRE_public_allow", hook="prerouting", action="translate")
    assert steps("firewalld", [forwarding])[1:] == [
        "Remove the forwarding of the port (--remove-forward-port):",
        "firewall-cmd --list-all-zones",
    ]


@pytest.mark.parametrize(
    ("chain", "hint"),
    [("DOCKER", "And stop the container that publishes the port"), ("PREROUTING", "And take the rule that translates")],
)
def test_past_a_translation_ports_stay_what_they_are_until_it_comes_back(chain: str, hint: str) -> None:
    translating = rule(table="nat", chain=chain, hook="prerouting", action="translate", position=2)
    given = steps("iptables-nft", [translating])
    assert given[1:2] == [f"iptables -t nat -I {chain} 2 -p udp --dport 50000:60000 -j ACCEPT"]
    assert [step[: len(hint)] for step in given[2:]] == [hint]
