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
Facts = t.Dict[str, t.Any]

# Where a prober's question has its USERNAME: it comes first. Others' questions may differ, and are not looked for.
_USERNAME = slice(HEADER_LENGTH + 4, HEADER_LENGTH + 4 + USERNAME_LENGTH)
# A flood shall not fill the memory: of each kind
_MOST_SYNS = 20_000
_MOST_PEERS = 200_000
_MOST_MOVES = 50_000
_MOST_DESTINATIONS = 64


class Record:
    """Everything seen of one session."""

    def __init__(self, session: Session, ports: set[tuple[str, int]]) -> None:
        self._session = session
        self._ports = ports
        self._evidence = Evidence()
        self._sets: dict[tuple[str, str, str, int], set[int]] = {}
        self._vantages: dict[Peer, int] = {}  # whose address this is, by questions that nobody can guess
        self._proven: set[tuple[int, str]] = set()  # the same as vantages and their hosts
        self._syns: dict[Peer, int] = {}  # whose address it may be, by a mark that anybody can guess
        self._handshakes: set[tuple[str, Peer, int]] = set()  # of those: where, with whom, on which port
        self._guesses = 0  # of marks that no vantage has
        self._destinations: set[tuple[int, str, str]] = set()  # vantage, its host, and the address that frames came to
        self._accepted: set[tuple[Peer, int]] = set()
        self.strangers = {"datagrams": 0, "connections": 0}
        self.kept_out = 0  # datagrams of strangers that came no further than the kernel

    def received(self, protocol: str, peer: Peer, vantage: int, port: int, intended: int) -> None:
        """A question of `vantage` came from `peer` to `port`."""
        if peer not in self._vantages:
            self._know(peer, vantage)
        self.passed_on(protocol, peer, vantage, port, intended)

    def passed_on(self, protocol: str, peer: Peer, vantage: int, port: int, intended: int) -> None:
        """A question of `vantage` came to `port`, and `peer` is not that vantage."""
        if port == intended:
            self._set(_evidence.RECEIVED, protocol, peer[0], vantage).add(port)
        else:
            self._moved(protocol, peer, vantage, intended, port)

    def answered(self, protocol: str, peer: Peer, vantage: int, port: int) -> None:
        """The answer was handed to the kernel."""
        self._set(_evidence.ANSWERED, protocol, peer[0], vantage).add(port)

    def unanswered(self, protocol: str, peer: Peer, vantage: int, port: int, reason: str) -> None:
        """The kernel refused the answer."""
        detail = _evidence.detail(reason=reason)
        observation = Observation(_evidence.UNANSWERED, protocol, family_of(peer[0]), vantage, detail)
        self._evidence.ports(observation).add(port)

    def accepted(self, peer: Peer, port: int) -> None:
        """Somebody's TCP connection was completed."""
        if len(self._accepted) < _MOST_SYNS:
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

    def finish(self) -> Facts:
        """Return the evidence, and the addresses by which each vantage was seen, and those to which its frames came."""
        credible = self._credible()
        for where, peer, port in self._handshakes:
            self._handshake(where, peer, port, (self._syns[peer], peer[0]) in credible)
        # A connection that the kernel answered but the other side never completed has been received all the same.
        half_open = ((row.remote, row.local_port) for row in sockets("tcp") if row.state == SYN_RECEIVED)
        for peer, port in (*half_open, *self._accepted):
            if peer in self._syns and (self._syns[peer], peer[0]) in credible:
                self._set(_evidence.RECEIVED, "tcp", peer[0], self._syns[peer]).add(port)
        return {
            "evidence": self._evidence.to_list(),
            "sources": _rows(credible),
            "destinations": _rows(
                {(vantage, to) for vantage, ip, to in self._destinations if (vantage, ip) in credible}
            ),
            "strangers": self._strangers(),
        }

    def share(self) -> Facts:
        """Return what was seen, for another process to take in."""
        return {
            "evidence": self._evidence.to_list(),
            "proven": sorted(self._proven),
            "accepted": sorted(self._accepted),
            "strangers": self._strangers(),
        }

    def absorb(self, facts: Facts) -> None:
        """Take in what another process has seen."""
        self._evidence.add(Evidence.from_list(facts["evidence"]))
        self._proven.update((vantage, ip) for vantage, ip in facts["proven"])
        self._accepted.update(((ip, port), local) for (ip, port), local in facts["accepted"])
        for kind, count in facts["strangers"].items():
            self.strangers[kind] += count

    def _strangers(self) -> dict[str, int]:
        return {**self.strangers, "datagrams": self.strangers["datagrams"] + self.kept_out}

    def _incoming(self, frame: Frame) -> None:
        peer, port = frame.source, frame.destination[1]
        if frame.kind == "syn":
            vantage = self._session.read_mark(frame.mss)
            if vantage is None:
                self._guesses += 1
            else:
                self._came_to(frame, vantage)
                self._syn(frame, vantage)
        elif frame.kind == "udp":
            asked = self._session.read_username(frame.payload[_USERNAME])
            if asked:
                self._came_to(frame, asked[0])
                if peer not in self._vantages:
                    self._know(peer, asked[0])
            if asked and asked[1] == port:
                self._set(frame.where, "udp", peer[0], asked[0]).add(port)
            elif asked:
                self._moved("udp", peer, asked[0], asked[1], port)

    def _came_to(self, frame: Frame, vantage: int) -> None:
        if len(self._destinations) < _MOST_DESTINATIONS or (vantage, frame.source[0]) in self._proven:
            self._destinations.add((vantage, frame.source[0], frame.destination[0]))

    def _syn(self, frame: Frame, vantage: int) -> None:
        peer, port = frame.source, frame.destination[1]
        if len(self._handshakes) < _MOST_SYNS or (vantage, peer[0]) in self._proven:
            self._syns[peer] = vantage
            self._handshakes.add((frame.where, peer, port))
        else:
            self._set(_evidence.CLAIMED, "tcp", peer[0], vantage).add(port)

    def _outgoing(self, frame: Frame) -> None:
        peer, port = frame.destination, frame.source[1]
        if frame.kind != "udp":
            if peer in self._syns:
                self._handshakes.add((_evidence.LEFT, peer, port))
        elif peer in self._vantages and ("udp", port) in self._ports:
            self._set(_evidence.LEFT, "udp", peer[0], self._vantages[peer]).add(port)

    def _know(self, peer: Peer, vantage: int) -> None:
        if len(self._vantages) < _MOST_PEERS:
            self._vantages[peer] = vantage
            self._proven.add((vantage, peer[0]))

    def _credible(self) -> set[tuple[int, str]]:
        """The vantages and their hosts that can be believed in what they did over TCP.

        Those that asked something nobody can guess; and where a vantage did not in that address family, the one host
        whose SYNs have its mark, unless there are several, or somebody tries marks out.
        """
        proven = {(vantage, family_of(ip)) for vantage, ip in self._proven}
        others: dict[tuple[int, str], set[str]] = {}
        for peer, vantage in self._syns.items():
            others.setdefault((vantage, family_of(peer[0])), set()).add(peer[0])
        alone = {
            (vantage, *ips)
            for (vantage, family), ips in others.items()
            if (vantage, family) not in proven and len(ips) == 1 and not self._guesses
        }
        return self._proven | t.cast("set[tuple[int, str]]", alone)

    def _handshake(self, where: str, peer: Peer, port: int, credible: bool) -> None:
        vantage = self._syns[peer]
        if not credible:
            self._set(_evidence.CLAIMED, "tcp", peer[0], vantage).add(port)
        elif ("tcp", port) in self._ports:
            self._set(where, "tcp", peer[0], vantage).add(port)
        elif ("udp", port) not in self._ports:  # there TCP is asked to see whether it gets through
            detail = _evidence.detail(source=peer[1])
            self._evidence.ports(Observation(_evidence.STRAY, "tcp", family_of(peer[0]), vantage, detail)).add(port)

    def _moved(self, protocol: str, peer: Peer, vantage: int, intended: int, port: int) -> None:
        if len(self._evidence) < _MOST_MOVES:
            observation = Observation(_evidence.MOVED, protocol, family_of(peer[0]), vantage, _evidence.detail(to=port))
            self._evidence.ports(observation).add(intended)

    def _set(self, seen: str, protocol: str, ip: str, vantage: int) -> set[int]:
        key = (seen, protocol, family_of(ip), vantage)
        if key not in self._sets:
            self._sets[key] = self._evidence.ports(Observation(*key))
        return self._sets[key]


def _rows(addresses: t.Iterable[tuple[int, str]]) -> list[dict[str, t.Any]]:
    return [{"vantage": vantage, "address": ip} for vantage, ip in sorted(addresses)]
