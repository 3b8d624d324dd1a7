# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils import _evidence
from ansible_collections.plugnmeet.server.plugins.plugin_utils._cause import Cause, causes
from ansible_collections.plugnmeet.server.plugins.plugin_utils._verdict import decide


def found(sides: t.Any, rows: t.Any, vantages: t.Any, target: t.Any = None) -> list[Cause]:
    return causes(decide(rows, vantages, target or sides.target({}), True))


def test_what_is_open_has_no_cause(sides: t.Any) -> None:
    assert found(sides, [sides.row("udp", [1])], [sides.vantage({("open", "udp", ""): [1]})]) == []


def test_requirements_that_fail_alike_have_one_cause(sides: t.Any) -> None:
    rows = [sides.row("tcp", [80], name="acme"), sides.row("udp", [5, 6], name="media")]
    (cause,) = found(sides, rows, [sides.vantage({})])
    assert cause._replace(parts=()) == Cause(
        state="blocked_upstream",
        facts={},
        gap="",
        inside="",
        unseen=False,
        ports=(("tcp", "80"), ("udp", "5-6")),
        names=("acme", "media"),
        entries=(("tcp", "80"), ("udp", "5-6")),
        ends=(("ext", "ipv4"),),
        addresses=("203.0.113.10",),
        sources=("198.51.100.2",),
    )


def test_both_families_that_fail_alike_have_one_cause(sides: t.Any) -> None:
    rows = [sides.row("tcp", [80], name="acme"), sides.row("udp", [5], name="media")]
    (cause,) = found(sides, rows, [sides.vantage({}, families=("ipv4", "ipv6"))])
    assert cause.ports == (("tcp", "80"), ("udp", "5"))
    assert cause.ends == (("ext", "ipv4"), ("ext", "ipv6"))
    assert cause.addresses == ("203.0.113.10", "2001:db8::10")


def test_vantages_that_fail_alike_have_one_cause(sides: t.Any) -> None:
    vantages = [sides.vantage({}, "a"), sides.vantage({}, "b", 1)]
    (cause,) = found(sides, [sides.row("udp", [5])], vantages)
    assert cause.ends == (("a", "ipv4"), ("b", "ipv4"))


def test_ends_that_fail_in_different_ports_have_a_cause_each(sides: t.Any) -> None:
    vantages = [sides.vantage({("open", "udp", ""): [1]}, "a"), sides.vantage({}, "b", 1)]
    one, other = found(sides, [sides.row("udp", [1, 2])], vantages)
    assert (one.ports, one.ends) == ((("udp", "2"),), (("a", "ipv4"),))
    assert (other.ports, other.ends) == ((("udp", "1-2"),), (("b", "ipv4"),))


def test_different_facts_are_different_causes(sides: t.Any) -> None:
    seen = {("rejected", "udp", "by=ICMP; offender=192.0.2.1"): [1], ("rejected", "udp", "by=ICMP; offender=x"): [2]}
    one, other = found(sides, [sides.row("udp", [1, 2])], [sides.vantage(seen)])
    assert (one.facts["offender"], other.facts["offender"]) == ("192.0.2.1", "x")
    assert (one.ports, other.ports) == ((("udp", "1"),), (("udp", "2"),))


def test_an_optional_port_that_is_closed_is_explained_too(sides: t.Any) -> None:
    (cause,) = found(sides, [sides.row("udp", [1], required=False)], [sides.vantage({})])
    assert cause.names == ("udp",)


def test_an_open_port_wants_an_explanation_only_if_its_witness_is_inside(sides: t.Any) -> None:
    seen = {("open", "udp", ""): [1]}
    inside = sides.vantage(seen, outside=False, inside="ext does not stand for the internet: x")
    (cause,) = found(sides, [sides.row("udp", [1])], [inside])
    assert (cause.state, cause.inside) == ("open", "ext does not stand for the internet: x")


def test_whatever_came_of_a_wrong_address_has_one_cause(sides: t.Any) -> None:
    seen = {("foreign", "tcp", "what=x"): [80], ("rejected", "tcp", "by=TCP reset"): [81]}
    rows = [sides.row("tcp", [80, 81], name="web"), sides.row("udp", [5], name="media")]
    own = (ipaddress.ip_interface("203.0.113.99/24"),)
    (cause,) = causes(
        decide(rows, [sides.vantage(seen, source={})], sides.target({}, addresses=own), vantage_check=True)
    )
    assert cause.astray is not None
    assert cause.astray["own"] == ["203.0.113.99"]
    assert [part.state for part in cause.parts] == ["wrong_server", "rejected_upstream", "blocked_upstream"]
    assert cause.entries == (("tcp", "80-81"), ("udp", "5"))


def test_without_an_address_there_is_no_family(sides: t.Any) -> None:
    nowhere = sides.vantage({}, families=(), unresolved='"x" does not resolve')
    (cause,) = found(sides, [sides.row("udp", [1]), sides.row("tcp", [1])], [nowhere])
    assert (cause.ends, cause.addresses, cause.unseen) == ((("ext", None),), (), False)
    assert cause.ports == (("udp", "1"), ("tcp", "1"))


def test_a_family_of_which_the_target_saw_nothing_is_a_cause_of_its_own(sides: t.Any) -> None:
    vantage = sides.vantage({}, families=("ipv4", "ipv6"), source={"ipv4": "198.51.100.2"})
    seen, unseen = found(sides, [sides.row("udp", [1])], [vantage])
    assert (seen.ends, seen.unseen) == ((("ext", "ipv4"),), False)
    assert (unseen.ends, unseen.unseen) == ((("ext", "ipv6"),), True)


def test_what_a_limit_hides_is_one_cause_though_chance_picked_the_ports(sides: t.Any) -> None:
    vantage = sides.vantage({("limited", "udp", "limit=flows; after=4"): [5, 7]}, families=("ipv4", "ipv6"))
    ipv6 = _evidence.Observation("limited", "udp", "ipv6", 0, _evidence.detail(limit="flows", after=4))
    vantage.evidence.ports(ipv6).clear()
    other = ipv6._replace(detail=_evidence.detail(limit="flows", after=5))
    vantage.evidence.ports(other).add(6)
    limited = [
        cause
        for cause in found(sides, [sides.row("udp", range(5, 10), name="media")], [vantage])
        if cause.state == "untested"
    ]
    assert [(cause.ports, cause.share, cause.after) for cause in limited] == [((("udp", "5-9"),), (3, 10), ("4", "5"))]
    assert limited[0].ends == (("ext", "ipv4"), ("ext", "ipv6"))
