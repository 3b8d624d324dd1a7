# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The sweep: ask every UDP port, again where nothing came back, with one source socket a family."""

from __future__ import annotations

import errno
import os
import random
import select
import socket
import time
import typing as t
from itertools import zip_longest

from .. import _evidence
from .._evidence import Evidence, Observation
from .._exchange import stun
from .._exchange.shapes import Outcome, describe
from .._session import Session
from . import icmp
from .pace import Pace, enough
from .resolve import Path

_BATCH = 32  # probes between two looks at the answers
_LONGEST_DATAGRAM = 2048
_RECEIVE_BUFFER = 8 << 20
_MOST_ROUNDS = 30
_UNKNOWN_ROUND_TRIP = 0.25  # seconds to wait where nothing was answered yet
_SHORTEST_WAIT = 0.05
_ERROR_GAP = 1.05  # seconds between two questions that ask for an ICMP error: Linux sends one a second
_MOST_ERROR_QUESTIONS = 3

OWN_FIREWALL = "its own firewall does not let the question out"
TIME_OVER = "its time was over before it had asked often enough to be sure"


class _Probe:
    """One port of one address."""

    __slots__ = ("answered", "path", "port", "question", "sends", "sent_at", "transaction_id", "window")

    def __init__(self, path: int, port: int, transaction_id: bytes) -> None:
        self.path = path
        self.port = port
        self.transaction_id = transaction_id
        self.question = b""
        self.sends = 0
        self.sent_at = 0.0
        self.window = 0
        self.answered = False


class Sweep:
    """One sweep of `ports` over `paths`; its evidence grows while it runs."""

    def __init__(
        self, session: Session, vantage: int, paths: t.Sequence[Path], ports: t.Iterable[int], ceiling: float
    ) -> None:
        self.evidence = Evidence()
        self.mapped: dict[str, str] = {}
        self.origin: dict[str, str] = {}
        self.sent = 0
        self.rounds = 0
        self._session = session
        self._vantage = vantage
        self._paths = paths
        self._ceiling = ceiling
        self._tie_breaker = os.urandom(8)
        self._probes = [_Probe(path, port, os.urandom(12)) for path in range(len(paths)) for port in ports]
        self._by_transaction = {probe.transaction_id: probe for probe in self._probes}
        self._by_port = {(probe.path, probe.port): probe for probe in self._probes}
        self._rejected: dict[tuple[int, int], icmp.Rejection] = {}
        self._asked_slowly: set[tuple[int, int]] = set()
        self._unsure: list[_Probe] = []
        self._round_trip = 0.0
        self._last_answer = 0.0
        self._sockets: list[socket.socket] = []
        self._pace = Pace(ceiling, 0.0)

    def __enter__(self) -> Sweep:  # noqa: PYI034 - typing.Self is newer than Python 3.8
        for path in self._paths:
            self._sockets.append(_open_socket(path.family))
        return self

    def __exit__(self, *dummy: object) -> None:
        for sock in self._sockets:
            sock.close()

    def run(self, seconds: float) -> None:
        """Ask until enough is known, for `seconds` at the most."""
        end = time.monotonic() + seconds
        self._pace = Pace(self._ceiling, time.monotonic())
        silent = list(self._probes)
        while silent and self.rounds < _MOST_ROUNDS and time.monotonic() < end:
            random.shuffle(silent)
            self.rounds += 1
            self._ask_all(silent, end)
            before = len(silent)
            silent = [probe for probe in silent if not probe.answered]
            if self.rounds > 1 and len(silent) < 0.9 * before:
                self._pace.back_off()  # these ports are open: the round before lost them
            if enough(len(silent), min((probe.sends for probe in silent), default=1), *self._sends_to_answered()):
                break
        else:
            self._unsure = silent
        self._round_trip = self._round_trip or _UNKNOWN_ROUND_TRIP
        if silent:
            self._listen(min(end, time.monotonic() + 2 * self._round_trip))

    def _sends_to_answered(self) -> tuple[int, int]:
        sends = [probe.sends for probe in self._probes if probe.answered]
        return sum(sends), len(sends)

    def _ask_all(self, probes: t.Sequence[_Probe], end: float) -> None:
        """Send one round, and wait until its answers dry up."""
        waiting = iter(probes)
        left = len(probes)
        while left:
            now = time.monotonic()
            if now >= end:
                return
            for dummy in range(min(_BATCH, left, self._pace.allowance(now, self._round_trip))):
                probe = next(waiting)
                left -= 1
                if not probe.answered:
                    self._send(probe, now)
            self._receive(0.0005 if self._pace.allowance(time.monotonic(), self._round_trip) < 1 else 0.0)
        self._last_answer = time.monotonic()
        while True:
            wait = max(_SHORTEST_WAIT, 1.5 * self._round_trip) if self._round_trip else _UNKNOWN_ROUND_TRIP
            quiet = min(self._last_answer + wait, end) - time.monotonic()
            if quiet <= 0 or all(probe.answered for probe in probes):
                return
            self._receive(min(quiet, 0.01))

    def _listen(self, until: float) -> None:
        while time.monotonic() < until:
            self._receive(0.01)

    def _send(self, probe: _Probe, now: float) -> None:
        path = self._paths[probe.path]
        if not probe.question:
            probe.question = stun.ask(self._session, self._vantage, probe.port, probe.transaction_id, self._tie_breaker)
        probe.sends += 1
        probe.sent_at = now
        probe.window = self._pace.window
        self._pace.sent()
        for dummy in range(3):
            try:
                self._sockets[probe.path].sendto(probe.question, path.to(probe.port))
                self.sent += 1
                return
            except OSError as error:
                # An ICMP error about an earlier probe fails this call, and nothing was sent: take it and try again.
                if self._read_errors(probe.path):
                    continue
                if error.errno in (errno.EAGAIN, errno.ENOBUFS):
                    self._pace.back_off()
                    time.sleep(0.001)
                    continue
                self._see(_evidence.UNSENT, probe, reason=_refusal(error))
                return
        probe.sends -= 1  # it never got out; the next round tries again

    def _receive(self, timeout: float) -> None:
        """Take what has arrived; wait up to `timeout` for something to arrive."""
        readable = select.select(self._sockets, (), (), timeout)[0]
        for sock in readable:
            path = self._sockets.index(sock)
            while True:
                try:
                    data, source = sock.recvfrom(_LONGEST_DATAGRAM)
                except BlockingIOError:
                    break
                except OSError:
                    if not self._read_errors(path):
                        break
                else:
                    self._take(path, data, source)
            self._read_errors(path)

    def _read_errors(self, path: int) -> bool:
        rejections = icmp.read_errors(self._sockets[path])
        for rejection in rejections:
            if (path, rejection.port) in self._by_port:
                self._rejected[path, rejection.port] = rejection
        return bool(rejections)

    def _take(self, path: int, data: bytes, source: tuple[t.Any, ...]) -> None:
        probe = self._by_transaction.get(data[8:20])
        if probe is None or probe.path != path:
            stranger = self._by_port.get((path, source[1]))
            if stranger and not stranger.answered and source[0] == self._paths[path].ip:
                self._see(_evidence.FOREIGN, stranger, what=describe(data))
            return
        reply = stun.check(data, self._session, probe.port, probe.transaction_id)
        if reply.outcome is Outcome.FOREIGN:
            self._see(_evidence.FOREIGN, probe, **reply.about)
            return
        if probe.answered:
            return
        now = time.monotonic()
        probe.answered = True
        self._last_answer = now
        if probe.sends == 1:  # of a question sent twice nobody knows which one was answered
            self._round_trip = max(0.9 * self._round_trip, now - probe.sent_at)
            self._pace.answered(probe.window)
        family = self._paths[path].name
        if reply.mapped:
            self.mapped.setdefault(family, reply.mapped[0])
        if reply.outcome is Outcome.MOVED and reply.origin:
            self._see(_evidence.MOVED, probe, to=reply.origin[1])
        elif (source[0], source[1]) != (self._paths[path].ip, probe.port):
            self._see(_evidence.MOVED, probe, via=f"{source[0]} port {source[1]}")
        else:
            if reply.origin:
                self.origin.setdefault(family, reply.origin[0])
            self._see(_evidence.OPEN, probe)

    def look_for_rejections(self) -> None:
        """Where some ports of a silent run were rejected, ask its edges and middle again, slowly.

        ICMP errors are rate limited, so a rejected range shows as a few rejected ports among silent ones. Nothing else
        may draw errors meanwhile. It takes as many seconds as there are questions to one address.
        """
        questions: list[list[_Probe]] = [[] for dummy in self._paths]
        for run in self._silent_runs():
            if any((probe.path, probe.port) in self._rejected for probe in run):
                edges = {probe.port: probe for probe in (run[0], run[-1], run[len(run) // 2])}
                questions[run[0].path] += [
                    probe for probe in edges.values() if (probe.path, probe.port) not in self._rejected
                ]
        # The limit holds for each destination, so that one question to each address can go at a time.
        for probes in list(zip_longest(*questions))[:_MOST_ERROR_QUESTIONS]:
            self._listen(time.monotonic() + _ERROR_GAP)
            for probe in filter(None, probes):
                self._asked_slowly.add((probe.path, probe.port))
                self._send(probe, time.monotonic())
        if self._asked_slowly:
            self._listen(time.monotonic() + self._round_trip + _SHORTEST_WAIT)
        self._conclude()

    def _silent_runs(self) -> list[list[_Probe]]:
        """The probes without an answer, as runs of neighbouring ports of one address."""
        runs: list[list[_Probe]] = []
        for probe in sorted(self._probes, key=lambda probe: (probe.path, probe.port)):
            if probe.answered:
                continue
            last = runs[-1][-1] if runs else None
            if last and last.path == probe.path and last.port == probe.port - 1:
                runs[-1].append(probe)
            else:
                runs.append([probe])
        return runs

    def _conclude(self) -> None:
        """Turn the rejections into evidence.

        Of a run with a rejected port the whole run was rejected, unless it was not always in the same way, or a port
        that was asked slowly enough to get its own ICMP error stayed silent.
        """
        for run in self._silent_runs():
            keys = [(probe.path, probe.port) for probe in run]
            rejections = [self._rejected[key] for key in keys if key in self._rejected]
            alike = len({(rejection.by, rejection.offender) for rejection in rejections}) == 1
            whole = alike and not any(key in self._asked_slowly and key not in self._rejected for key in keys)
            for key, probe in zip(keys, run):
                rejection = rejections[0] if whole else self._rejected.get(key)
                if rejection and self._paths[probe.path].is_own(rejection):
                    self._see(_evidence.UNSENT, probe, reason=OWN_FIREWALL)
                elif rejection:
                    self._see(_evidence.REJECTED, probe, by=rejection.by, offender=rejection.offender)
        for probe in self._unsure:
            if not probe.answered and (probe.path, probe.port) not in self._rejected:
                self._see(_evidence.UNSENT, probe, reason=TIME_OVER)

    def _see(self, seen: str, probe: _Probe, **detail: t.Any) -> None:
        observation = Observation(seen, "udp", self._paths[probe.path].name, self._vantage, _evidence.detail(**detail))
        self.evidence.ports(observation).add(probe.port)


def _refusal(error: OSError) -> str:
    text = error.strerror or str(error)
    if error.errno == errno.EPERM:
        return f"{OWN_FIREWALL} ({text})"
    return f"its system does not send the question ({text})"


def _open_socket(family: socket.AddressFamily) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    icmp.ask_for_errors(sock)
    return sock
