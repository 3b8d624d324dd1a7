# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A listener whose host allows few open files, so that it is made of several processes."""

from __future__ import annotations

import os
import resource
import signal
import socket
import time
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import ice_tcp, stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import Outcome
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import binding, lifecycle
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

ROOM = 30  # ports a process

Facts = t.Dict[str, t.Any]
Listen = t.Callable[..., Facts]
FreePorts = t.Callable[[int], t.List[int]]
Row = t.Callable[..., Requirement]


@pytest.fixture(autouse=True)
def few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a hard limit does it; to lower that one is a way of no return."""
    monkeypatch.setattr(binding, "_room", lambda wanted: min(wanted, ROOM + binding.SPARE_DESCRIPTORS))


def family(pid: int) -> list[int]:
    """A process and its children, as far as they live."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z" and pid in (int(name), int(parent)):
            found.append(int(name))
    return sorted(found)


def wait_until_gone(pids: list[int]) -> None:
    end = time.monotonic() + 5
    while any(os.path.exists(f"/proc/{pid}") and family(pid) for pid in pids):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def ask_all(session: Session, ports: t.Iterable[int]) -> set[int]:
    proven = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as prober:
        prober.settimeout(5)
        for port in ports:
            noise = stun.transaction_id(os.urandom(12), again=True)
            prober.sendto(stun.ask(session, 3, port, noise, bytes(8)), ("127.0.0.1", port))
            if stun.check(prober.recv(2048), session, port, noise).outcome is Outcome.PROVEN:
                proven.add(port)
    return proven


def test_several_processes_serve_the_table_and_tell_as_one(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session
) -> None:
    ports = free_ports(100)
    started = listen(row("tcp", ports[:40]), row("udp", ports))
    assert started["bound"] == {"tcp": format_ports(ports[:40]), "udp": format_ports(ports)}
    processes = family(started["pid"])
    assert len(processes) == 5
    for pid in processes:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        assert (status["Name"], status["NoNewPrivs"], int(status["CapBnd"], 16)) == ("plugnmeet-check", "1", 0)
    assert ask_all(session, ports) == set(ports)
    talking, silent = ports[38], ports[39]  # of a worker
    with socket.create_connection(("127.0.0.1", talking), timeout=5) as prober:
        prober.sendall(ice_tcp.frame(stun.ask(session, 3, talking, b"transaction1", bytes(8))))
        assert ice_tcp.unframe(prober.recv(2048))
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as prober:
        prober.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, session.mark(3))
        prober.connect(("127.0.0.1", silent))
    for port in (ports[0], ports[-1]):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"junk", ("127.0.0.1", port))
    ask_all(session, ports)  # who answers it has seen what came before
    stopped = lifecycle.stop(session.id)
    assert stopped is not None
    assert not any(map(family, processes))
    seen = {(row["seen"], row["protocol"]): row["ports"] for row in stopped["saw"]["evidence"]}
    assert seen["received", "udp"] == seen["answered", "udp"] == format_ports(ports)
    if started["tap"]["usable"]:
        assert seen["arrived", "udp"] == seen["left", "udp"] == format_ports(ports)
        assert seen["received", "tcp"] == f"{talking}-{silent}"
    assert stopped["saw"]["sources"] == [{"vantage": 3, "address": "127.0.0.1"}]
    assert stopped["saw"]["strangers"]["datagrams"] == 2


def test_a_port_in_use_is_told_whoever_was_to_have_it(listen: Listen, free_ports: FreePorts, row: Row) -> None:
    ports = free_ports(70)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", ports[-1]))
        started = listen(row("udp", ports))
    assert started["bound"]["udp"] == format_ports(ports[:-1])
    assert [(found["port"], found["holder"]["pid"]) for found in started["in_use"]] == [(ports[-1], os.getpid())]


def test_a_listener_of_which_a_part_is_killed_is_gone(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session
) -> None:
    pid = listen(row("udp", free_ports(100)))["pid"]
    processes = family(pid)
    os.kill(next(each for each in processes if each != pid), signal.SIGKILL)
    wait_until_gone(processes)
    assert lifecycle.stop(session.id) is None


def test_when_the_listener_is_killed_its_parts_are_gone(listen: Listen, free_ports: FreePorts, row: Row) -> None:
    pid = listen(row("udp", free_ports(100)))["pid"]
    processes = family(pid)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(processes)


def test_the_deadline_ends_them_all(listen: Listen, free_ports: FreePorts, row: Row) -> None:
    processes = family(listen(row("udp", free_ports(100)), seconds=1)["pid"])
    assert len(processes) == 4
    wait_until_gone(processes)


def test_a_part_that_cannot_start_is_said_and_nothing_is_left(
    listen: Listen, free_ports: FreePorts, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = free_ports(100)

    def refuse(share: t.Sequence[binding.Port]) -> binding.Bound:
        if ("udp", ports[-1]) in share:
            raise PreflightError("the target does not like this part")
        return binding.bind(share)

    monkeypatch.setattr(lifecycle, "bind", refuse)
    with pytest.raises(PreflightError, match="the target does not like this part"):
        listen(row("udp", ports))
    end = time.monotonic() + 5
    while not all_free(ports):
        assert time.monotonic() < end, "waited in vain"


def all_free(ports: list[int]) -> bool:
    bound = binding.bind([("udp", port) for port in ports])
    for sock in bound.sockets.values():
        sock.close()
    return not bound.in_use


def test_few_ports_need_no_other_process(listen: Listen, free_ports: FreePorts, row: Row) -> None:
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > ROOM
    pid = listen(row("udp", free_ports(ROOM)))["pid"]
    assert family(pid) == [pid]
