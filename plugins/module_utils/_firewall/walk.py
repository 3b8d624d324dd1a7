# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The way of a packet through the chains, for all ports at once.

Where a condition cannot be told, the packet is taken to go both ways. So a port has everything that may become of it:
stopped here, stopped there, let through. It is certain to be stopped if it is never let through.
"""

from __future__ import annotations

import typing as t

from .packet import Packet
from .ruleset import (
    ACCEPT,
    DROP,
    GOTO,
    HOOKS,
    JUMP,
    QUEUE,
    RETURN,
    STAYING,
    UNCLEAR,
    Base,
    Rule,
    Table,
)
from .truth import Truth, either

_DEEPEST = 64  # nested chains; the kernel allows 16, and no loops


class Stop(t.NamedTuple):
    """Where ports are stopped, or sent to another port or address.

    `via` are the chains that lead there, `rule` is None for a policy, and `before` is a rule further on that would have
    let the ports through.
    """

    table: Table
    base: Base
    via: tuple[str, ...]
    action: str
    rule: Rule | None
    before: str
    certain: bool
    ports: int


def walk(tables: t.Iterable[Table], packet: Packet, ports: int) -> list[Stop]:
    """Where `ports` are stopped; each of them is in one Stop at most, the one that ends its way."""
    way = _Way(packet)
    here = ports
    for table, base in _on_the_way(list(tables), packet):
        here = way.through(table, base, here)
        if not here:
            break
    return way.stops(here)


def _on_the_way(tables: list[Table], packet: Packet) -> list[tuple[Table, Base]]:
    """The base chains in the order in which the kernel calls them."""
    hooks = HOOKS[packet.direction]
    pairs = [
        (table, base)
        for table in tables
        for base in table.bases
        if table.sees(packet.family) and base.hook in hooks and _is_for(base, packet)
    ]
    return sorted(pairs, key=lambda pair: (hooks.index(pair[1].hook), pair[1].priority))


def _is_for(base: Base, packet: Packet) -> bool:
    here = not base.devices or not packet.interface or packet.interface in base.devices
    return here and not (base.translates and packet.established)


class Ports(t.NamedTuple):
    """At one place: the ports that may come there, and those stopped before, to see who would have let them in."""

    alive: int
    stopped: int

    def and_(self, more: Ports) -> Ports:
        """Both together."""
        return Ports(self.alive | more.alive, self.stopped | more.stopped)


class _Way:
    """One walk: `_met` has all stops in their order, `_later` what would have let in who was stopped before."""

    def __init__(self, packet: Packet) -> None:
        self._packet = packet
        self._met: list[Stop] = []
        self._later: list[tuple[str, int]] = []
        self._accepted = 0
        self._unclear = 0

    def through(self, table: Table, base: Base, here: int) -> int:
        """The ports that may come through a base chain."""
        first = len(self._met)
        self._packet = self._packet._replace(tracked=base.tracked)
        self._later, self._accepted = [], 0
        rest = self._chain(table, base, (base.chain,), Ports(here, 0)).alive
        if base.policy == DROP:
            self._meet(Stop(table, base, (base.chain,), DROP, None, "", True, rest))
        else:
            self._accepted |= rest
        self._met[first:] = [part for stop in self._met[first:] for part in self._with_later(stop)]
        return self._accepted

    def stops(self, passed: int) -> list[Stop]:
        """What ends the way of each port: the last stop that it meets, since before it the port may have gone on."""
        found: list[Stop] = []
        left = -1
        for stop in reversed(self._met):
            for certain in (False, True):
                doubtful = passed | self._unclear
                ports = stop.ports & left & (~doubtful if certain else doubtful)
                if ports:
                    found.insert(0, stop._replace(certain=certain, ports=ports))
            left &= ~stop.ports
        return found

    def _chain(self, table: Table, base: Base, via: tuple[str, ...], here: Ports) -> Ports:
        """Take `here` through a chain, and return what comes back from it."""
        back = Ports(0, 0)
        for rule in table.chains.get(via[-1], ()) if len(via) < _DEEPEST else ():
            if not any(here):
                break
            truth = rule.condition(self._packet)
            taken = Ports(here.alive & (truth.yes | truth.maybe), here.stopped & truth.yes)
            if rule.untracks and not base.tracked:
                certain = taken.alive & truth.yes & ~self._accepted & ~back.alive if len(via) == 1 else 0
                self._untrack(Truth(certain, taken.alive & ~certain))
            if rule.verdict in STAYING or not any(taken):
                self._unclear |= taken.alive if rule.verdict == UNCLEAR else 0
                continue
            here = Ports(here.alive & ~truth.yes, here.stopped & ~truth.yes)
            if rule.verdict in (JUMP, GOTO):
                returned = self._chain(table, base, (*via, rule.target), taken)
                here, back = (here.and_(returned), back) if rule.verdict == JUMP else (here, back.and_(returned))
            elif rule.verdict == RETURN:
                back = back.and_(taken)
            elif rule.verdict == ACCEPT:
                self._accepted |= taken.alive
                self._later.append((rule.text, taken.stopped))
            else:
                self._meet(Stop(table, base, via, rule.verdict, rule, "", True, taken.alive))
                # Where a program decides, it may let them in.
                self._accepted |= taken.alive if rule.verdict == QUEUE else 0
                here = here.and_(Ports(0, taken.stopped | (taken.alive & truth.yes)))
        return back.and_(here)

    def _untrack(self, ports: Truth) -> None:
        """Conntrack does not see the packet to these ports."""
        self._packet = self._packet._replace(untracked=either([self._packet.untracked, ports]))

    def _meet(self, stop: Stop) -> None:
        if stop.ports:
            self._met.append(stop)

    def _with_later(self, stop: Stop) -> t.Iterator[Stop]:
        """Split a stop by the rules that would have let its ports in."""
        left = stop.ports
        for text, ports in self._later:
            if left & ports:
                yield stop._replace(before=text, ports=left & ports)
                left &= ~ports
        if left:
            yield stop._replace(ports=left)
