# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Where silent ports are cut off: which of them to follow the way to, and what that tells."""

from __future__ import annotations

import typing as t

from .. import _evidence
from .._evidence import Evidence, Observation
from .._ports import ranges
from .._session import Session
from .hops import TRIES, UNKNOWN, Goal, Way, reaches, trace
from .resolve import Path

_MOST_RANGES = 2  # of each address and protocol
_MOST_STRANGERS = 4  # of each address
_STRANGE = (_evidence.FOREIGN, _evidence.ACCEPTED, _evidence.REJECTED)
_FAR = 3  # hops: with one router between, nobody can tell whose it is

Ports = t.AbstractSet[int]


def find_cuts(
    session: Session,
    vantage: int,
    paths: t.Sequence[Path],
    asked: t.Mapping[str, Ports],
    evidence: t.Mapping[str, Evidence],
) -> None:
    """Add to the `evidence` of each protocol how far questions came to ports that were `asked` and stayed silent.

    And where something else than the target answered by TCP, whether that is near. It takes about a second and a half,
    and nothing if all ports are open.
    """
    silent = _silent(vantage, paths, asked, evidence)
    strange = _strange(vantage, paths, evidence["tcp"])
    if not silent and not strange:
        return
    known = {
        (number, protocol): Goal(number, protocol, port)
        for number, path in enumerate(paths)
        for protocol in asked
        for port in sorted(evidence[protocol].all(_evidence.OPEN, protocol, path.name, vantage))[:1]
    }
    # An open port of the same address, and of the same protocol if there is one.
    references = {
        goal: known.get((goal.path, goal.protocol)) or known.get((goal.path, "tcp")) or known.get((goal.path, "udp"))
        for goal in (*silent, *strange)
    }
    # Where TCP has a right of its own to be open, it says nothing of UDP.
    twins = {
        goal: goal._replace(protocol="tcp")
        for goal in silent
        if goal.protocol == "udp" and goal.port not in asked.get("tcp", ())
    }
    reached = reaches(session, vantage, paths, twins.values()) if twins else set()
    # Those that are silent first: what a router has no error left for, shall be an open one.
    ways = trace(session, vantage, paths, list(dict.fromkeys((*silent, *strange, *filter(None, references.values())))))
    for goal, ports in silent.items():
        reference = references[goal]
        instead = "tcp" if twins.get(goal) in reached else None
        found = _conclude(goal, ways[goal], reference, ways[reference] if reference else UNKNOWN, instead)
        if found:
            observation = Observation(found[0], goal.protocol, paths[goal.path].name, vantage, found[1])
            evidence[goal.protocol].ports(observation).update(_alike(goal, ports, found[0]))

    for goal, ports in strange.items():
        reference = references[goal]
        if ways[goal].end == 1 and reference and ways[reference].end >= _FAR:
            observation = Observation(_evidence.NEAR, goal.protocol, paths[goal.path].name, vantage)
            evidence[goal.protocol].ports(observation).update(ports)


def _silent(
    vantage: int, paths: t.Sequence[Path], asked: t.Mapping[str, Ports], evidence: t.Mapping[str, Evidence]
) -> dict[Goal, Ports]:
    """The middle of each of the largest silent ranges, with the silent ports of the same address and protocol."""
    found: dict[Goal, Ports] = {}
    for number, path in enumerate(paths):
        for protocol, ports in asked.items():
            left = ports - evidence[protocol].about(protocol, path.name, vantage)
            for first, last in sorted(ranges(left), key=lambda span: span[0] - span[1])[:_MOST_RANGES]:
                found[Goal(number, protocol, (first + last) // 2)] = left
    return found


def _strange(vantage: int, paths: t.Sequence[Path], evidence: Evidence) -> dict[Goal, Ports]:
    """One TCP port for each thing that something said without a proof, with all those where it said so."""
    found: dict[Goal, Ports] = {}
    for number, path in enumerate(paths):
        said = [ports for seen in _STRANGE for ports in evidence.select(seen, "tcp", path.name, vantage).values()]
        found.update({Goal(number, "tcp", min(ports)): ports for ports in said[:_MOST_STRANGERS]})
    return found


def _alike(goal: Goal, ports: Ports, seen: str) -> Ports:
    """Those of the silent `ports` of which is true what was `seen` of one."""
    if seen != _evidence.UNSENT:
        return {goal.port}
    if goal.protocol == "udp":  # the whole protocol gets nowhere
        return ports
    return next({*range(first, last + 1)} for first, last in ranges(ports) if first <= goal.port <= last)


def _conclude(
    goal: Goal, way: Way, reference: Goal | None, known: Way, instead: str | None
) -> tuple[str, _evidence.Detail] | None:
    """What the way to `goal` tells, compared with the `known` way to an open port, as kind and detail of evidence.

    `instead` is the protocol that does get through to the same port, if there is one.
    """
    if not way.last and known.first == 1 and known.heard == TRIES and reference and reference.protocol == "tcp":
        # The first router sees TCP every time and this never: that is no matter of the target's. (Where UDP is seen and
        # TCP is not, it says nothing: Linux before 6.0 does not tell of routers that end a TCP question.)
        router = known.routers[1]
        reason = f"no UDP leaves its own network: {router}, the first router, answers for TCP only"
        if goal.protocol == "tcp":
            reason = f"its own system or network lets nothing out to this port: {router}, the first router, sees none"
        if goal.protocol == "udp" or known.end >= _FAR:
            return _evidence.UNSENT, _evidence.detail(reason=reason)
    if way.last:
        about = {
            "hop": way.last,
            "router": way.routers[way.last],
            "next": known.routers.get(way.last + 1),
            "of": known.end or None,
        }
        return _evidence.LAST_HOP, _evidence.detail(instead=instead, **about)
    return (_evidence.LAST_HOP, _evidence.detail(instead=instead)) if instead else None
