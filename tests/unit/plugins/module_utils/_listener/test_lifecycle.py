# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
import time
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import lifecycle
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.privileges import MOST_GROWTH
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.module_utils._services import LISTENER
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

# pytest's workers have threads; the listener's child uses none of what they may hold.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

Facts = t.Dict[str, t.Any]
Listen = t.Callable[..., Facts]
FreePorts = t.Callable[[int], t.List[int]]
Row = t.Callable[..., Requirement]


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: t.Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_it_tells_what_it_bound(listen: Listen, free_ports: FreePorts, row: Row) -> None:
    ports = free_ports(4)
    started = listen(row("udp", ports), row("tcp", ports[:1]))
    assert started["changed"]
    assert started["bound"] == {"tcp": str(ports[0]), "udp": format_ports(ports)}
    assert started["in_use"] == []
    assert started["tap"]["usable"] is not bool(started["tap"]["reason"])
    time.strptime(started["since"], "%Y-%m-%dT%H:%M:%SZ")
    assert is_alive(started["pid"])


HOLD = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.bind(("127.0.0.1", int(sys.argv[1])))
    print("bound", flush=True)
    sys.stdin.read()
"""


def test_it_tells_who_holds_a_port(listen: Listen, free_ports: FreePorts, row: Row) -> None:
    taken, free = free_ports(2)
    command = [sys.executable, "-c", HOLD, str(taken)]
    # In a process of its own: what starts the listener leaves a child behind that has all of its sockets for a moment.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holding:
        assert holding.stdout
        assert holding.stdout.readline() == b"bound\n"
        started = listen(row("udp", [taken, free]))
        holding.communicate()
    assert started["bound"]["udp"] == str(free)
    (found,) = started["in_use"]
    assert (found["protocol"], found["port"], found["holder"]["pid"]) == ("udp", taken, holding.pid)


def test_starting_the_same_session_again_changes_nothing(listen: Listen, free_ports: FreePorts, row: Row) -> None:
    rows = row("udp", free_ports(2))
    first = listen(rows)
    again = listen(rows)
    assert again == {**first, "changed": False}


def test_another_session_is_refused_and_disturbs_nothing(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, stranger: Session
) -> None:
    rows = row("udp", free_ports(2))
    started = listen(rows)
    with pytest.raises(PreflightError, match=f"another preflight, session {session.id}, has been listening"):
        listen(rows, of=stranger)
    with pytest.raises(PreflightError, match=f"another preflight, session {session.id}, has been listening"):
        lifecycle.stop(stranger.id)
    running = lifecycle.status()
    assert running is not None
    assert (running["session"], running["pid"]) == (session.id, started["pid"])
    assert 20 <= running["seconds_left"] <= 30


def test_stopping_ends_it_and_returns_what_it_saw(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session
) -> None:
    ports = free_ports(2)
    started = listen(row("udp", ports), row("tcp", ports))
    stopped = lifecycle.stop(session.id)
    assert stopped is not None
    assert not is_alive(started["pid"])
    assert stopped["saw"]["evidence"] == []
    assert stopped["saw"]["sources"] == []
    assert stopped["saw"]["strangers"] == {"datagrams": 0, "connections": 0}
    assert stopped["saw"]["tap"] == {"usable": started["tap"]["usable"], "lost": 0}
    assert lifecycle.status() is None
    assert lifecycle.stop(session.id) is None
    for port in ports:  # free again
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET6, kind) as sock:
                sock.bind(("", port))


def test_the_deadline_ends_it_by_itself(listen: Listen, free_ports: FreePorts, row: Row) -> None:
    started = listen(row("udp", free_ports(1)), seconds=0.5)
    assert is_alive(started["pid"])
    wait_until(lambda: not is_alive(started["pid"]))
    assert lifecycle.status() is None


def test_a_deadline_ends_it_whoever_is_connected(listen: Listen, free_ports: FreePorts, row: Row) -> None:
    (port,) = free_ports(1)
    started = listen(row("tcp", [port]), seconds=0.5)
    with socket.create_connection(("127.0.0.1", port)):
        wait_until(lambda: not is_alive(started["pid"]))


def test_a_killed_one_leaves_nothing_behind(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, stranger: Session
) -> None:
    rows = row("udp", free_ports(2))
    os.kill(listen(rows)["pid"], signal.SIGKILL)
    wait_until(lambda: lifecycle.status() is None)
    assert lifecycle.stop(session.id) is None
    assert listen(rows, of=stranger)["changed"]


def test_a_failure_to_start_is_said_and_leaves_nothing_behind(
    listen: Listen, free_ports: FreePorts, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(rows: t.Any) -> t.Any:
        raise PreflightError(f"the target does not like {len(rows)} row")

    monkeypatch.setattr(lifecycle, "bind", refuse)
    with pytest.raises(PreflightError, match="the target does not like 1 row"):
        listen(row("udp", free_ports(1)))
    wait_until(lambda: lifecycle.status() is None)


def test_it_can_be_found_by_its_name_before_it_has_a_port(
    session: Session, free_ports: FreePorts, row: Row, name: str
) -> None:
    (port,) = free_ports(1)

    def refuse() -> bool:
        with open("/proc/self/comm", encoding="ascii") as file, socket.socket(
            socket.AF_INET6, socket.SOCK_DGRAM
        ) as sock:
            assert file.read() == f"{LISTENER}\n"
            sock.bind(("", port))
        return False

    with pytest.raises(PreflightError, match=r"^the target's services are on their way back already; run again$"):
        lifecycle.start(session, [row("udp", [port])], time.monotonic() + 30, may_bind=refuse)
    assert name
    assert lifecycle.status() is None


def test_a_name_that_is_taken_but_not_listened_on_is_said(
    listen: Listen, free_ports: FreePorts, row: Row, name: str
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as holder:
        holder.bind(name)
        with pytest.raises(PreflightError) as raised:
            listen(row("udp", free_ports(1)))
    assert str(raised.value) == (
        "another preflight starts on this target right now, or somebody holds its name there; "
        "wait for it, or find it with: ss -xp | grep plugnmeet.server"
    )


def test_who_meets_too_many_others_at_the_control_socket_knocks_again(name: str) -> None:
    reply = {"session": "x"}
    with contextlib.ExitStack() as stack:
        control = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        control.bind(name)
        control.listen(0)
        others: list[socket.socket] = []
        with contextlib.suppress(BlockingIOError):
            while len(others) < 10:
                others.append(stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)))
                others[-1].setblocking(False)
                others[-1].connect(name)
        assert len(others) < 10

        def serve() -> None:
            time.sleep(0.2)
            for other in others:
                other.close()
            for dummy in others:  # the last one was turned away, and its place is the caller's
                with control.accept()[0] as connection, contextlib.suppress(OSError):
                    while connection.recv(4096):
                        pass
                    connection.sendall(json.dumps(reply).encode("ascii"))

        control.settimeout(5)
        serving = threading.Thread(target=serve)
        serving.start()
        found = lifecycle.status()
        serving.join()
    assert found == {**reply, "pid": os.getpid()}


def test_one_that_hangs_is_given_up_at_once(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = listen(row("udp", free_ports(1)))["pid"]
    monkeypatch.setattr(lifecycle, "_CONTROL_SECONDS", 0.3)
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(PreflightError, match=f"process {pid} on the target, does not answer; end it with kill -9"):
            lifecycle.stop(session.id)
        assert time.monotonic() - began < 3
    finally:
        os.kill(pid, signal.SIGCONT)


def test_one_that_goes_after_the_last_look_need_not_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "_END_SECONDS", 0.0)
    with subprocess.Popen(["true"]) as process:
        process.wait()
    lifecycle._wait_for_end(process.pid)


def test_who_asks_in_the_same_moment_does_not_take_a_stop_back(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, name: str
) -> None:
    ports = free_ports(100)
    pid = listen(row("udp", ports))["pid"]
    os.kill(pid, signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        for request in ({"verb": "stop", "session": session.id}, {"verb": "status"}):
            caller = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            caller.connect(name)
            caller.sendall(json.dumps(request).encode("ascii"))
            caller.shutdown(socket.SHUT_WR)
        flood = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        for port in ports:  # in a flood, commands are looked for twice in a turn
            flood.sendto(b"junk", ("127.0.0.1", port))
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: not is_alive(pid))


def test_it_holds_nothing_of_the_process_that_started_it(listen: Listen, free_ports: FreePorts, row: Row) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    pid = listen(row("udp", free_ports(1)))["pid"]
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b""  # would wait for ever if the listener held the other end
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        parent = int(file.read().rpartition(")")[2].split()[1])
    assert parent != os.getpid()


def test_it_has_no_privileges_left(listen: Listen, free_ports: FreePorts, row: Row) -> None:
    pid = listen(row("udp", free_ports(1)))["pid"]
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    uid = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    assert status["Name"] == "plugnmeet-check"
    assert status["NoNewPrivs"] == "1"
    assert set(status["Uid"].split()) == {str(uid)}
    if os.geteuid() == 0:
        assert status["Groups"].strip() == ""
    sets = {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert sets == dict.fromkeys(sets, 0)


def test_its_memory_is_bounded(listen: Listen, free_ports: FreePorts, row: Row) -> None:
    pid = listen(row("udp", free_ports(1)))["pid"]
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        size = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmSize"))
    (limit,) = {int(value) for value in limits(pid)["Max address space"]}
    assert MOST_GROWTH / 2 < limit - size <= MOST_GROWTH
    assert limits(pid)["Max core file size"] == ["0"] * 2


def limits(pid: int) -> dict[str, list[str]]:
    """The soft and the hard limits of a process."""
    with open(f"/proc/{pid}/limits", encoding="utf-8") as file:
        return {line[:25].strip(): line[26:].split()[:2] for line in file}


@pytest.mark.parametrize(
    "request_", [b"", b"nonsense", b"\xff", b"[]", b'{"verb": "stop"}', json.dumps({"verb": "stop", "session": ""})]
)
def test_a_caller_that_talks_nonsense_does_not_end_it(
    listen: Listen, free_ports: FreePorts, row: Row, name: str, request_: bytes | str
) -> None:
    pid = listen(row("udp", free_ports(1)))["pid"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(name)
        caller.sendall(request_ if isinstance(request_, bytes) else request_.encode("ascii"))
        caller.shutdown(socket.SHUT_WR)
        caller.settimeout(5)
        reply = caller.recv(65536)
    assert b"secret" not in reply
    running = lifecycle.status()
    assert running is not None
    assert running["pid"] == pid


def test_the_secret_is_told_to_nobody(listen: Listen, free_ports: FreePorts, row: Row, session: Session) -> None:
    started = listen(row("udp", free_ports(1)))
    assert session.secret not in json.dumps([started, lifecycle.status(), lifecycle.stop(session.id)])


def test_what_the_system_refuses_is_a_sentence(
    listen: Listen, free_ports: FreePorts, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(dummy: Session) -> t.Any:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(lifecycle, "Answerers", refuse)
    with pytest.raises(PreflightError) as raised:
        listen(row("udp", free_ports(1)))
    assert str(raised.value) == "the target does not let the listener start: [Errno 13] Permission denied"
