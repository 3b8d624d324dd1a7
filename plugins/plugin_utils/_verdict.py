# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The decision table: what both sides' evidence about a port means."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils import _evidence as saw
from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import Detail
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.plugin_utils._astray import astray
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sides import Target, Vantage

Ports = t.AbstractSet[int]

# Rows of: state, ports by detail, and only those in; known besides; why it is not certain, None for what the tap misses
_Table = tuple[tuple[str, dict[Detail, set[int]], Ports, dict[str, str], str | None], ...]

# The states in which outsiders reach a port, whoever answers them there.
REACHABLE = ("open", "intercepted", "wrong_server", "return_blocked")

_MOST_DETAILS = 5
_MOST_OF_ONE_KIND = 50  # results of a check; honest hosts have a few
_CLAIMED = "somebody else asked there too as if it were this test, be it in a flood of connections"
_UNMARKED = "the prober's system, as macOS, refuses the mark by which the target tells its connections from others'"
# What may come of asking an address that is not the target's
_LOST = ("blocked_upstream", "rejected_upstream", "wrong_server", "blocked_on_host", "rejected_on_host")
_PORT = re.compile("[1-9][0-9]{0,4}")


class Result(t.NamedTuple):
    """A state, the ports that are in it, and what is known besides.

    `facts` names what a reader wants to know, such as `holder`, `offender` or `where`. `gap` is why the place where
    the ports were lost is not certain, empty if it is.
    """

    state: str
    ports: frozenset[int]
    facts: dict[str, t.Any]
    gap: str = ""


class Check(t.NamedTuple):
    """What a requirement came to, from one vantage and over one address family (None if there was no address)."""

    requirement: Requirement
    vantage: Vantage
    family: str | None
    verdict: str
    results: list[Result]


def decide(
    requirements: t.Iterable[Requirement], vantages: t.Iterable[Vantage], target: Target, vantage_check: bool
) -> list[Check]:
    """Return a check for each requirement, vantage and address family, in that order."""
    vantages = list(vantages)
    checks = []
    for requirement in requirements:
        for vantage in vantages if vantage_check else (vantage._replace(inside="") for vantage in vantages):
            families: list[str | None] = [*sorted(vantage.addresses)] or [None]
            for family in families:
                if family is None:
                    about = {"prober": vantage.host, "reason": vantage.failure} if vantage.failure else {}
                    about = about or {"reason": vantage.unresolved}
                    results = [Result("untested", requirement.ports, about)]
                else:
                    results = _partition(requirement, vantage, family, target)
                trusted = not vantage_check or vantage.outside is not False
                if requirement.expect == "closed":
                    # Silence says something only where anything at all comes through, and the listener was there;
                    # where on the way it began is no matter.
                    heard = family in vantage.source and not target.gone
                    results = [result._replace(gap=target.gone and result.gap) for result in results]
                    verdict = _verdict_of_closed(requirement, results, trusted, heard)
                else:
                    verdict = _verdict(requirement, results, trusted)
                checks.append(Check(requirement, vantage, family, verdict, results))
    return checks


def passed(checks: t.Iterable[Check]) -> bool:
    """Tell whether there was something to prove, and every required port is proven open."""
    required = [check.verdict for check in checks if check.requirement.required]
    return bool(required) and all(verdict == "passed" for verdict in required)


def _verdict(requirement: Requirement, results: t.Iterable[Result], trusted: bool) -> str:
    results = list(results)
    is_open = all(result.state == "open" for result in results)
    if is_open and trusted:
        return "passed"
    if not requirement.required:
        return "warning"
    firm = any(result.state not in ("open", "untested") and not result.gap for result in results)
    return "failed" if firm and trusted else "inconclusive"


def _verdict_of_closed(requirement: Requirement, results: t.Iterable[Result], trusted: bool, heard: bool) -> str:
    states = {result.state for result in results}
    is_reachable = not states.isdisjoint(REACHABLE)
    if not is_reachable and trusted and heard and states.isdisjoint(("untested", "port_in_use")):
        return "passed"
    if not requirement.required:
        return "warning"
    return "failed" if is_reachable and trusted else "inconclusive"


def _partition(requirement: Requirement, vantage: Vantage, family: str, target: Target) -> list[Result]:
    """Give each port of `requirement` the state of the first row of the table that it is in."""
    there = vantage.as_target_sees(family)[0]

    def prober(seen: str) -> dict[Detail, set[int]]:
        return vantage.evidence.select(seen, requirement.protocol, family, vantage.number)

    def listener(seen: str) -> dict[Detail, set[int]]:
        return target.evidence.select(seen, requirement.protocol, there, vantage.number)

    def heard(seen: str) -> Ports:
        return target.evidence.all(seen, requirement.protocol, there, vantage.number)

    holders = _holders(target, requirement.protocol)
    arrived, received, left = (heard(seen) for seen in (saw.ARRIVED, saw.RECEIVED, saw.LEFT))
    # Who answers near may pass it on to the target all the same.
    answers_near = vantage.evidence.all(saw.NEAR, requirement.protocol, family, vantage.number) - arrived
    near = answers_near - received
    unanswered = received - heard(saw.ANSWERED) - heard(saw.UNANSWERED)
    anywhere = requirement.ports
    gap, claimed = target.gap, heard(saw.CLAIMED)
    unmarked = set().union(*(ports for detail, ports in prober(saw.ASKED).items() if ("marked", "no") in detail))
    lost = _astray(vantage, family, target)

    table: _Table = (
        ("port_in_use", holders, anywhere, {}, ""),
        ("open", prober(saw.OPEN), anywhere, {}, ""),
        ("intercepted", _few(prober(saw.MOVED), anywhere, "many others"), anywhere, {}, ""),
        ("intercepted", _few(listener(saw.MOVED), anywhere, "many others"), anywhere, {}, ""),
        ("untested", _few(prober(saw.FOREIGN), answers_near, "many things"), answers_near, {"where": "near"}, ""),
        ("intercepted", _few(prober(saw.FOREIGN), anywhere, "many things"), received, {}, ""),
        ("intercepted", prober(saw.ACCEPTED), unanswered, {"what": "nothing"}, ""),
        ("untested", prober(saw.ACCEPTED), near, {"where": "near", "what": "a connection, and nothing more"}, ""),
        ("untested", prober(saw.REJECTED), near, {"where": "near"}, ""),
        ("wrong_server", _few(prober(saw.FOREIGN), anywhere, "many things"), anywhere - near, {}, target.gone),
        ("return_blocked", listener(saw.UNANSWERED), anywhere, {"where": "target"}, ""),
        ("return_blocked", listener(saw.RECEIVED), left, {"where": "beyond"}, ""),
        ("return_blocked", listener(saw.RECEIVED), anywhere, {"where": "target"}, None),
        ("wrong_server", prober(saw.ACCEPTED), anywhere - near, {"what": "a connection, and nothing more"}, None),
        ("intercepted", _moved_away(prober(saw.ASKED), listener(saw.STRAY)), anywhere, {}, ""),
        ("rejected_on_host", _how_alone(prober(saw.REJECTED)), arrived, {}, ""),
        ("rejected_upstream", prober(saw.REJECTED), anywhere, {}, None),
        ("untested", prober(saw.LIMITED), arrived, {"where": "target"}, target.gone),
        ("untested", prober(saw.LIMITED), anywhere, {"where": "beyond"}, target.gone),
        ("blocked_on_host", listener(saw.ARRIVED), heard(saw.PASSED) | claimed, {}, ""),
        ("blocked_on_host", listener(saw.ARRIVED), anywhere, {} if gap else {"where": "ingress"}, ""),
        ("untested", prober(saw.UNSENT), anywhere, {}, ""),
        ("blocked_upstream", {(): set(anywhere)}, anywhere, {}, None),
    )
    if requirement.expect == "closed":
        known = {"what": "a connection, and a reset"}
        connected = ("wrong_server", _connected(prober(saw.REJECTED)), anywhere - answers_near, known, target.gone)
        table = _in_order_of_exposure((*table, connected), requirement.protocol)
    left_over = set(requirement.ports)
    results: list[Result] = []
    for state, by_detail, within, known, doubt in table:
        few = _few(by_detail, left_over & within, "many things", _MOST_OF_ONE_KIND)
        for detail, ports in sorted(few.items()):
            for these, why in _by_doubt(left_over & ports, doubt, gap, {_CLAIMED: claimed, _UNMARKED: unmarked}):
                left_over -= these
                facts: dict[str, t.Any] = {**dict(detail), **known}
                if state in ("blocked_upstream", "blocked_on_host"):
                    facts.update(_last_hop(prober(saw.LAST_HOP), these))
                facts.update(lost if state in _LOST else {})
                results.append(Result(state, frozenset(these), _with_certificate(facts, vantage), why))
    return sorted(results, key=lambda result: (result.state != "open", min(result.ports)))


def _by_doubt(ports: Ports, doubt: str | None, gap: str, untold: t.Mapping[str, Ports]) -> list[tuple[Ports, str]]:
    """`ports` in parts, each with why its place is not certain; `doubt` is None for what the tap may miss.

    The tap cannot tell of the `untold`, each with why.
    """
    if doubt is not None or gap:
        return [(ports, gap if doubt is None else doubt)] if ports else []
    parts: list[tuple[Ports, str]] = []
    for why, these in untold.items():
        parts.append((ports & these, why))
        ports = ports - these
    return [(these, why) for these, why in (*parts, (ports, "")) if these]


def _holders(target: Target, protocol: str) -> dict[Detail, set[int]]:
    """The ports that the listener could not have, by who holds them."""
    holders: dict[Detail, set[int]] = {}
    for (over, port), holder in target.in_use.items():
        if over == protocol:
            holders.setdefault(tuple(sorted(holder.items())), set()).add(port)
    return holders


def _in_order_of_exposure(table: _Table, protocol: str) -> _Table:
    """The table for ports that shall be closed: first whether anybody out there reaches them.

    A program that holds one may be seen from outside, or not; only silence over UDP leaves that open.
    """
    in_use, *others = table
    reachable = [row for row in others if row[0] in REACHABLE]
    return (*reachable, *([in_use] if protocol == "udp" else []), *(row for row in others if row not in reachable))


def _connected(rejected: dict[Detail, set[int]]) -> dict[Detail, set[int]]:
    """Those that were not refused at once: somebody took the connection, and then reset it."""
    return {detail: ports for detail, ports in rejected.items() if ("by", saw.RESET_AFTER_CONNECTING) in detail}


def _moved_away(asked: dict[Detail, set[int]], strays: dict[Detail, set[int]]) -> dict[Detail, set[int]]:
    """TCP ports that came to another one, where nobody listens, as their source ports tell."""
    moved: dict[Detail, set[int]] = {}
    for source, ports in asked.items():
        for port in strays.get(source, ()):
            moved.setdefault(saw.detail(to=port), set()).update(ports)
    return moved


def _with_certificate(facts: dict[str, t.Any], vantage: Vantage) -> dict[str, t.Any]:
    """`facts` with what is known of a certificate in the place of its fingerprint."""
    if "certificate" not in facts:
        return facts
    return {**facts, "certificate": vantage.certificates.get(facts["certificate"], {})}


def _astray(vantage: Vantage, family: str, target: Target) -> dict[str, t.Any]:
    """What is known of an address that is not the target's, as the fact `astray`, if it is not."""
    found = astray(vantage, family, target)
    return {"astray": found._asdict()} if found else {}


def _last_hop(found: dict[Detail, set[int]], ports: Ports) -> dict[str, t.Any]:
    """How far questions to `ports` came, as the fact `last_hop`, if that was found out for one of them."""
    for detail, some in sorted(found.items()):
        if some & ports:
            return {"last_hop": {**dict(detail), "port": str(min(some & ports))}}
    return {}


def _few(
    everywhere: dict[Detail, set[int]], within: Ports, instead: str, most: int = _MOST_DETAILS
) -> dict[Detail, set[int]]:
    """Put what differs in too many ways for anybody to read into one of each kind, with `instead` as its detail.

    Ports are read as a set, however many they are.
    """
    found = {detail: ports & within for detail, ports in everywhere.items() if ports & within}
    if len(found) <= most:
        return found
    to = {int(value) for detail in found for key, value in detail if key == "to" and _PORT.fullmatch(value)}
    together = {"to": format_ports(to)} if to else {}
    merged: dict[Detail, set[int]] = {}
    for detail, ports in found.items():
        merged.setdefault(tuple((key, together.get(key, instead)) for key, dummy in detail), set()).update(ports)
    return merged


def _how_alone(rejected: dict[Detail, set[int]]) -> dict[Detail, set[int]]:
    """Rejections without the name of the offender: it is the target, under the address that was asked."""
    merged: dict[Detail, set[int]] = {}
    for detail, ports in rejected.items():
        merged.setdefault(tuple(pair for pair in detail if pair[0] != "offender"), set()).update(ports)
    return merged
