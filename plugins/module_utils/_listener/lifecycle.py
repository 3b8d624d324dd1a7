# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The listener's life: start it in the background, ask it to stop, and let it end by itself whatever happens.

It is reached through an abstract Unix socket (unix(7)): the name is a lock that one listener can hold, and both vanish
with the process, however that ends. Nothing of a listener is ever on disk.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import json
import os
import pwd
import signal
import socket
import struct
import time
import typing as t

from .._errors import PreflightError
from .._exchange.stream import Answerers
from .._exchange.visit import VisitAnswerers
from .._ports import format_ports
from .._requirement import Requirement
from .._session import Session
from .binding import Bound, bind
from .serving import Server
from .tap import OF_PROBERS, OF_VISITORS, Tap, open_taps
from .visiting import VisitServer
from .visits import Visits

NAME = "\0plugnmeet.server.port_listener"

# include/uapi/linux/prctl.h
PR_SET_NAME = 15
PR_SET_NO_NEW_PRIVS = 38

_COMM = b"plugnmeet-check"
_CONTROL_SECONDS = 5.0
_PATIENCE, _MOMENT = 60, 0.05  # tries, and seconds between them
_MOST_REPLY = 64 << 20

Facts = t.Dict[str, t.Any]


def start(session: Session, requirements: t.Sequence[Requirement], deadline: float, page: str = "") -> Facts:
    """Start a listener that is gone at `deadline`, a reading of the monotonic clock, at the latest.

    With a `page` (HTML) it is open to visitors, and has the page for them.
    Returns `bound`, `in_use`, `tap` and `since`, and `changed`, which is false if this session's listener runs
    already. Raises PreflightError if another session's runs, or if the host does not let us listen.
    """
    running = _call({"verb": "status"})
    if running:
        if running["session"] == session.id:
            return {**running["started"], "changed": False}
        raise PreflightError(_busy(running))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        # The middle process ends at once, so that the listener is nobody's child.
        try:
            os.close(reader)
            os.setsid()
            if os.fork() == 0:
                _live(writer, session, requirements, deadline, page)
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read()
    if not text:
        raise PreflightError("the listener died while it started; the target's kernel log may say why")
    report: Facts = json.loads(text.decode("utf-8"))
    if "error" in report:
        raise PreflightError(report["error"])
    return {**report, "changed": True}


def status() -> Facts | None:
    """Return `session`, `since`, `pid` and `seconds_left` of the listener that runs, None for none.

    In a visit `visits` has who was there.
    """
    return _call({"verb": "status"})


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
    writer: int, session: Session, requirements: t.Sequence[Requirement], deadline: float, page: str = ""
) -> None:
    """The listener's whole life, from its own side."""
    owner = os.getuid()
    with os.fdopen(writer, "wb") as pipe:
        try:
            _let_go(keep=writer)
            control = _take_control_name()
            visits = Visits(session, time.monotonic) if page else None
            answerers = VisitAnswerers(session, page.encode("utf-8"), visits) if visits else Answerers(session)
            bound = bind(requirements)
            taps, tap_reason = _open_taps(visits)
            _drop_privileges()
        except PreflightError as error:
            pipe.write(json.dumps({"error": str(error)}).encode("utf-8"))
            return
        started = _describe(bound, tap_reason)
        pipe.write(json.dumps(started).encode("utf-8"))

    def command(listening: socket.socket, finish: t.Callable[[], Facts]) -> bool:
        connection, dummy = listening.accept()
        with connection:
            return _obey(connection, session.id, started, deadline, finish, owner, visits)

    serve = functools.partial(VisitServer, visits) if visits else Server
    serve(session, answerers, bound.sockets, taps, control, command, deadline, time.monotonic).run()


def _let_go(keep: int) -> None:
    """Close whatever came with the module but `keep`: Ansible waits until nobody holds its output any more."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.closerange(3, keep)
    os.closerange(keep + 1, 1024)
    os.chdir("/")


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


def _open_taps(visits: Visits | None) -> tuple[list[Tap], str]:
    try:
        return open_taps(OF_VISITORS if visits else OF_PROBERS), ""
    except OSError as error:
        return [], error.strerror or str(error)


def _drop_privileges() -> None:
    """From here on the process can do nothing but use the sockets that it has."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NAME, _COMM, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.geteuid() != 0:
        return
    try:
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
        os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)
    except (KeyError, OSError) as error:
        raise PreflightError(f"the listener cannot become the user nobody on this target: {error}") from error


def _describe(bound: Bound, tap_reason: str) -> Facts:
    ports: dict[str, list[int]] = {"tcp": [], "udp": []}
    for protocol, port in bound.sockets:
        ports[protocol].append(port)
    return {
        "pid": os.getpid(),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "bound": {protocol: format_ports(numbers) for protocol, numbers in ports.items()},
        "in_use": [
            {"protocol": protocol, "port": port, "holder": holder._asdict()}
            for (protocol, port), holder in sorted(bound.in_use.items())
        ],
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
    if ends:
        reply["saw"] = finish()
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
            except (OSError, ValueError):  # it may be about to end
                time.sleep(_MOMENT)
    if not pid:
        raise PreflightError("the listener's control socket on the target is not to be reached; run again in a moment")
    raise PreflightError(f"the listener, process {pid} on the target, does not answer; end it with kill -9 {pid}")


def _wait_for_end(pid: int) -> None:
    """Return when process `pid` is gone, and with it the last of its sockets."""
    for dummy in range(_PATIENCE):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":  # only its parent's notice is missing
                    return
        except OSError:
            return
        time.sleep(_MOMENT)
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
