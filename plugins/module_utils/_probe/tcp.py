# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""TCP ports: connect, ask, and connect again alongside where a packet seems lost."""

from __future__ import annotations

import resource
import selectors
import threading
import time
import typing as t
from collections import deque

from .. import _evidence
from .._evidence import Evidence, Observation
from .._exchange import https, stream
from .._session import Session
from . import icmp
from .connection import Connection, Outcome
from .resolve import Path
from .sweep import TIME_OVER

# A lost SYN is sent again by the kernel after 1, 3 and 7 s; more connections meanwhile find out sooner.
_GAP = 0.4  # seconds between two attempts
_ATTEMPTS = 8
_WINDOW = _GAP * (_ATTEMPTS + 2)  # seconds for one port
_CONFIRM = 2  # how often an answer that is no proof has to come
_AGREE = 1.0  # seconds after the first answer that is no proof
_HEAD_START = 0.01  # seconds
_MOST_CERTIFICATES, _LONGEST_CERTIFICATE = 20, 8192
_SPARE_DESCRIPTORS = 64  # for UDP, the loop and the interpreter

_PROOFS = (_evidence.OPEN, _evidence.MOVED)
# What counts if attempts differ, the strongest first
_STRENGTH = (*_PROOFS, _evidence.FOREIGN, _evidence.REJECTED, _evidence.ACCEPTED, _evidence.UNSENT)


class TcpProbes:
    """All TCP ports over `paths`; the evidence is there when `run` returns.

    `host` is the target's name, or its address, and `speaks` says for each port what it speaks. `certificates` are
    those (DER) that others came with, by fingerprint.
    """

    def __init__(
        self, session: Session, vantage: int, host: str, paths: t.Sequence[Path], speaks: t.Mapping[int, str]
    ) -> None:
        self.evidence = Evidence()
        self.mapped: dict[str, str] = {}
        self.origin: dict[str, str] = {}
        self.certificates: dict[str, bytes] = {}
        self.under_way = threading.Event()  # set when every port was asked once, or as many as may be at once
        self._session = session
        self._vantage = vantage
        self._host = host
        self._speaks = speaks
        self._ends = [(path, port) for path in paths for port in sorted(speaks)]

    def run(self, seconds: float) -> None:
        """Ask every port, for `seconds` at the most."""
        try:
            self._run(seconds)
        finally:
            self.under_way.set()

    def _run(self, seconds: float) -> None:
        start = time.monotonic()
        at_once = _at_once()
        waiting = deque(self._ends)
        asked: list[_Port] = []
        with selectors.DefaultSelector() as selector:
            while waiting or asked:
                now = time.monotonic()
                while waiting and len(asked) < at_once:
                    path, port = waiting.popleft()
                    if now > start + seconds - _WINDOW:
                        self._note(Outcome(_evidence.UNSENT, _evidence.detail(reason=TIME_OVER)), path, port)
                    else:
                        asked.append(_Port(path, port, self._connecting(path, port, selector), now))
                for each in [each for each in asked if each.is_over(now)]:
                    asked.remove(each)
                    self._conclude(each)
                wait = min((port.due for port in asked), default=now) - now
                if now >= start + _HEAD_START:
                    self.under_way.set()
                else:
                    wait = min(wait, start + _HEAD_START - now)
                for key, events in selector.select(max(0.0, wait)):
                    key.data.go_on(events)

    def see_rejected(self, path: Path, rejection: icmp.Rejection) -> None:
        """Take an error that was heard elsewhere for the ports of `path` that had none."""
        silent = {*self._speaks} - self.evidence.about("tcp", path.name, self._vantage)
        detail = _evidence.detail(by=rejection.by, offender=rejection.offender)
        self.evidence.ports(Observation(_evidence.REJECTED, "tcp", path.name, self._vantage, detail)).update(silent)

    def _connecting(self, path: Path, port: int, selector: selectors.BaseSelector) -> t.Callable[[], Connection]:
        """Return what makes one more connection to `port`."""

        def connect() -> Connection:
            asking = stream.asking(self._speaks[port], self._session, self._vantage, port, self._host)
            return Connection(asking, path, port, self._session.mark(self._vantage), selector)

        return connect

    def _conclude(self, asked: _Port) -> None:
        outcome = asked.conclude()
        if outcome:
            self._note(outcome, asked.path, asked.port)
        if not outcome or outcome.seen == _evidence.REJECTED:
            for detail in asked.questions:
                about = Observation(_evidence.ASKED, "tcp", asked.path.name, self._vantage, detail)
                self.evidence.ports(about).add(asked.port)

    def _note(self, outcome: Outcome, path: Path, port: int) -> None:
        observation = Observation(outcome.seen, "tcp", path.name, self._vantage, outcome.detail)
        self.evidence.ports(observation).add(port)
        reply = outcome.reply
        if reply and reply.mapped:
            self.mapped.setdefault(path.name, reply.mapped[0])
        if reply and reply.origin:
            self.origin.setdefault(path.name, reply.origin[0])
        if reply and 0 < len(reply.certificate) <= _LONGEST_CERTIFICATE and len(self.certificates) < _MOST_CERTIFICATES:
            self.certificates[https.fingerprint(reply.certificate)] = reply.certificate


class _Port:
    """A port while it is asked: by one connection after the other, until one proves it or enough agree that it is not.

    `due` is the time at which there is something to do for it, whatever comes from the network.
    """

    def __init__(self, path: Path, port: int, connect: t.Callable[[], Connection], now: float) -> None:
        self.path = path
        self.port = port
        self._connect = connect
        self._end = now + _WINDOW
        self._heard = 0  # connections with an outcome, when it was last looked
        self._connections = [connect()]
        self._next = now + _GAP

    @property
    def due(self) -> float:
        if len(self._outcomes()) > self._heard:
            return 0.0
        return self._end if len(self._connections) == _ATTEMPTS else min(self._end, self._next)

    @property
    def questions(self) -> list[_evidence.Detail]:
        """Where it was asked from, each as the detail of an observation."""
        return [
            _evidence.detail(source=each.source, marked=None if each.marked else "no")
            for each in self._connections
            if each.source
        ]

    def is_over(self, now: float) -> bool:
        """Tell whether enough is known, or time is over; until then make the next connection when it is due."""
        outcomes = self._outcomes()
        if any(outcome.seen in _PROOFS for outcome in outcomes) or len(outcomes) >= _CONFIRM or now >= self._end:
            return True
        if len(outcomes) > self._heard:  # one that agrees, or a proof, is not far away if there is one
            self._heard = len(outcomes)
            self._end = min(self._end, now + _AGREE)
            self._next = now
        if len(self._connections) < _ATTEMPTS and now >= self._next:
            self._connections.append(self._connect())
            self._next = now + _GAP
        return len(outcomes) == _ATTEMPTS

    def conclude(self) -> Outcome | None:
        """Give up what is still under way, and return what is most worth of all that came; None for silence."""
        for connection in self._connections:
            connection.give_up()
        return min(self._outcomes(), key=lambda outcome: _STRENGTH.index(outcome.seen), default=None)

    def _outcomes(self) -> list[Outcome]:
        return [connection.outcome for connection in self._connections if connection.outcome]


def seconds(ports: int) -> float:
    """How long it takes at the most to ask so many ports, each of which may be silent."""
    return _WINDOW * (2 + ports / _at_once())


def _at_once() -> int:
    """How many ports can be asked at a time with the descriptors that this process may have."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return min(max(4, (limit - _SPARE_DESCRIPTORS) // _ATTEMPTS), 256)
