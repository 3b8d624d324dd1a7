# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""TCP ports: connect, ask, and connect again alongside where a packet seems lost."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import threading
import time
import typing as t

from .. import _evidence
from .._evidence import Detail, Evidence, Observation
from .._exchange import https, shapes, stream
from .._exchange.shapes import Reply
from .._session import Session
from . import icmp
from .resolve import Path
from .sweep import OWN_FIREWALL, TIME_OVER

# A lost SYN is sent again by the kernel after 1, 3 and 7 s; more connections meanwhile find out sooner.
_GAP = 0.4  # seconds between two attempts
_ATTEMPTS = 8
_WINDOW = _GAP * (_ATTEMPTS + 2)  # seconds for one port
_CONFIRM = 2  # how often an answer that is no proof has to come
_AGREE = 1.0  # seconds after the first answer that is no proof
_HEAD_START = 0.01  # seconds
_MOST_AT_ONCE = 16384
_MOST_CERTIFICATES, _LONGEST_CERTIFICATE = 20, 8192
_SPARE_DESCRIPTORS = 64  # for UDP, the loop and the interpreter

_PROOFS = (_evidence.OPEN, _evidence.MOVED)
# What counts if attempts differ, the strongest first
_STRENGTH = (*_PROOFS, _evidence.FOREIGN, _evidence.REJECTED, _evidence.ACCEPTED, _evidence.UNSENT)


class Outcome(t.NamedTuple):
    """What an attempt saw, and the reply that it is taken from, if there was one."""

    seen: str
    detail: Detail = ()
    reply: Reply | None = None


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
        self._session = session
        self._vantage = vantage
        self._host = host
        self._speaks = speaks
        self._sources: dict[tuple[Path, int], list[int]] = {}
        self.under_way = threading.Event()  # set when every port was asked once, or as many as may be at once
        self._ends = [(path, port) for path in paths for port in sorted(speaks)]

    def run(self, seconds: float) -> None:
        """Ask every port, for `seconds` at the most."""
        asyncio.run(self._run(time.monotonic() + seconds))

    async def _run(self, end: float) -> None:
        slots = asyncio.Semaphore(_at_once())

        async def one(path: Path, port: int) -> None:
            async with slots:
                if time.monotonic() > end - _WINDOW:
                    outcome: Outcome | None = Outcome(_evidence.UNSENT, _evidence.detail(reason=TIME_OVER))
                else:
                    outcome = await self._ask(path, port)
            if outcome:
                self._note(outcome, path, port)
            if not outcome or outcome.seen == _evidence.REJECTED:
                for source in self._sources.get((path, port), ()):
                    detail = _evidence.detail(source=source)
                    self.evidence.ports(Observation(_evidence.ASKED, "tcp", path.name, self._vantage, detail)).add(port)

        asking = asyncio.gather(*(one(path, port) for path, port in self._ends))
        await asyncio.sleep(_HEAD_START)
        self.under_way.set()
        await asking

    def see_rejected(self, path: Path, rejection: icmp.Rejection) -> None:
        """Take an error that was heard elsewhere for the ports of `path` that had none."""
        silent = {*self._speaks} - self.evidence.about("tcp", path.name, self._vantage)
        detail = _evidence.detail(by=rejection.by, offender=rejection.offender)
        self.evidence.ports(Observation(_evidence.REJECTED, "tcp", path.name, self._vantage, detail)).update(silent)

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

    async def _ask(self, path: Path, port: int) -> Outcome | None:
        """Make attempts until one proves the port, or until enough of them agree that it is not; None for silence."""
        end = time.monotonic() + _WINDOW
        attempts: set[asyncio.Task[Outcome | None]] = set()
        outcomes: list[Outcome] = []
        started = 0
        while time.monotonic() < end and len(outcomes) < _CONFIRM:
            if started < _ATTEMPTS:
                attempts.add(asyncio.ensure_future(self._attempt(path, port)))
                started += 1
            elif not attempts:
                break
            wait = max(0.0, min(_GAP, end - time.monotonic()))
            done, attempts = await asyncio.wait(attempts, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            outcomes += filter(None, (attempt.result() for attempt in done))
            if outcomes:  # one that agrees, or a proof, is not far away if there is one
                end = min(end, time.monotonic() + _AGREE)
            if any(outcome.seen in _PROOFS for outcome in outcomes):
                break
        for attempt in attempts:
            attempt.cancel()
        late = await asyncio.gather(*attempts, return_exceptions=True)
        outcomes += [outcome for outcome in late if isinstance(outcome, Outcome)]
        outcomes.sort(key=lambda outcome: _STRENGTH.index(outcome.seen))
        return outcomes[0] if outcomes else None

    async def _attempt(self, path: Path, port: int) -> Outcome | None:
        """Connect and ask once; None if nothing at all came back until cancelled."""
        asking = stream.asking(self._speaks[port], self._session, self._vantage, port, self._host)
        connected = heard = False
        try:
            sock = socket.socket(path.family, socket.SOCK_STREAM)
        except OSError as error:
            return Outcome(_evidence.UNSENT, _evidence.detail(reason=f"its system gives no socket ({error.strerror})"))
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, self._session.mark(self._vantage))
            icmp.ask_for_errors(sock)
            sock.bind(("", 0))  # so that its port is known even if nothing comes of it
            self._sources.setdefault((path, port), []).append(sock.getsockname()[1])
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, path.to(port))
            connected = True
            to_send, reply = asking.start(), None
            while reply is None:
                if to_send:
                    await loop.sock_sendall(sock, to_send)
                data = await loop.sock_recv(sock, _MOST_AT_ONCE)
                heard = heard or bool(data)
                to_send, reply = asking.receive(data)
            return _weigh(reply)
        except asyncio.CancelledError:
            if heard:  # half an answer, of which no more seems to come
                return _weigh(asking.receive(b"")[1])
            return Outcome(_evidence.ACCEPTED) if connected else None
        except OSError as error:
            return _rejection(sock, error, connected, path)
        finally:
            sock.close()


def _weigh(reply: Reply | None) -> Outcome:
    """What a reply is worth as evidence."""
    if reply is None:
        return Outcome(_evidence.ACCEPTED)
    if reply.outcome is shapes.Outcome.PROVEN:
        return Outcome(_evidence.OPEN, _evidence.detail(**reply.about), reply)
    if reply.outcome is shapes.Outcome.MOVED and reply.origin:
        return Outcome(_evidence.MOVED, _evidence.detail(to=reply.origin[1]), reply)
    certificate = https.fingerprint(reply.certificate) if reply.certificate else None
    return Outcome(_evidence.FOREIGN, _evidence.detail(certificate=certificate, **reply.about), reply)


def seconds(ports: int) -> float:
    """How long it takes at the most to ask so many ports, each of which may be silent."""
    return _WINDOW * (2 + ports / _at_once())


def _at_once() -> int:
    """How many ports can be asked at a time with the descriptors that this process may have."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return min(max(4, (limit - _SPARE_DESCRIPTORS) // _ATTEMPTS), 256)


def _rejection(sock: socket.socket, error: OSError, connected: bool, path: Path) -> Outcome:
    """What an error of a stream means; Linux before 6.0 does not tell who sent an ICMP error, nor its kind."""
    for told in icmp.read_errors(sock):
        if path.is_own(told):
            return Outcome(_evidence.UNSENT, _evidence.detail(reason=OWN_FIREWALL))
        return Outcome(_evidence.REJECTED, _evidence.detail(by=told.by, offender=told.offender))
    if connected:
        return Outcome(_evidence.REJECTED, _evidence.detail(by="TCP reset after connecting"))
    by = "TCP reset" if error.errno == errno.ECONNREFUSED else "ICMP unreachable or prohibited"
    return Outcome(_evidence.REJECTED, _evidence.detail(by=by))
