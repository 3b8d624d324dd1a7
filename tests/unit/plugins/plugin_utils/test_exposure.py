# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.plugin_utils import _report, _verdict
from ansible_collections.plugnmeet.server.plugins.plugin_utils._cause import causes
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sides import read_target

HOLDER = {"process": "redis-server", "pid": "7", "unit": "redis-server.service"}


def closed(protocol: str = "tcp", required: bool = True) -> Requirement:
    speaks = "stun" if protocol == "udp" else "ice-tcp"
    return Requirement("inner", protocol, frozenset({6379}), speaks, required, "inner use", "closed")


def test_who_takes_a_connection_and_resets_it_is_reached(sides: t.Any) -> None:
    for by, state in (("TCP reset", "rejected_upstream"), ("TCP reset after connecting", "wrong_server")):
        for arrived in ({}, {("arrived", "tcp", ""): [6379]}):
            vantage = sides.vantage({("rejected", "tcp", f"by={by}"): [6379], ("asked", "tcp", "source=4"): [6379]})
            (check,) = _verdict.decide([closed()], [vantage], sides.target(arrived), True)
            reached = state == "wrong_server"
            assert check.verdict == ("failed" if reached else "passed")
            assert check.results[0].state == ("rejected_on_host" if arrived and not reached else state)


@pytest.mark.parametrize("seen", ["foreign", "accepted", "rejected"])
def test_what_the_probers_own_network_answers_reaches_nothing(sides: t.Any, seen: str) -> None:
    for heard, verdict in (("", "inconclusive"), ("arrived received answered left", "failed")):
        assert judge(sides, f"{seen} near", heard, closed())[0].verdict == verdict
    far = judge(sides, seen, "", closed())[0]
    assert far.verdict == ("passed" if seen == "rejected" else "failed")


def judge(
    sides: t.Any, seen: str, heard: str, row: Requirement, gap: str = "", **known: t.Any
) -> tuple[_verdict.Check, str]:
    """The check of 6379 on which the prober saw `seen` and the listener `heard`, and what the screen says of it."""
    in_use = known.pop("in_use", {})
    vantage = sides.vantage({(what, row.protocol, ""): [6379] for what in seen.split()}, **known)
    target = sides.target({(what, row.protocol, ""): [6379] for what in heard.split()}, gap, in_use=in_use)
    checks = _verdict.decide([row], [vantage], target, True)
    report = _report.build("meet1", "meet.example.com", checks, [vantage], [], 1)
    return checks[0], _report.render(report, checks, [vantage], 0)


# What the prober and the listener saw, and the verdict on a required port that shall be closed.
TABLE = [
    ("", "", "passed"),
    ("", "arrived passed", "passed"),
    ("rejected", "", "passed"),
    ("rejected", "arrived", "passed"),
    ("open", "arrived received answered left", "failed"),
    ("open", "", "failed"),
    ("foreign", "", "failed"),
    ("accepted", "", "failed"),
    ("moved", "", "failed"),
    ("", "arrived received answered left", "failed"),
    ("", "received unanswered", "failed"),
    ("unsent", "", "inconclusive"),
    ("limited", "", "inconclusive"),
]


@pytest.mark.parametrize(("seen", "heard", "verdict"), TABLE)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_what_nobody_reaches_is_closed(sides: t.Any, seen: str, heard: str, verdict: str, protocol: str) -> None:
    check, screen = judge(sides, seen, heard, closed(protocol))
    assert check.verdict == verdict
    words = {"passed": "closed", "failed": "FAILED: reachable", "inconclusive": "NOT PROVEN"}
    assert f"required  {words[verdict]}\n" in screen
    assert ("->" in screen) == (verdict != "passed")
    optional, screen = judge(sides, seen, heard, closed(protocol, required=False))
    assert optional.verdict == ("passed" if verdict == "passed" else "warning")


@pytest.mark.parametrize(
    ("seen", "protocol", "verdict"),
    [
        ("", "tcp", "passed"),
        ("rejected", "tcp", "passed"),
        ("foreign", "tcp", "failed"),
        ("accepted", "tcp", "failed"),
        ("", "udp", "inconclusive"),
        ("rejected", "udp", "inconclusive"),
        ("foreign", "udp", "failed"),
    ],
)
def test_a_program_that_holds_it_is_looked_at_from_outside(
    sides: t.Any, seen: str, protocol: str, verdict: str
) -> None:
    check, screen = judge(sides, seen, "", closed(protocol), in_use={(protocol, 6379): HOLDER})
    assert check.verdict == verdict
    assert ("redis-server on meet1 holds it and says nothing" in screen) == (verdict == "inconclusive")


def test_what_nobody_could_ask_is_told_with_its_reason(sides: t.Any) -> None:
    def said(*seen: tuple[str, str, str], **known: t.Any) -> str:
        vantage = sides.vantage({row: [6379] for row in seen}, **known)
        checks = _verdict.decide([closed()], [vantage], sides.target({}), True)
        report = _report.build("meet1", "meet.example.com", checks, [vantage], [], 1)
        return " ".join(_report.render(report, checks, [vantage], 0).split())

    failure = "ext could not be used: no route to host"
    assert f"{failure}. -> Make it work for Ansible" in said(families=(), failure=failure)
    assert "ext could not ask over IPv4: no route." in said(("unsent", "tcp", "reason=no route"))
    limited = said(("limited", "tcp", "limit=flows; after=7"))
    assert "After 7 answers no new connection got through" in limited
    assert "could not ask" not in limited
    near = said(("accepted", "tcp", ""), ("near", "tcp", ""))
    assert "Something in the network of ext answered in meet1's place, with a connection, and nothing more" in near


def test_a_program_that_nobody_knows_is_none_by_name(sides: t.Any) -> None:
    said = " ".join(judge(sides, "", "", closed("udp"), in_use={("udp", 6379): {}})[1].split())
    assert "A program on meet1 holds it and says nothing" in said
    assert "or run it again while it is stopped" in said


@pytest.mark.parametrize("gap", ["", "the look at the network card missed 3 frames"])
@pytest.mark.parametrize(("seen", "verdict"), [("", "inconclusive"), ("open", "failed")])
def test_a_port_that_is_closed_is_not_blamed_for_another(sides: t.Any, gap: str, seen: str, verdict: str) -> None:
    row = closed("udp")._replace(ports=frozenset({1900, 5353, 6379}))
    vantage = sides.vantage({(seen, "udp", ""): [1900]} if seen else {("unsent", "udp", "reason=x"): [1900]})
    target = sides.target({}, gap, in_use={("udp", 5353): HOLDER})
    checks = _verdict.decide([row], [vantage], target, True)
    assert checks[0].verdict == verdict
    assert [cause.ports for cause in causes(checks)] == [(("udp", "1900"),), (("udp", "5353"),)]


def test_silence_proves_nothing_where_nothing_comes_through(sides: t.Any) -> None:
    check, screen = judge(sides, "", "", closed(), source={})
    assert check.verdict == "inconclusive"
    assert "Nothing at all of ext reached meet1, so silence says nothing about this port." in " ".join(screen.split())


def test_silence_proves_nothing_without_a_listener(sides: t.Any) -> None:
    check, screen = judge(sides, "rejected", "", closed(), read_target({}, {}).gap)
    assert check.verdict == "inconclusive"
    assert "Nobody answers, and that proves nothing, because the listener was gone" in " ".join(screen.split())
    assert judge(sides, "", "", closed(), "the look at the network card missed 3 frames")[0].verdict == "passed"


def test_a_witness_from_inside_proves_nothing_closed(sides: t.Any) -> None:
    for seen in ("", "open"):
        check, screen = judge(sides, seen, "", closed(), outside=False, inside="ext does not stand for the internet")
        assert check.verdict == "inconclusive"
        assert "Name a host outside meet1's network" in screen


def test_the_screen_says_who_is_reachable_and_what_to_do(sides: t.Any) -> None:
    screen = judge(sides, "open", "", closed())[1]
    assert "6379/tcp, over IPv4, from ext: reachable, and shall not be\n" in screen
    said = " ".join(screen.split())
    assert "ext reached it at 203.0.113.10: whatever listens there is open to the world." in said
    assert "-> Close 6379/tcp to the internet, in the firewall in front of meet1 or on it" in said
    assert "meet1 did not pass: 1 of 1 required entries not proven closed: inner (6379/tcp)." in said
    assert "meet1 passed: 1 proven closed." in " ".join(judge(sides, "", "", closed())[1].split())


def test_a_port_that_leads_to_another_is_told(sides: t.Any) -> None:
    vantage = sides.vantage({("asked", "tcp", "source=40000"): [6379]})
    target = sides.target({("stray", "tcp", "source=40000"): [6380]})
    checks = _verdict.decide([closed()], [vantage], target, True)
    report = _report.build("meet1", "meet.example.com", checks, [vantage], [], 1)
    assert report["checks"][0]["expect"] == "closed"
    assert report["checks"][0]["results"][0]["explanation"] == (
        "What ext sent to 203.0.113.10 arrives on port 6380 of meet1."
    )
