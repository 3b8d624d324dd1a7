# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._firewall import managers as of_managers
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall import system
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.look import Ends, look
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.system import Output
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils._firewall import samples
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils._firewall.target import NFT, Target

TABLE = [
    Requirement("https", "tcp", frozenset([80, 443]), "https"),
    Requirement("media", "udp", frozenset(range(50000, 60001)), "stun"),
]
ORACLE = {"iptables-nft-save": samples.REJECT_SAVED, "ip6tables-nft-save": ""}


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(system, "_LEGACY_TABLES", {"ip": str(tmp_path / "x"), "ip6": str(tmp_path / "x")})
    monkeypatch.setattr(of_managers, "UFW_CONF", str(tmp_path / "x"))
    monkeypatch.setattr(of_managers, "UFW_DEFAULTS", str(tmp_path / "defaults"))
    monkeypatch.setattr(of_managers.shutil, "which", lambda *dummy, **dummy_more: None)


def seen(target: Target, sources: t.Sequence[str] = (), destinations: t.Sequence[str] = ()) -> dict[str, t.Any]:
    return look(TABLE, Ends("", sources, destinations), "/none", target)


def test_the_whole_row() -> None:
    result = seen(Target(**ORACLE).nft(samples.REJECT_JSON).ways())
    first = result["rules"][0]
    assert first == {
        "protocol": "tcp",
        "family": "ipv4",
        "ports": "80,443",
        "action": "reject",
        "certain": True,
        "packet": "question",
        "hook": "input",
        "manager": "iptables-nft",
        "zone": "",
        "setting": "",
        "table": "filter",
        "chain": "INPUT",
        "rule": "-A INPUT -j REJECT --reject-with icmp-host-prohibited",
        "policy": False,
        "position": 5,
        "handle": 0,
        "before": "-A INPUT -p tcp -m multiport --dports 80,443,7881 -j ACCEPT",
        "sources": [],
    }
    assert [(row["protocol"], row["family"], row["ports"]) for row in result["rules"]] == [
        ("tcp", "ipv4", "80,443"),
        ("udp", "ipv4", "50000-60000"),
    ]
    assert {key: value for key, value in result.items() if key != "rules"} == {
        "in_force": "iptables-nft",
        "managers": [{"name": "iptables-nft", "active": True, "detail": "7 rules in filter"}],
        "interfaces": {"ipv4": "eth0", "ipv6": "eth0"},
        "cloud": "",
        "complaints": [],
    }


def test_a_setting_of_the_managers_is_told(tmp_path: Path) -> None:
    (tmp_path / "defaults").write_text("IPV6=no\n", encoding="utf-8")
    saved = {"iptables-nft-save": samples.UFW_SAVED, "ip6tables-nft-save": samples.UFW_WITHOUT_IPV6_SAVED}
    rows = seen(Target(**saved).ways())["rules"]
    assert {(row["family"], row["manager"], row["setting"]) for row in rows} == {
        ("ipv4", "ufw", ""),
        ("ipv6", "ufw", f"IPV6=no in {tmp_path}/defaults"),
    }


def test_a_rule_for_one_source_is_told_apart_and_one_for_all_is_told_once() -> None:
    rules = "-A INPUT -s 198.51.100.66/32 -p tcp -j DROP\n-A INPUT -p udp -j DROP\n"
    saved = f"*filter\n:INPUT ACCEPT [0:0]\n{rules}COMMIT\n"
    target = Target(**{"iptables-nft-save": saved, "ip": "[]"}).nft(samples.REJECT_JSON)
    rows = seen(target, ["198.51.100.2", "198.51.100.66"])["rules"]
    assert [(row["protocol"], row["sources"]) for row in rows if row["family"] == "ipv4"] == [
        ("udp", ["198.51.100.2", "198.51.100.66"]),
        ("tcp", ["198.51.100.66"]),
    ]


def test_an_answer_and_what_follows_are_looked_at() -> None:
    saved = "*filter\n:INPUT DROP\n:OUTPUT DROP\n-A INPUT -m state --state NEW -j ACCEPT\nCOMMIT\n"
    target = Target(**{"iptables-nft-save": saved}).nft(samples.REJECT_JSON).ways()
    rows = [row for row in seen(target)["rules"] if row["protocol"] == "tcp"]
    assert [(row["packet"], row["hook"], row["rule"]) for row in rows] == [
        ("answer", "output", "-P OUTPUT DROP"),
        ("later", "input", "-P INPUT DROP"),
    ]


def test_a_family_without_a_way_has_no_rows() -> None:
    target = Target(**{"iptables-nft-save": samples.REJECT_SAVED, "ip": Output(2, "", "")}).nft(samples.REJECT_JSON)
    result = seen(target)
    assert (result["rules"], result["interfaces"], result["in_force"]) == ([], {}, "iptables-nft")


def test_where_nothing_can_be_read_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = seen(Target(**{NFT: Output(1, "", "Operation not permitted")}).ways())
    assert (result["in_force"], result["rules"], result["managers"]) == ("unknown", [], [])
    assert result["complaints"] == [
        "reading the packet filter needs root on the target; run with become: true",
        "nft does not list its rules: Operation not permitted",
    ]


def test_a_destination_that_is_given_counts() -> None:
    saved = "*filter\n:INPUT ACCEPT\n-A INPUT -d 203.0.113.99/32 -p tcp -j DROP\nCOMMIT\n"
    target = Target(**{"iptables-nft-save": saved}).nft(samples.REJECT_JSON).ways()
    assert seen(target)["rules"] == []
    (row,) = seen(target, destinations=["203.0.113.99"])["rules"]
    assert row["certain"]
