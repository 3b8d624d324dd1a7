# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The listener of a visit: the same loop and the same record, which know browsers, too."""

from __future__ import annotations

import typing as t

from .. import _evidence, _stun
from .._exchange.shapes import Address, Asked
from .._session import VANTAGES, Session
from .binding import Port
from .proc_net import SYN_RECEIVED, sockets
from .record import Peer, Record
from .serving import Server
from .tap import Frame
from .visits import Visits

_MOST_PEERS = 20_000  # a flood of SYNs shall not fill the memory


class VisitRecord(Record):
    """Everything seen of one session and its visitors.

    A browser's SYN looks like any other. Those from an address by which a visitor is known are taken for its own.
    """

    def __init__(self, session: Session, ports: set[Port], visits: Visits) -> None:
        super().__init__(session, ports)
        self._visits = visits
        self._knocks: dict[Peer, set[tuple[str, int]]] = {}
        # By visitor, for who was never answered is not known before the end: where, from whom, and to which ports
        self._arrivals: dict[str, dict[tuple[str, Peer], set[int]]] = {}

    def finish(self) -> dict[str, t.Any]:
        """Return the evidence, and the addresses by which each vantage was seen."""
        for row in sockets("tcp"):
            if row.state == SYN_RECEIVED and row.remote in self._knocks:
                self._knocks[row.remote].add((_evidence.RECEIVED, row.local_port))
        vantages = self._visits.numbers()
        for name, arrivals in self._arrivals.items():
            number = self._visits.number(name)
            if number is None:
                continue
            for (seen, peer), ports in arrivals.items():
                self._vantages[peer] = number
                self._set(seen, "udp", peer, number).update(ports)
                vantages.setdefault(peer[0], set()).add(number)
        for peer, knocks in self._knocks.items():
            for vantage in vantages.get(peer[0], ()):
                for seen, port in knocks:
                    self._set(seen, "tcp", peer, vantage).add(port)
        return {**super().finish(), **self._visits.facts()}

    def _incoming(self, frame: Frame) -> None:
        port = frame.destination[1]
        if frame.kind == "udp" and ("udp", port) in self._ports:
            visitor = self._session.read_visitor(_username(frame.payload))
            if visitor and (visitor in self._arrivals or len(self._arrivals) < VANTAGES):
                arrivals = self._arrivals.setdefault(visitor, {})
                if len(arrivals) < _MOST_PEERS:
                    arrivals.setdefault((frame.where, frame.source), set()).add(port)
        elif frame.kind == "syn" and ("tcp", port) in self._ports and len(self._knocks) < _MOST_PEERS:
            self._knocks.setdefault(frame.source, set()).add((frame.where, port))
        super()._incoming(frame)

    def _outgoing(self, frame: Frame) -> None:
        if frame.kind == "syn-ack" and frame.destination in self._knocks:
            self._knocks[frame.destination].add((_evidence.LEFT, frame.source[1]))
        super()._outgoing(frame)


class VisitServer(Server):
    """The loop over all sockets, in a visit; the rest of the arguments are those of Server."""

    def __init__(self, visits: Visits, session: Session, *more: t.Any) -> None:
        self._visits = visits
        super().__init__(session, *more)

    def _new_record(self, ports: set[Port]) -> Record:
        return VisitRecord(self._session, ports, self._visits)

    def _who(self, asked: Asked, protocol: str, peer: Address, port: int) -> Asked:
        return self._visits.asked(asked, protocol, peer, port)

    def _stranger(self, data: bytes, peer: Address, port: int) -> None:
        if not self._visits.datagram(peer, port, data):
            super()._stranger(data, peer, port)


def _username(payload: bytes) -> bytes:
    """The USERNAME of a connectivity check; empty for anything else."""
    try:
        return _stun.parse(payload).attributes.get(_stun.USERNAME, b"")
    except _stun.StunError:
        return b""
