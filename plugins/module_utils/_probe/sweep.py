# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The sweep: ask every UDP port, again where nothing came back, with one source socket a family."""

from __future__ import annotations

import errno
import math
import os
import random
import selectors
import socket
import time
import typing as t

from .. import _evidence
from .._evidence import Evidence, Observation
from .._exchange import stun
from .._exchange.shapes import Outcome, Reply, describe
from .._session import Session
from . import icmp
from .backlog import Backlog
from .loss import MOST_DOUBT, Sends, doubt
from .pace import Pace
from .patience import Patience
from .resolve import Path
from .udp_socket import drops, open_socket

# Questions between two looks at the answers, and answers that are taken at once. One kind of work is done for all of
# them, then the next: that is faster, as long as they stay in the processor's cache.
_BATCH = 64
_TURNS = 64  # of answers before something else has its turn: who floods this port shall not keep it from the time
_LONGEST_DATAGRAM = 2048
_MOMENT = 0.001  # seconds; to wake up for each answer that comes would cost more than to take it
_MOST_ROUNDS = 30
_MOST_WORDS = 20  # of strangers
_GAIN = 0.1  # of the ports that are asked again, if all is well

OWN_FIREWALL = "its own firewall does not let the question out"
TIME_OVER = "its time was over before it had asked often enough to be sure"


class Probe:
    """One port of one address, how often it was asked and when the last time, and whether an answer came."""

    __slots__ = ("answered", "asked_at", "path", "port", "sends")

    def __init__(self, path: int, port: int) -> None:
        self.path = path
        self.port = port
        self.sends = 0
        self.asked_at = -math.inf
        self.answered = False


# One question to a port: what is asked, how often it was by then, in which round and window of the pace, and when.
_Question = t.Tuple[Probe, int, int, int, float]


class Sweep:
    """One sweep of `ports` over `paths`; its evidence grows while it runs.

    `mapped` and `origin` are the two ends as the listener sees them, by family; `sent` counts questions, `dropped`
    answers that this host had no room for, and `rejected` has the ICMP errors by path and port. `silent` are the ports
    without an answer, but for those of paths that were given up; `stalled` tells whether it ended since nothing was
    answered any more.
    """

    def __init__(
        self, session: Session, vantage: int, paths: t.Sequence[Path], ports: t.Iterable[int], ceiling: float
    ) -> None:
        self.evidence = Evidence()
        self.mapped: dict[str, str] = {}
        self.origin: dict[str, str] = {}
        self.sent = self.dropped = self.rounds = 0
        self.rejected: dict[tuple[int, int], icmp.Rejection] = {}
        self.stalled = False
        self.paths = paths
        self.vantage = vantage
        self.probes: list[Probe] = []
        self._session = session
        self._ceiling = ceiling
        self._tie_breaker = os.urandom(8)
        self._noise = _noise()
        for path in range(len(paths)):
            self.probes += [Probe(path, port) for port in ports]
        self._asked: dict[bytes, _Question] = {}  # by transaction id
        self._by_port = {(probe.path, probe.port): probe for probe in self.probes}
        self._open = [self.evidence.ports(Observation(_evidence.OPEN, "udp", path.name, vantage)) for path in paths]
        self._replies: dict[int, Reply] = {}  # the last one over each path
        self._foreigners: set[tuple[int, int]] = set()
        self._foreign_words: set[str] = set()
        self._given_up: set[int] = set()
        self._asked_again = self._gained = 0  # in this round, and how many of these were answered
        self._sockets: list[socket.socket] = []
        self._selector = selectors.DefaultSelector()
        self._pace = Pace(ceiling, time.monotonic())
        self._backlogs = [Backlog() for dummy in paths]
        self._patience = [Patience() for dummy in paths]

    def __enter__(self) -> Sweep:  # noqa: PYI034 - typing.Self is newer than Python 3.8
        if not self._sockets:
            self._sockets = [open_socket(path.family) for path in self.paths]
        for path, sock in enumerate(self._sockets):
            self._selector.register(sock, selectors.EVENT_READ, path)
        return self

    def __exit__(self, *dummy: object) -> None:
        self._selector.close()
        for sock in self._sockets:
            sock.close()

    def again(self, path: int, ports: t.Iterable[int], same_source: bool = False) -> Sweep:
        """Return another sweep of some of the ports of one path, from the same source port or from a new one."""
        sweep = Sweep(self._session, self.vantage, [self.paths[path]], ports, self._ceiling)
        sweep._patience = [Patience(self._patience[path].wait)]
        if same_source:
            sweep._sockets.append(self._sockets[path].dup())
        return sweep

    @property
    def source_ports(self) -> dict[str, int]:
        """The port from which it asks, by family; 0 before it does."""
        return {path.name: sock.getsockname()[1] for path, sock in zip(self.paths, self._sockets)}

    @property
    def silent(self) -> list[Probe]:
        return [probe for probe in self.probes if not probe.answered and probe.path not in self._given_up]

    def give_up(self, path: int) -> list[Probe]:
        """Ask no more over one path; return its ports that had no answer."""
        self._given_up.add(path)
        return [probe for probe in self.probes if not probe.answered and probe.path == path]

    @property
    def patience(self) -> float:
        """How many seconds an answer may take, over whatever path."""
        return max(patience.wait for patience in self._patience)

    @property
    def doubtful(self) -> set[int]:
        """The paths whose silent ports were not asked often enough to be called closed."""
        silent: dict[int, list[int]] = {}
        for probe in self.silent:
            silent.setdefault(probe.path, []).append(probe.sends)
        most = MOST_DOUBT / max(1, len(self.paths))
        return {path for path, sends in silent.items() if doubt(len(sends), min(sends), self._feared(path)) >= most}

    @property
    def exhausted(self) -> bool:
        """Whether it has asked as often as it may."""
        return self.rounds >= _MOST_ROUNDS

    def start_over(self, path: int) -> None:
        """Take none of the questions to silent ports of one path for enough: they were lost together."""
        for probe in self.silent:
            if probe.path == path:
                probe.sends = 0

    def lost(self, path: int) -> float:
        """The share of questions to open ports that had no answer over one path, as far as is known."""
        return self._sends(path).lost

    def run(self, seconds: float) -> None:
        """Ask until enough is known, for `seconds` at the most, or until the way seems to take no more."""
        start = time.monotonic()
        end = start + seconds
        if self.stalled:  # and it goes on all the same: what made the pace fall is over
            self._pace = Pace(self._ceiling, start)
        self.stalled = False
        asked = self._in_doubt(end)
        while asked and not self.stalled and not self.exhausted and time.monotonic() < end:
            self.rounds += 1
            self._asked_again = self._gained = 0
            self._pace.new_round(time.monotonic())
            self._ask_all(asked, end)
            self._await_one(asked, end)
            self._adapt()
            self.stalled = self._pace.stalled
            asked = self._in_doubt(end)

    def _in_doubt(self, end: float) -> list[Probe]:
        """Return the silent ports that have to be asked again; if there is none, all had their time to answer."""
        doubtful = self.doubtful
        if not doubtful:
            for probe in self.silent:  # an answer that comes late may show that more are lost than was known
                self._await(probe, end)
            doubtful = self.doubtful
        return [probe for probe in self.silent if probe.path in doubtful]

    def _adapt(self) -> None:
        """Slow down for the next round if this one shows that the one before was too fast, or this host too slow."""
        dropped = sum(drops(sock) for sock in self._sockets)
        if dropped > self.dropped or self._gained > _GAIN * self._asked_again:
            self._pace.back_off()
        self.dropped = dropped

    def _feared(self, path: int) -> float:
        """The loss to reckon with over one path: where nothing answered, that of all together, or more."""
        own = self._sends(path)
        return own.feared if own.answered else max(own.feared, self._sends().feared)

    def _sends(self, path: int | None = None) -> Sends:
        """The questions to ports that answered, over one path or over all."""
        sends = [probe.sends for probe in self.probes if probe.answered and path in (None, probe.path)]
        return Sends(sum(sends), len(sends))

    def _ask_all(self, probes: t.Iterable[Probe], end: float) -> None:
        """Ask all in an order of chance, each as soon as the answer to its last question is overdue."""
        waiting = _as_asked(probes)
        at = 0
        while at < len(waiting):
            self._await(waiting[at], end)
            now = time.monotonic()
            if now >= end or self._pace.stalled:
                return
            first, overdue = at, [patience.overdue(now) for patience in self._patience]
            while at < len(waiting) and (waiting[at].answered or waiting[at].asked_at <= overdue[waiting[at].path]):
                at += 1
            ready = [probe for probe in waiting[first:at] if not probe.answered]
            random.shuffle(ready)
            self.ask(ready, end)

    def _await_one(self, probes: t.Iterable[Probe], end: float) -> None:
        """Wait until the answer to one is overdue, or until all are answered."""
        for probe in _as_asked(probes):
            self._await(probe, end)
            if not probe.answered:
                return

    def _await(self, probe: Probe, end: float) -> None:
        """Wait until the answer to `probe` is there or overdue."""
        patience, now = self._patience[probe.path], time.monotonic()
        while now < end and not probe.answered and probe.asked_at > patience.overdue(now):
            self.listen(min(end - now, _MOMENT))
            now = time.monotonic()

    def ask(self, probes: t.Sequence[Probe], end: float) -> None:
        """Ask some ports, at the pace that it has found."""
        at = 0
        while at < len(probes):
            now = time.monotonic()
            if now >= end or self._pace.stalled:
                return
            round_trip = max(patience.round_trip for patience in self._patience)
            queues = any(backlog.pauses(now) for backlog in self._backlogs)
            batch = probes[at : at + (0 if queues else min(_BATCH, self._pace.allowance(now, round_trip)))]
            at += len(batch)
            questions = [(probe, self._question(probe, now)) for probe in batch if not probe.answered]
            for probe, question in questions:
                self._send(probe, question)
            if not batch:
                time.sleep(_MOMENT / 2)
            self._receive()

    def listen(self, seconds: float) -> None:
        """Take late answers and errors meanwhile."""
        end = time.monotonic() + seconds
        while seconds > 0:
            time.sleep(min(seconds, _MOMENT))
            self._receive()
            seconds = end - time.monotonic()

    def send(self, probe: Probe, now: float) -> None:
        """Ask one port."""
        self._send(probe, self._question(probe, now))

    def _question(self, probe: Probe, now: float) -> bytes:
        """Each has a transaction id of its own, so that an answer tells which question it is to."""
        transaction_id = stun.transaction_id(next(self._noise), probe.sends > 0)
        self._asked_again += probe.sends > 0
        probe.sends += 1
        self._asked[transaction_id] = (probe, probe.sends, self.rounds, self._pace.sent(), now)
        probe.asked_at = now
        return stun.ask(self._session, self.vantage, probe.port, transaction_id, self._tie_breaker)

    def _send(self, probe: Probe, question: bytes) -> None:
        for dummy in range(3):
            try:
                self._sockets[probe.path].sendto(question, self.paths[probe.path].to(probe.port))
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
                self.see(_evidence.UNSENT, probe, reason=_refusal(error))
                return
        probe.sends -= 1  # it never got out; the next round tries again

    def _receive(self) -> None:
        """Take what has arrived."""
        for key, dummy in self._selector.select(0):
            path = key.data
            for dummy_turn in range(_TURNS):
                arrived = self._arrived(path)
                for data, source in arrived:
                    self._take(path, data, source)
                if len(arrived) < _BATCH:
                    break
            self._read_errors(path)

    def _arrived(self, path: int) -> list[tuple[bytes, tuple[t.Any, ...]]]:
        """Return answers that wait, and where they came from."""
        arrived: list[tuple[bytes, tuple[t.Any, ...]]] = []
        while len(arrived) < _BATCH:
            try:
                arrived.append(self._sockets[path].recvfrom(_LONGEST_DATAGRAM))
            except BlockingIOError:
                break
            except OSError:
                if not self._read_errors(path):
                    break
        return arrived

    def _read_errors(self, path: int) -> bool:
        rejections = icmp.read_errors(self._sockets[path])
        for rejection in rejections:
            if (path, rejection.port) in self._by_port:
                self.rejected[path, rejection.port] = rejection
        return bool(rejections)

    def _take(self, path: int, data: bytes, source: tuple[t.Any, ...]) -> None:
        transaction_id = data[8:20]
        question = self._asked.get(transaction_id)
        if question is None or question[0].path != path:
            stranger = self._by_port.get((path, source[1]))
            if stranger and source[0] == self.paths[path].ip:
                self._foreign(stranger, describe(data))
            return
        probe, number, asked_in, window, asked_at = question
        if probe.answered:
            return
        reply = stun.check(data, self._session, probe.port, transaction_id, self._replies.get(path))
        if reply.outcome is Outcome.FOREIGN:
            self._foreign(probe, reply.about["what"])
            return
        took = time.monotonic() - asked_at
        probe.answered = True
        self._patience[path].answered(asked_at, took)
        self._backlogs[path].answered(asked_at, took)
        if asked_in == self.rounds:
            self._pace.answered(window)
            self._gained += number > 1
        probe.sends = number  # those that came after it were not lost
        self._replies[path] = reply
        self._note(path, probe, reply, source)

    def _foreign(self, probe: Probe, what: str) -> None:
        """Somebody else answered: the first answer of a port counts, and only so many different ones are kept."""
        if probe.answered or (probe.path, probe.port) in self._foreigners:
            return
        self._foreigners.add((probe.path, probe.port))
        if len(self._foreign_words) < _MOST_WORDS:
            self._foreign_words.add(what)
        self.see(_evidence.FOREIGN, probe, what=what if what in self._foreign_words else "many things")

    def _note(self, path: int, probe: Probe, reply: Reply, source: tuple[t.Any, ...]) -> None:
        family = self.paths[path].name
        if reply.mapped:
            self.mapped.setdefault(family, reply.mapped[0])
        if reply.outcome is Outcome.MOVED and reply.origin:
            self.see(_evidence.MOVED, probe, to=reply.origin[1])
        elif source[1] != probe.port or source[0] != self.paths[path].ip:
            self.see(_evidence.MOVED, probe, via=f"{source[0]} port {source[1]}")
        else:
            if reply.origin:
                self.origin.setdefault(family, reply.origin[0])
            self._open[path].add(probe.port)

    def see(self, seen: str, probe: Probe, **detail: t.Any) -> None:
        """Add to the evidence."""
        observation = Observation(seen, "udp", self.paths[probe.path].name, self.vantage, _evidence.detail(**detail))
        self.evidence.ports(observation).add(probe.port)


def _as_asked(probes: t.Iterable[Probe]) -> list[Probe]:
    """Those without an answer, in the order in which they were asked the last time."""
    return sorted((probe for probe in probes if not probe.answered), key=lambda probe: probe.asked_at)


def _refusal(error: OSError) -> str:
    text = error.strerror or str(error)
    if error.errno == errno.EPERM:
        return f"{OWN_FIREWALL} ({text})"
    return f"its system does not send the question ({text})"


def _noise() -> t.Iterator[bytes]:
    """Random bytes for one transaction id after the other, many of them taken from the system at once."""
    while True:
        noise = os.urandom(1200)
        for at in range(0, 1200, 12):
            yield noise[at : at + 12]
