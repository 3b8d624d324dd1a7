# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The whole look at a target: who is in charge of its packet filter, and which of its rules bear on the port table."""

from __future__ import annotations

import os
import typing as t

from .._addresses import family_of
from .._evidence import FAMILIES, PROTOCOLS
from .._ports import format_ports, ranges
from .._requirement import Requirement
from . import managers as of_managers
from . import system
from .cloud import cloud
from .managers import Manager
from .packet import IN, OUT, Packet
from .ruleset import Table
from .truth import bits_of, ports_of
from .walk import Stop, walk

_PACKETS = {(IN, False): "question", (OUT, True): "answer", (IN, True): "later"}

Result = t.Dict[str, t.Any]


class Ends(t.NamedTuple):
    """Between whom: the target's interface, the probers' addresses and the target's own; each may be empty."""

    interface: str
    sources: t.Sequence[str]
    destinations: t.Sequence[str]


def look(requirements: t.Sequence[Requirement], ends: Ends, dmi: str, ask: system.Run) -> Result:
    """What the module returns."""
    reader = system.Reader(ask)
    tables = reader.tables()
    found = of_managers.managers(tables, ask)
    packets, interfaces = _packets(ends, ask)
    met = [row for packet in packets for row in _met(tables, packet, _ports(requirements, packet))]
    stops = [stop for dummy, stop in met]
    return {
        "in_force": of_managers.in_force(found, stops) if reader.answered else of_managers.UNREADABLE,
        "managers": [manager._asdict() for manager in found],
        "rules": _rows(met, found),
        "interfaces": interfaces,
        "cloud": cloud(dmi),
        "complaints": [*_rights(), *reader.complaints] if reader.complaints else [],
    }


def _rights() -> list[str]:
    return [] if os.geteuid() == 0 else ["reading the packet filter needs root on the target; run with become: true"]


def _packets(ends: Ends, ask: system.Run) -> tuple[list[Packet], dict[str, str]]:
    """The questions whose way is looked at, and the interface in each family."""
    packets: list[Packet] = []
    interfaces: dict[str, str] = {}
    for family in FAMILIES:
        for source in [each for each in ends.sources if family_of(each) == family] or [""]:
            way = system.route(family, ends.interface, source, ask)
            if way is None:
                continue
            interfaces[family] = way.interface
            own = tuple(each for each in ends.destinations if family_of(each) == family) or way.own
            packets += [Packet(IN, False, protocol, family, way.interface, source, own) for protocol in PROTOCOLS]
    return packets, interfaces


def _met(tables: list[Table], question: Packet, ports: int) -> list[tuple[Packet, Stop]]:
    """What stops a question, its answer, or what follows where the question itself gets through."""
    answer, later = (question._replace(direction=direction, established=True) for direction in (OUT, IN))
    asked = walk(tables, question, ports)
    through = ports
    for stop in asked:
        through &= ~stop.ports
    return [
        *((question, stop) for stop in asked),
        *((answer, stop) for stop in walk(tables, answer, ports)),
        *((later, stop) for stop in walk(tables, later, through)),
    ]


def _ports(requirements: t.Sequence[Requirement], packet: Packet) -> int:
    wanted = {port for row in requirements if row.protocol == packet.protocol for port in row.ports}
    return bits_of(ranges(wanted))


def _rows(met: list[tuple[Packet, Stop]], found: list[Manager]) -> list[Result]:
    """The stops as the module returns them, the same one of several sources only once."""
    rows: list[Result] = []
    for packet, stop in met:
        row = _row(packet, stop, found)
        same = next((each for each in rows if {**each, "sources": []} == row), None)
        if same is None:
            rows.append(same := row)
        if packet.peer:
            same["sources"].append(packet.peer)
    return rows


def _row(packet: Packet, stop: Stop, found: list[Manager]) -> Result:
    return {
        "protocol": packet.protocol,
        "family": packet.family,
        "ports": format_ports(ports_of(stop.ports)),
        "action": stop.action,
        "certain": stop.certain,
        "packet": _PACKETS[packet.direction, packet.established],
        "hook": stop.base.hook,
        "manager": of_managers.owner(stop, found),
        "zone": of_managers.zone(stop, packet),
        "setting": of_managers.setting(stop, found),
        "table": stop.table.title,
        "chain": stop.via[-1],
        "rule": stop.rule.text if stop.rule else stop.base.text,
        "policy": stop.rule is None,
        "position": stop.rule.position if stop.rule else 0,
        "handle": stop.rule.handle if stop.rule else 0,
        "before": stop.before,
        "sources": [],
    }
