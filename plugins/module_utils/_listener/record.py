# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the listener has seen: the target's evidence while it grows."""

from __future__ import annotations

import typing as t

from .. import _evidence
from .._addresses import family_of
from .._evidence import Evidence, Observation
from .._session import USERNAME_LENGTH, Session
from .._stun import HEADER_LENGTH
from .proc_net import SYN_RECEIVED, sockets
from .tap import Frame

Peer = t.Tuple[str, int]

# Where a prober's question has its USERNAME: it comes first. Others' questions may differ, and are not looked for.
_USERNAME = slice(HEADER_LENGTH + 4, HEADER_LENGTH + 4 + USERNAME_LENGTH)
_MOST_PEERS = 20_000  # of each kind; a flood of SYNs shall not fill the memory
_MOST_DESTINATIONS = 64


class Record:
    """Everything seen of one session."""

    def __init__(self, session: Session, ports: set[tuple[str, int]]) -> None:
        self._session = session
        self._ports = ports
        self._evidence = Evidence()
        self._sets: dict[tuple[str, str, str, int], set[int]] = {}
        self._vantages: dict[Peer, int] = {}  # whose address this is
        self._syns: dict[Peer, int] = {}  # likewise, and the ports are of TCP
        self._strays = 0
        self._destinations: set[tuple[int, str]] = set()  # vantage and address, as far as frames tell
        self._accepted: set[tuple[Peer, int]] = set()
        self.strangers = {"datagrams": 0, "connections": 0}

    def received(self, protocol: str, peer: Peer, vantage: int, port: int, intended: int) -> None:
        """A question of `vantage` came from `peer` to `port`."""
        self._vantages[peer] = vantage
        if port == intended:
            self._set(_evidence.RECEIVED, protocol, peer, vantage).add(port)
        else:
            self._moved(protocol, peer, vantage, intended, port)

    def answered(self, protocol: str, peer: Peer, vantage: int, port: int) -> None:
        """The answer was handed to the kernel."""
        self._set(_evidence.ANSWERED, protocol, peer, vantage).add(port)

    def unanswered(self, protocol: str, peer: Peer, vantage: int, port: int, reason: str) -> None:
        """The kernel refused the answer."""
        detail = _evidence.detail(reason=reason)
        observation = Observation(_evidence.UNANSWERED, protocol, family_of(peer[0]), vantage, detail)
        self._evidence.ports(observation).add(port)

    def accepted(self, peer: Peer, port: int) -> None:
        """Somebody's TCP connection was completed."""
        if len(self._accepted) < _MOST_PEERS:
            self._accepted.add((peer, port))

    def knows(self, peer: Peer) -> bool:
        """Tell whether the connection from `peer` began as this session's do."""
        return peer in self._syns

    def frame(self, frame: Frame) -> None:
        """A frame passed the network card."""
        if frame.where == _evidence.LEFT:
            self._outgoing(frame)
        else:
            self._incoming(frame)

    def finish(self) -> dict[str, t.Any]:
        """Return the evidence, the addresses by which each vantage was seen, and those to which its frames came."""
        # A connection that the kernel answered but the other side never completed has been received all the same.
        half_open = ((row.remote, row.local_port) for row in sockets("tcp") if row.state == SYN_RECEIVED)
        for peer, port in (*half_open, *self._accepted):
            if peer in self._syns:
                self._set(_evidence.RECEIVED, "tcp", peer, self._syns[peer]).add(port)
        sources = {(vantage, peer[0]) for peer, vantage in (*self._syns.items(), *self._vantages.items())}
        return {
            "evidence": self._evidence.to_list(),
            "sources": _rows(sources),
            "destinations": _rows(self._destinations),
            "strangers": self.strangers,
        }

    def _incoming(self, frame: Frame) -> None:
        peer, port = frame.source, frame.destination[1]
        if frame.kind == "syn":
            vantage = self._session.read_mark(frame.mss)
            if vantage is not None and len(self._syns) + self._strays < _MOST_PEERS:
                self._came_to(frame, vantage)
                self._syn(frame, vantage)
        elif frame.kind == "udp":
            asked = self._session.read_username(frame.payload[_USERNAME])
            if asked:
                self._came_to(frame, asked[0])
            if asked and asked[1] == port:
                self._vantages[peer] = asked[0]
                self._set(frame.where, "udp", peer, asked[0]).add(port)
            elif asked:
                self._moved("udp", peer, asked[0], asked[1], port)

    def _came_to(self, frame: Frame, vantage: int) -> None:
        if len(self._destinations) < _MOST_DESTINATIONS:
            self._destinations.add((vantage, frame.destination[0]))

    def _syn(self, frame: Frame, vantage: int) -> None:
        peer, port = frame.source, frame.destination[1]
        if ("tcp", port) in self._ports:
            self._syns[peer] = vantage
            self._set(frame.where, "tcp", peer, vantage).add(port)
        elif ("udp", port) not in self._ports:  # there TCP is asked to see whether it gets through
            detail = _evidence.detail(source=peer[1])
            self._evidence.ports(Observation(_evidence.STRAY, "tcp", family_of(peer[0]), vantage, detail)).add(port)
            self._strays += 1

    def _outgoing(self, frame: Frame) -> None:
        peer, port = frame.destination, frame.source[1]
        protocol, known = ("udp", self._vantages) if frame.kind == "udp" else ("tcp", self._syns)
        if peer in known and (protocol, port) in self._ports:
            self._set(_evidence.LEFT, protocol, peer, known[peer]).add(port)

    def _moved(self, protocol: str, peer: Peer, vantage: int, intended: int, port: int) -> None:
        observation = Observation(_evidence.MOVED, protocol, family_of(peer[0]), vantage, _evidence.detail(to=port))
        self._evidence.ports(observation).add(intended)

    def _set(self, seen: str, protocol: str, peer: Peer, vantage: int) -> set[int]:
        key = (seen, protocol, family_of(peer[0]), vantage)
        if key not in self._sets:
            self._sets[key] = self._evidence.ports(Observation(*key))
        return self._sets[key]


def _rows(addresses: t.Iterable[tuple[int, str]]) -> list[dict[str, t.Any]]:
    return [{"vantage": vantage, "address": ip} for vantage, ip in sorted(addresses)]
