# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The listener of a visit: the same loop and the same record, which know browsers, too."""

from __future__ import annotations

import socket
import typing as t

from .. import _evidence
from .._addresses import family_of
from .._errors import PreflightError
from .._evidence import Observation
from .._exchange import stun
from .._exchange.shapes import Address, Asked
from .._requirement import Requirement
from .._session import VANTAGES, Session
from .binding import SPARE_DESCRIPTORS, Port, shares
from .proc_net import SYN_RECEIVED, sockets
from .record import Peer, Record
from .serving import Server
from .tap import Frame
from .visits import Visits

# A flood shall not fill the memory
_MOST_HOSTS = 20_000  # whose SYNs are kept, but for those that visitors have
_MOST_OF_VISITOR = 64  # hosts of one


class VisitRecord(Record):
    """Everything seen of one session and its visitors.

    A browser's SYN looks like any other. Those from an address by which a visitor is known are taken for its own.
    """

    def __init__(self, session: Session, ports: set[Port], visits: Visits) -> None:
        super().__init__(session, ports)
        self._visits = visits
        self._knocks: dict[str, set[tuple[str, int]]] = {}  # by host: where its SYNs were seen, and to which ports
        self._claims: set[tuple[str, int]] = set()  # family and port of SYNs for which there was no room
        # By visitor, for who was never answered is not known before the end
        self._hosts: dict[str, set[str]] = {}
        self._arrivals: dict[str, dict[tuple[str, str], set[int]]] = {}  # where, over which family, and to which ports

    def finish(self) -> dict[str, t.Any]:
        """Return the evidence, and the addresses by which each vantage was seen."""
        for row in sockets("tcp"):
            if row.state == SYN_RECEIVED and row.remote[0] in self._knocks:
                self._knocks[row.remote[0]].add((_evidence.RECEIVED, row.local_port))
        self._tell_knocks(self._tell_arrivals())
        return {**super().finish(), **self._visits.facts()}

    def _tell_arrivals(self) -> dict[str, set[int]]:
        """Put what visitors asked over UDP into the evidence; return the vantages behind each address."""
        vantages = self._visits.numbers()
        for name, arrivals in self._arrivals.items():
            number = self._visits.number(name)
            if number is None:
                continue
            for ip in self._hosts[name]:
                self._proven.add((number, ip))
                vantages.setdefault(ip, set()).add(number)
            for (where, family), ports in arrivals.items():
                self._evidence.ports(Observation(where, "udp", family, number)).update(ports)
        return vantages

    def _tell_knocks(self, vantages: dict[str, set[int]]) -> None:
        """Put the SYNs from visitors' addresses into the evidence, and those that may have been anybody's."""
        for ip, knocks in self._knocks.items():
            for vantage in vantages.get(ip, ()):
                for seen, port in knocks:
                    self._set(seen, "tcp", ip, vantage).add(port)
        for family, port in self._claims:
            for vantage in self._visits.vantages():
                self._evidence.ports(Observation(_evidence.CLAIMED, "tcp", family, vantage)).add(port)

    def knows(self, peer: Peer) -> bool:
        """Tell whether the connection from `peer` is of a host that a visitor has."""
        return self._visits.has(peer[0])

    def _incoming(self, frame: Frame) -> None:
        """Take what may be a visitor's: there is no prober in a visit."""
        port = frame.destination[1]
        if frame.kind == "udp" and ("udp", port) in self._ports:
            visitor = stun.visitor(frame.payload, self._session)
            if visitor and (visitor in self._arrivals or len(self._arrivals) < VANTAGES):
                self._arrival(visitor, frame)
        elif frame.kind == "syn" and ("tcp", port) in self._ports:
            self._knock(frame)

    def _arrival(self, visitor: str, frame: Frame) -> None:
        ip = frame.source[0]
        hosts = self._hosts.setdefault(visitor, set())
        if len(hosts) < _MOST_OF_VISITOR:
            hosts.add(ip)
        arrivals = self._arrivals.setdefault(visitor, {})
        arrivals.setdefault((frame.where, family_of(ip)), set()).add(frame.destination[1])

    def _knock(self, frame: Frame) -> None:
        ip, port = frame.source[0], frame.destination[1]
        if ip in self._knocks or len(self._knocks) < _MOST_HOSTS or self._is_of_visitor(ip):
            self._knocks.setdefault(ip, set()).add((frame.where, port))
        else:
            self._claims.add((family_of(ip), port))

    def _is_of_visitor(self, ip: str) -> bool:
        return self._visits.has(ip) or any(ip in hosts for hosts in self._hosts.values())

    def _outgoing(self, frame: Frame) -> None:
        if frame.kind == "syn-ack" and frame.destination[0] in self._knocks:
            self._knocks[frame.destination[0]].add((_evidence.LEFT, frame.source[1]))
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
