# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The listener's life: start it in the background, ask it to stop, and let it end by itself whatever happens.

It is reached through an abstract Unix socket (unix(7)): the name is a lock that one listener can hold, and both vanish
with the process, however that ends. Nothing of a listener is ever on disk.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import signal
import socket
import struct
import time
import typing as t

from .._detached import detach, let_go
from .._errors import PreflightError
from .._exchange.stream import Answerers
from .._exchange.visit import VisitAnswerers
from .._own_network import own_network
from .._ports import format_ports
from .._requirement import Requirement
from .._session import Session
from .binding import Bound, Port, bind, shares
from .privileges import drop_privileges, take_name
from .record import Record
from .serving import Server
from .tap import Tap, of_probers, of_visitors, open_taps
from .visiting import VisitRecord, VisitServer, one_share
from .visits import Visits
from .workers import LostError, Worker, tell

NAME = "\0plugnmeet.server.port_listener"

_CONTROL_SECONDS = 5.0
_PATIENCE, _MOMENT = 60, 0.05  # tries, and seconds between them
_END_SECONDS, _BLINK = 3.0, 0.005  # for the end of a process, and between looks: services wait for it
_MOST_REPLY = 64 << 20

Facts = t.Dict[str, t.Any]


def start(
    session: Session,
    requirements: t.Sequence[Requirement],
    deadline: float,
    page: str = "",
    may_bind: t.Callable[[], bool] = lambda: True,
) -> Facts:
    """Start a listener that is gone at `deadline`, a reading of the monotonic clock, at the latest.

    With a `page` (HTML) it is open to visitors, and has the page for them. `may_bind` is called when it has its name,
    and no port: whoever brings the services back looks for that name first, so that one of the two sees the other.
    Returns `bound`, `in_use`, `tap` and `since`, and `changed`, which is false if this session's listener runs
    already. Raises PreflightError if another session's runs, or if the host does not let us listen.
    """
    running = status_of(session.id)
    if running:
        return {**running["started"], "changed": False}
    text = detach(lambda pipe: _live(pipe, session, requirements, deadline, page, may_bind))
    if not text:
        raise PreflightError("the listener died while it started; the target's kernel log may say why")
    report: Facts = json.loads(text)
    if "error" in report:
        raise PreflightError(report["error"])
    return {**report, "changed": True}


def rehearse(session: Session, requirements: t.Sequence[Requirement], page: str = "") -> None:
    """Raise PreflightError for what would keep a listener from starting, as far as that shows without a socket."""
    Answerers(session)
    if page:
        one_share(requirements)
    else:
        shares(requirements)


def status() -> Facts | None:
    """Return `session`, `since`, `pid` and `seconds_left` of the listener that runs, None for none.

    In a visit `visits` has who was there.
    """
    return _call({"verb": "status"})


def status_of(session_id: str) -> Facts | None:
    """Return the status of this session's listener, None if none runs; raises PreflightError if another's runs."""
    running = status()
    if running and running["session"] != session_id:
        raise PreflightError(_busy(running))
    return running


def paste(session_id: str, result: str) -> Facts | None:
    """Give a visitor's result to this session's listener; return its status with `taken`, None if none runs."""
    return _call({"verb": "result", "session": session_id, "result": result})


def stop(session_id: str) -> Facts | None:
    """End this session's listener and return what it saw; None if none runs.

    Raises PreflightError if another session's runs: it is left alone.
    """
    reply = _call({"verb": "stop", "session": session_id})
    if reply and reply["session"] != session_id:
        raise PreflightError(_busy(reply))
    if reply:
        _wait_for_end(reply["pid"])
    return reply


def _live(
    pipe: t.BinaryIO,
    session: Session,
    requirements: t.Sequence[Requirement],
    deadline: float,
    page: str,
    may_bind: t.Callable[[], bool],
) -> None:
    """The listener's whole life, from its own side."""
    owner = os.getuid()
    workers: list[Worker] = []
    with pipe:
        try:
            take_name()
            control = _take_control_name()
            if not may_bind():
                raise PreflightError("the target's services are on their way back already; run again")
            visits = Visits(session, time.monotonic) if page else None
            answerers = VisitAnswerers(session, page.encode("utf-8"), visits) if visits else Answerers(session)
            mine, *others = [one_share(requirements)] if visits else shares(requirements)
            work = functools.partial(_work, session, answerers, deadline)
            workers.extend(Worker(share, work) for share in others)
            bound = bind(mine)
            taps, tap_reason = _open_taps(of_visitors() if visits else of_probers(session.id))
            started = _describe([_told(bound), *(worker.started() for worker in workers)], tap_reason)
            drop_privileges()
        except (PreflightError, OSError) as error:
            for worker in workers:
                worker.end()
            refused = "" if isinstance(error, PreflightError) else "the target does not let the listener start: "
            pipe.write(json.dumps({"error": f"{refused}{error}"}).encode("utf-8"))
            return
        pipe.write(json.dumps(started).encode("utf-8"))

    def finish() -> Facts:
        lost = server.catch_up()
        while workers:
            record.absorb(workers.pop().finish())
        return {"tap": {"usable": bool(taps), "lost": lost}, **record.finish(), **own_network()}

    def command(listening: socket.socket) -> bool:
        connection, dummy = listening.accept()
        with connection:
            return _obey(connection, session.id, started, deadline, finish, owner, visits)

    ports = {port for share in (mine, *others) for port in share}
    ends = (bound.sockets, taps, control, command, deadline, time.monotonic)
    record: Record
    server: Server
    if visits:
        record = VisitRecord(session, ports, visits)
        server = VisitServer(visits, answerers, record, *ends)
    else:
        record = Record(session, ports)
        server = Server(answerers, record, *ends)
    for worker in workers:  # a listener of which a part is missing is none
        server.end_with(worker)
    server.run()


def _work(
    session: Session, answerers: Answerers, deadline: float, link: socket.socket, share: t.Sequence[Port]
) -> None:
    """A worker's whole life, from its own side."""
    let_go(keep=link.fileno())
    try:
        bound = bind(share)
        drop_privileges()
    except PreflightError as error:
        tell(link, {"error": str(error)})
        return
    tell(link, _told(bound))

    def command(link: socket.socket) -> bool:
        if link.recv(1):
            server.catch_up()
            tell(link, record.share())
        return True

    record = Record(session, set(share))
    server = Server(answerers, record, bound.sockets, (), link, command, deadline, time.monotonic)
    server.run()


def _take_control_name() -> socket.socket:
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        control.bind(NAME)
    except OSError as error:
        control.close()
        if error.errno == errno.EADDRINUSE:
            raise PreflightError(
                "another preflight starts on this target right now, or somebody holds its name there; "
                "wait for it, or find it with: ss -xp | grep plugnmeet.server"
            ) from error
        raise PreflightError(f"the target does not allow a Unix socket: {error.strerror}") from error
    control.listen(8)
    return control


def _open_taps(program: bytes) -> tuple[list[Tap], str]:
    try:
        return open_taps(program), ""
    except OSError as error:
        return [], error.strerror or str(error)


def _told(bound: Bound) -> Facts:
    """What a process bound."""
    return {
        "ports": list(bound.sockets),
        "in_use": [
            {"protocol": protocol, "port": port, "holder": holder._asdict()}
            for (protocol, port), holder in sorted(bound.in_use.items())
        ],
    }


def _describe(told: t.Iterable[Facts], tap_reason: str) -> Facts:
    """What all processes together bound."""
    ports: dict[str, list[int]] = {"tcp": [], "udp": []}
    in_use: list[Facts] = []
    for facts in told:
        in_use += facts["in_use"]
        for protocol, port in facts["ports"]:
            ports[protocol].append(port)
    return {
        "pid": os.getpid(),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "bound": {protocol: format_ports(numbers) for protocol, numbers in ports.items()},
        "in_use": in_use,
        "tap": {"usable": not tap_reason, "reason": tap_reason},
    }


def _obey(
    connection: socket.socket,
    session_id: str,
    started: Facts,
    deadline: float,
    finish: t.Callable[[], Facts],
    owner: int,
    visits: Visits | None = None,
) -> bool:
    """Serve one caller of the control socket; tell whether the listener shall end."""
    if _peer(connection)[1] not in (0, owner):
        return False
    connection.settimeout(_CONTROL_SECONDS)
    try:
        request = json.loads(_receive(connection))
    except (OSError, ValueError):  # it went away, or is no module of ours
        return False
    reply: Facts = {
        "session": session_id,
        "since": started["since"],
        "seconds_left": max(0, round(deadline - time.monotonic())),
        "started": started,
    }
    mine = bool(isinstance(request, dict) and request.get("session") == session_id)
    if visits and mine and request.get("verb") == "result":
        reply["taken"] = visits.result(str(request.get("result")).strip().encode("utf-8"))
    if visits:
        reply["visits"] = visits.facts()
    ends = bool(request == {"verb": "stop", "session": session_id})
    try:
        if ends:
            reply["saw"] = finish()
    except LostError:  # without it what is left would be half the truth
        return True
    try:
        connection.sendall(json.dumps(reply).encode("utf-8"))
    except OSError:
        return False  # the evidence waits for who asks again
    return ends


def _call(request: dict[str, str]) -> Facts | None:
    """Ask the listener that runs; None if none does. Raises PreflightError for one that does not answer."""
    pid = 0
    for dummy in range(_PATIENCE):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(2 * _CONTROL_SECONDS)
            try:
                connection.connect(NAME)
            except ConnectionRefusedError:
                return None
            except OSError:  # too many others knock
                time.sleep(_MOMENT)
                continue
            pid, uid = _peer(connection)
            if uid not in (0, os.geteuid()):
                raise PreflightError(f"process {pid} of user {uid} holds the listener's name on the target; end it")
            try:
                connection.sendall(json.dumps(request).encode("utf-8"))
                connection.shutdown(socket.SHUT_WR)
                return {**json.loads(_receive(connection)), "pid": pid}
            except socket.timeout:  # it hangs, and will go on with that
                break
            except (OSError, ValueError):  # it may be about to end
                time.sleep(_MOMENT)
    if not pid:
        raise PreflightError("the listener's control socket on the target is not to be reached; run again in a moment")
    raise PreflightError(f"the listener, process {pid} on the target, does not answer; end it with kill -9 {pid}")


def _wait_for_end(pid: int) -> None:
    """Return when process `pid` is gone, and with it the last of its sockets."""
    patience = time.monotonic() + _END_SECONDS
    while time.monotonic() < patience:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":  # only its parent's notice is missing
                    return
        except OSError:
            return
        time.sleep(_BLINK)
    with contextlib.suppress(ProcessLookupError):  # it went since the last look
        os.kill(pid, signal.SIGKILL)


def _receive(connection: socket.socket) -> str:
    data = bytearray()
    while len(data) < _MOST_REPLY:
        chunk = connection.recv(1 << 16)
        if not chunk:
            break
        data += chunk
    return data.decode("utf-8")


def _peer(connection: socket.socket) -> tuple[int, int]:
    """Process and user at the other end (unix(7), SO_PEERCRED); a listening socket's are of when it began to listen."""
    pid, uid, dummy = struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid, uid


def _busy(running: Facts) -> str:
    return (
        f"another preflight, session {running['session']}, has been listening on the target since {running['since']}; "
        f"wait until it ends, by itself in {running['seconds_left']} s at the latest"
    )
