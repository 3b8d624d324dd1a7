# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The listener of a visit: the same loop and the same record, which know browsers, too."""

from __future__ import annotations

import socket
import typing as t

from .. import _evidence, _stun
from .._errors import PreflightError
from .._exchange.shapes import Address, Asked
from .._requirement import Requirement
from .._session import VANTAGES, Session
from .binding import SPARE_DESCRIPTORS, Port, shares
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
                self._proven.add((number, peer[0]))
                self._set(seen, "udp", peer[0], number).update(ports)
                vantages.setdefault(peer[0], set()).add(number)
        for peer, knocks in self._knocks.items():
            for vantage in vantages.get(peer[0], ()):
                for seen, port in knocks:
                    self._set(seen, "tcp", peer[0], vantage).add(port)
        return {**super().finish(), **self._visits.facts()}

    def knows(self, peer: Peer) -> bool:
        """Tell whether the connection from `peer` is of a host that a visitor has."""
        return peer[0] in self._visits.numbers()

    def _incoming(self, frame: Frame) -> None:
        """Take what may be a visitor's: there is no prober in a visit."""
        port = frame.destination[1]
        if frame.kind == "udp" and ("udp", port) in self._ports:
            visitor = self._session.read_visitor(_username(frame.payload))
            if visitor and (visitor in self._arrivals or len(self._arrivals) < VANTAGES):
                arrivals = self._arrivals.setdefault(visitor, {})
                if len(arrivals) < _MOST_PEERS:
                    arrivals.setdefault((frame.where, frame.source), set()).add(port)
        elif frame.kind == "syn" and ("tcp", port) in self._ports and len(self._knocks) < _MOST_PEERS:
            self._knocks.setdefault(frame.source, set()).add((frame.where, port))

    def _outgoing(self, frame: Frame) -> None:
        if frame.kind == "syn-ack" and frame.destination in self._knocks:
            self._knocks[frame.destination].add((_evidence.LEFT, frame.source[1]))
        super()._outgoing(frame)


class VisitServer(Server):
    """The loop over all sockets, in a visit; the rest of the arguments are those of Server."""

    def __init__(self, visits: Visits, *more: t.Any) -> None:
        self._visits = visits
        super().__init__(*more)

    def _who(self, asked: Asked, protocol: str, peer: Address, port: int) -> Asked:
        return self._visits.asked(asked, protocol, peer, port)

    def _stranger(self, sock: socket.socket, data: bytes, peer: Address, port: int) -> None:  # noqa: ARG002
        """Take it if somebody typed it. Nothing is left to the kernel, which cannot tell words from junk."""
        if not self._visits.datagram(peer, port, data):
            self._record.strangers["datagrams"] += 1


def one_share(requirements: t.Sequence[Requirement]) -> list[Port]:
    """Return the ports of a visit, which one process has to hold, for it knows who visits.

    Raises PreflightError where the target does not let one hold so many.
    """
    mine, *others = shares(requirements)
    if others:
        wanted = len(mine) + sum(map(len, others)) + SPARE_DESCRIPTORS
        raise PreflightError(
            f"the target allows {len(mine) + SPARE_DESCRIPTORS} open files to a process, and a visit needs {wanted}; "
            "raise the hard limit (LimitNOFILE of ssh.service) or test from a prober with the playbook preflight"
        )
    return mine


def _username(payload: bytes) -> bytes:
    """The USERNAME of a connectivity check; empty for anything else."""
    try:
        return _stun.parse(payload).attributes.get(_stun.USERNAME, b"")
    except _stun.StunError:
        return b""
