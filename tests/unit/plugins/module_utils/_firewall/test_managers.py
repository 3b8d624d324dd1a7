# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._firewall import managers as of_managers
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.iptables import tables as iptables
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.managers import (
    FIREWALLD,
    UFW,
    Manager,
    in_force,
    managers,
    owner,
    setting,
    zone,
)
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.nftables import tables as nftables
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.packet import IN, OUT, Packet
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.ruleset import (
    IPTABLES_LEGACY,
    IPTABLES_NFT,
    NFTABLES,
    Table,
)
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.system import Output
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.walk import Stop, walk
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils._firewall import samples
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils._firewall.target import STATE, Target

UDP = Packet(IN, False, "udp", "ipv4", "eth0", "198.51.100.2", ("203.0.113.10",))
PORTS = 1 << 443 | 1 << 50000

UFW_TABLES = iptables(samples.UFW_SAVED, IPTABLES_NFT, "ip")
FIREWALLD_TABLES = nftables(json.loads(samples.FIREWALLD_JSON), samples.FIREWALLD_LISTING)
OWN_TABLES = nftables(json.loads(samples.NFT_JSON), samples.NFT_LISTING)
# `ufw disable` leaves its chains behind, and nothing leads there any more.
LEFT = "".join(line for line in samples.UFW_SAVED.splitlines(True) if line[:2] in ("*f", ":u", "CO"))


@pytest.fixture(autouse=True)
def conf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """ufw's configuration, which is not there; beside it are its defaults, and neither are these."""
    path = tmp_path / "ufw.conf"
    monkeypatch.setattr(of_managers, "UFW_CONF", str(path))
    monkeypatch.setattr(of_managers, "UFW_DEFAULTS", str(tmp_path / "ufw"))
    monkeypatch.setattr(of_managers.shutil, "which", lambda *dummy, **dummy_more: None)
    return path


def stops(tables: list[Table]) -> list[Stop]:
    return walk(tables, UDP, PORTS)


def test_without_anything_none_is_in_force() -> None:
    assert managers([], Target()) == []
    assert in_force([], []) == "none"


def test_empty_tables_of_iptables_are_nobody() -> None:
    empty = iptables("*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n", IPTABLES_LEGACY, "ip")
    assert managers(empty, Target()) == []


@pytest.mark.parametrize(
    ("text", "tables", "expected"),
    [
        ("ENABLED=yes\n", UFW_TABLES, Manager(UFW, True, "enabled")),
        ("# x\nENABLED='yes'\nLOGLEVEL=low\n", UFW_TABLES, Manager(UFW, True, "enabled")),
        ("ENABLED=no\n", [], Manager(UFW, False, "not enabled")),
        ("", [], Manager(UFW, False, "not enabled")),
        ("ENABLED=yes\n", [], Manager(UFW, False, "enabled, but its rules are not in force")),
        ("ENABLED=no\n", UFW_TABLES, Manager(UFW, True, "not enabled, but its rules are in force")),
        ("ENABLED=no\n", iptables(LEFT, IPTABLES_NFT, "ip"), Manager(UFW, False, "not enabled")),
    ],
)
def test_ufw_is_active_if_its_chains_are_reached(conf: Path, text: str, tables: list[Table], expected: Manager) -> None:
    conf.write_text(text, encoding="utf-8")
    assert managers(tables, Target())[0] == expected


def test_what_ufw_stops_is_ufws(conf: Path) -> None:
    conf.write_text("ENABLED=yes\n", encoding="utf-8")
    found = managers(UFW_TABLES, Target())
    (policy,) = stops(UFW_TABLES)
    assert (owner(policy, found), zone(policy, UDP), in_force(found, [policy])) == (UFW, "", UFW)
    assert found[1] == Manager(IPTABLES_NFT, True, "47 rules in filter")


@pytest.mark.parametrize("written", ["IPV6=no\n", "# x\nIPV6='NO'\n"])
def test_what_ufw_loads_where_it_does_without_ipv6_is_ufws(conf: Path, tmp_path: Path, written: str) -> None:
    conf.write_text("ENABLED=yes\n", encoding="utf-8")
    (tmp_path / "ufw").write_text(written, encoding="utf-8")
    bare = iptables(samples.UFW_WITHOUT_IPV6_SAVED, IPTABLES_NFT, "ip6")
    found = managers([*UFW_TABLES, *bare], Target())
    (policy,) = walk(bare, UDP._replace(family="ipv6"), PORTS)
    assert (owner(policy, found), setting(policy, found)) == (UFW, f"IPV6=no in {tmp_path}/ufw")
    (ipv4,) = stops(UFW_TABLES)
    assert setting(ipv4, found) == ""


@pytest.mark.parametrize(("enabled", "written"), [("yes", "IPV6=yes\n"), ("yes", ""), ("no", "IPV6=no\n")])
def test_a_policy_that_no_setting_of_ufw_makes_is_not_ufws(
    conf: Path, tmp_path: Path, enabled: str, written: str
) -> None:
    conf.write_text(f"ENABLED={enabled}\n", encoding="utf-8")
    (tmp_path / "ufw").write_text(written, encoding="utf-8")
    bare = iptables(samples.UFW_WITHOUT_IPV6_SAVED, IPTABLES_NFT, "ip6")
    found = managers([*(UFW_TABLES if enabled == "yes" else []), *bare], Target())
    (policy,) = walk(bare, UDP._replace(family="ipv6"), PORTS)
    assert (owner(policy, found), setting(policy, found)) == (IPTABLES_NFT, "")


def test_a_rule_beside_ufw_is_not_ufws(conf: Path) -> None:
    conf.write_text("ENABLED=yes\n", encoding="utf-8")
    tables = iptables(samples.UFW_SAVED.replace("-A INPUT", "-A INPUT -j DROP\n-A INPUT", 1), IPTABLES_NFT, "ip")
    found = managers(tables, Target())
    (drop,) = stops(tables)
    assert (owner(drop, found), in_force(found, [drop])) == (IPTABLES_NFT, UFW)


@pytest.mark.parametrize(
    ("said", "tables", "expected"),
    [
        ('{"type":"s","data":"RUNNING"}', FIREWALLD_TABLES, Manager(FIREWALLD, True, "running")),
        ('{"type":"s","data":"RUNNING"}', [], Manager(FIREWALLD, True, "running")),
        ('{"type":"s","data":"FAILED"}', [], Manager(FIREWALLD, False, "failed")),
        (Output(1, "", "no such name"), [], Manager(FIREWALLD, False, "not running")),
        (
            Output(1, "", "no such name"),
            FIREWALLD_TABLES,
            Manager(FIREWALLD, True, "not running, but its rules are in force"),
        ),
        ("nonsense", [], Manager(FIREWALLD, False, "unknown")),
        (Output(None, "", ""), FIREWALLD_TABLES, Manager(FIREWALLD, True, "its rules are in force")),
        (Output(None, "", ""), [], Manager(FIREWALLD, False, "its rules are not in force")),
    ],
)
def test_firewalld_is_asked_for_its_state(
    monkeypatch: pytest.MonkeyPatch, said: str | Output, tables: list[Table], expected: Manager
) -> None:
    monkeypatch.setattr(of_managers.shutil, "which", lambda *dummy, **dummy_more: "/usr/sbin/firewalld")
    assert managers(tables, Target(**{STATE: said})) == [expected]


def test_what_firewalld_stops_is_firewalds_and_has_a_zone() -> None:
    found = managers(FIREWALLD_TABLES, Target(**{STATE: '{"type":"s","data":"RUNNING"}'}))
    (reject,) = stops(FIREWALLD_TABLES)
    assert (owner(reject, found), zone(reject, UDP), in_force(found, [reject])) == (FIREWALLD, "public", FIREWALLD)


@pytest.mark.parametrize(
    ("via", "expected"),
    [
        (("INPUT", "INPUT_ZONES", "IN_work", "IN_work_deny"), "work"),
        (("filter_INPUT", "filter_INPUT_ZONES", "filter_IN_my_zone"), "my_zone"),
        (("INPUT", "INPUT_ZONES", "IN_my_deny", "INPUT_POLICIES_pre", "IN_public_to_HOST"), "my_deny"),
        (("INPUT", "INPUT_ZONES", "IN_work_to_HOST"), "work"),
        (("filter_INPUT", "filter_INPUT_POLICIES_pre", "filter_IN_policy_allow-host-ipv6"), "public"),
        (("filter_INPUT",), "public"),
    ],
)
def test_the_zone_is_read_from_the_chains(via: tuple[str, ...], expected: str) -> None:
    (stop,) = stops(FIREWALLD_TABLES)
    assert zone(stop._replace(via=via), UDP) == expected


ZONES_09 = """*filter
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:INPUT_ZONES - [0:0]
:INPUT_ZONES_SOURCE - [0:0]
:IN_external - [0:0]
:IN_public - [0:0]
:IN_work - [0:0]
-A INPUT -j INPUT_ZONES_SOURCE
-A INPUT -j INPUT_ZONES
-A INPUT -j REJECT --reject-with icmp-host-prohibited
-A INPUT_ZONES_SOURCE -s 198.51.100.66/32 -g IN_work
-A INPUT_ZONES -i eth0 -g IN_external
-A INPUT_ZONES -g IN_public
COMMIT
"""


@pytest.mark.parametrize(
    ("peer", "interface", "expected"),
    [
        ("198.51.100.66", "eth0", "work"),
        ("198.51.100.2", "eth0", "external"),
        ("", "eth0", "external"),
        ("198.51.100.2", "eth1", "public"),
    ],
)
def test_the_zone_of_what_is_stopped_after_all_zones_is_that_of_the_packet(
    peer: str, interface: str, expected: str
) -> None:
    packet = UDP._replace(peer=peer, interface=interface)
    (stop,) = walk(iptables(ZONES_09, IPTABLES_NFT, "ip"), packet, PORTS)
    assert stop.via == ("INPUT",)
    assert zone(stop, packet) == expected


def test_the_zone_is_found_among_the_policies_of_firewalld_2() -> None:
    rules = [
        ("filter_INPUT", [{"jump": {"target": "filter_INPUT_POLICIES"}}]),
        ("filter_INPUT_POLICIES", [{"jump": {"target": "filter_IN_policy_allow-host-ipv6"}}]),
        ("filter_INPUT_POLICIES", [{"jump": {"target": "filter_IN_home"}}]),
        ("filter_INPUT_POLICIES", [{"reject": None}]),
    ]
    where = {"family": "inet", "table": "firewalld", "handle": 1}
    base = {"type": "filter", "hook": "input", "prio": 10}
    names = ["filter_INPUT", "filter_INPUT_POLICIES", "filter_IN_policy_allow-host-ipv6", "filter_IN_home"]
    ruleset = [
        {"table": {"family": "inet", "name": "firewalld", "handle": 1}},
        *({"chain": {**where, "name": name, **(base if name == "filter_INPUT" else {})}} for name in names),
        *({"rule": {**where, "chain": chain, "expr": expr}} for chain, expr in rules),
    ]
    (stop,) = walk(nftables({"nftables": ruleset}, ""), UDP, PORTS)
    assert zone(stop, UDP) == "home"


def test_an_answer_has_no_zone() -> None:
    tables = iptables(ZONES_09.replace("-A INPUT ", "-A OUTPUT -j DROP\n-A INPUT ", 1), IPTABLES_NFT, "ip")
    answer = UDP._replace(direction=OUT, established=True)
    (stop,) = walk(tables, answer, PORTS)
    assert zone(stop, answer) == ""


def test_who_stops_something_is_in_force_before_who_could() -> None:
    legacy = iptables("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 10.0.0.0/8 -j DROP\nCOMMIT\n", IPTABLES_LEGACY, "ip")
    tables = [*OWN_TABLES, *legacy]
    found = managers(tables, Target())
    assert found == [
        Manager(IPTABLES_LEGACY, True, "1 rule in filter"),
        Manager(NFTABLES, True, "12 rules in inet filter, netdev early"),
    ]
    assert in_force(found, stops(tables)) == NFTABLES
    assert in_force(found, []) == IPTABLES_LEGACY


def test_rules_that_only_forward_or_let_in_are_not_active() -> None:
    saved = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n-A INPUT -j ACCEPT\n-A FORWARD -j DROP\nCOMMIT\n"
    assert managers(iptables(saved, IPTABLES_NFT, "ip"), Target()) == [
        Manager(IPTABLES_NFT, False, "2 rules in filter")
    ]
