# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.plugin_utils._warnings import warnings

NAME = {"name": "meet.example.com", "ipv4": ["203.0.113.10"], "ipv6": [], "reason": ""}
FINE = {
    "stun": {"stun.example.com:3478": "203.0.113.10"},
    "hairpin": {"203.0.113.10": True},
    "names": [NAME],
    "ephemeral": "32768-49999",
}


def warn(sides: t.Any, **outlook: t.Any) -> list[t.Any]:
    rows = [sides.row("udp", range(50000, 60001)), sides.row("tcp", [443])]
    return warnings({**FINE, **outlook}, "meet1", rows, [sides.vantage({})])


def test_where_all_is_well_there_is_no_warning(sides: t.Any) -> None:
    assert warn(sides) == []
    assert warn(sides, hairpin={"203.0.113.10": None}, stun={}, names=[], ephemeral="") == []


@pytest.mark.parametrize(
    ("outlook", "about", "explanation", "step"),
    [
        (
            {"stun": {"a:1": "", "b:2": ""}},
            "stun",
            "No STUN server answers meet1 (a:1 and b:2)",
            "Let UDP out of meet1",
        ),
        (
            {"stun": {"a:1": "198.51.100.77"}},
            "stun",
            "meet1 goes out as 198.51.100.77, and is reached at 203.0.113.10",
            "rtc.node_ip: 203.0.113.10",
        ),
        ({"hairpin": {"203.0.113.10": False}}, "hairpin", "does not reach itself at 203.0.113.10", "hairpin NAT"),
        (
            {"names": [{**NAME, "ipv6": ["2001:db8::bad"]}]},
            "names",
            "On meet1 meet.example.com leads to 2001:db8::bad, and outsiders reach it at 203.0.113.10.",
            "Mend the DNS record of meet.example.com",
        ),
        (
            {"names": [{**NAME, "ipv4": [], "reason": "no such name"}]},
            "names",
            "On meet1 meet.example.com has no address (no such name)",
            "/etc/hosts",
        ),
        (
            {"ephemeral": "32768-50009"},
            "ephemeral",
            "The kernel of meet1 hands 50000-50009/udp out to any program; now and then one of them will be taken",
            "sysctl -p /etc/sysctl.d/60-plugnmeet.conf",
        ),
        (
            {"ephemeral": "32768-50000"},
            "ephemeral",
            "The kernel of meet1 hands 50000/udp out to any program; now and then it will be taken",
            "sysctl -p /etc/sysctl.d/60-plugnmeet.conf",
        ),
    ],
)
def test_each_trouble_is_a_warning_with_a_remedy(
    sides: t.Any, outlook: dict[str, t.Any], about: str, explanation: str, step: str
) -> None:
    (warning,) = warn(sides, **outlook)
    assert warning.about == about
    assert explanation in warning.explanation
    assert any(step in remedy for remedy in warning.remedy)


@pytest.mark.parametrize(
    "outlook", [{"stun": "x"}, {"names": ["x"]}, {"names": [{}]}, {"ephemeral": "many"}, {"hairpin": [1]}]
)
def test_what_came_back_wrong_is_no_warning(sides: t.Any, outlook: dict[str, t.Any]) -> None:
    assert warn(sides, **outlook) == []


def test_a_translators_address_is_nothing_that_the_server_should_know(sides: t.Any) -> None:
    asked = {"addresses": {"ipv6": "64:ff9b::203.0.113.10"}}
    seen = {**FINE, "hairpin": {"64:ff9b::203.0.113.10": False}, "stun": {"a:1": "203.0.113.10"}}
    assert warnings(seen, "meet1", [sides.row("udp", [50000])], [sides.vantage({}, **asked)]) == []
    elsewhere = warnings({"stun": {"a:1": "198.51.100.77"}}, "meet1", [], [sides.vantage({}, **asked)])
    assert "is reached at 203.0.113.10" in elsewhere[0].explanation


def test_without_an_outlook_there_is_no_warning(sides: t.Any) -> None:
    assert warnings({"failed": True, "msg": "x"}, "meet1", [sides.row("udp", [50000])], [sides.vantage({})]) == []
