# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import binding
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.binding import bind, shares
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

FreePorts = t.Callable[[int], t.List[int]]
Row = t.Callable[..., Requirement]


EVEN_ROOT = "the target does not let even root listen on 443/tcp"
LOOK = "look at what SELinux, AppArmor or the container that it runs in have logged"


def bind_all(*rows: Requirement) -> binding.Bound:
    (share,) = shares(rows)
    return bind(share)


def test_every_port_has_a_socket_of_its_own_for_both_families(free_ports: FreePorts, row: Row) -> None:
    ports = free_ports(3)
    bound = bind_all(row("udp", ports), row("tcp", ports[:2]))
    try:
        assert set(bound.sockets) == {*(("udp", port) for port in ports), *(("tcp", port) for port in ports[:2])}
        assert bound.in_use == {}
        for (dummy, port), sock in bound.sockets.items():
            assert sock.getsockname()[1] == port
            assert not sock.getblocking()
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, ports[0]), timeout=5).close()
    finally:
        for sock in bound.sockets.values():
            sock.close()


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["ipv4", "ipv6"]
)
def test_a_port_in_use_is_no_error_and_its_holder_is_named(
    free_ports: FreePorts, row: Row, protocol: str, family: socket.AddressFamily, host: str
) -> None:
    taken, free = free_ports(2)
    with socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as holding:
        # A rude one, that would let others have the port, too.
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holding.bind((host, taken))
        if protocol == "tcp":
            holding.listen(1)
        bound = bind_all(row(protocol, [taken, free]))
    for sock in bound.sockets.values():
        sock.close()
    assert set(bound.sockets) == {(protocol, free)}
    assert [(port, holder.pid) for port, holder in bound.in_use.items()] == [((protocol, taken), os.getpid())]


def test_a_port_with_past_connections_can_be_bound(free_ports: FreePorts, row: Row) -> None:
    (port,) = free_ports(1)
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen(1)
        client = socket.create_connection(("127.0.0.1", port))
        server.accept()[0].close()  # closes first, and so waits in TIME_WAIT
        client.recv(1)
        client.close()
    bound = bind_all(row("tcp", [port]))
    for sock in bound.sockets.values():
        sock.close()
    assert set(bound.sockets) == {("tcp", port)}


@pytest.mark.parametrize(
    ("number", "geteuid", "sentence"),
    [
        (errno.EACCES, 1000, "the target does not let this user listen on 443/tcp; run with become: true"),
        (errno.EACCES, 0, f"{EVEN_ROOT} (Permission denied); {LOOK}"),
        (errno.EPERM, 0, f"{EVEN_ROOT} (Operation not permitted); {LOOK}"),
        (errno.ENOBUFS, 0, "the target cannot listen on 443/tcp: No buffer space available"),
    ],
)
def test_a_refusal_is_said(monkeypatch: pytest.MonkeyPatch, number: int, geteuid: int, sentence: str) -> None:
    def refuse(*dummy: object) -> socket.socket:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(binding, "_bind", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: geteuid)
    with pytest.raises(PreflightError) as raised:
        bind([("tcp", 443)])
    assert str(raised.value) == sentence


_TOO_MANY = """
import resource
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.binding import bind, shares
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
try:
    ports = frozenset(range({first}, {first} + {count}))
    parts = shares([Requirement("media", "udp", ports, "stun"), Requirement("web", "tcp", ports, "http")])
    print([len(bind(part).sockets) for part in parts[:1]], [len(part) for part in parts], *parts[0][0])
except PreflightError as error:
    print(error)
"""


def _bind_with_limits(first: int, count: int, soft: int, hard: int) -> str:
    script = _TOO_MANY.format(first=first, count=count, soft=soft, hard=hard)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_soft_limit_of_open_files_is_raised(free_ports: FreePorts) -> None:
    first = free_ports(50)[0]
    assert _bind_with_limits(first, 50, soft=64, hard=400) == f"[100] [100] tcp {first}"


def test_a_hard_limit_of_open_files_makes_shares(free_ports: FreePorts) -> None:
    first = free_ports(50)[0]
    assert _bind_with_limits(first, 50, soft=64, hard=104) == f"[40] [40, 40, 20] tcp {first}"


@pytest.mark.parametrize("hard", [20, 64, 67])
def test_one_that_would_take_too_many_of_them_is_said(free_ports: FreePorts, hard: int) -> None:
    said = _bind_with_limits(free_ports(50)[0], 50, soft=20, hard=hard)
    assert said.startswith(f"the target allows {hard} open files to a process, too few for 100 ports; raise the hard")


def test_a_port_that_this_user_cannot_have_is_said(row: Row) -> None:
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        if int(file.read()) <= 1:
            pytest.skip("on this machine every user can have every port")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            bind_all(row("udp", [1]))
        except PreflightError as error:
            os.write(writer, str(error).encode("utf-8"))
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        assert pipe.read() == "the target does not let this user listen on 1/udp; run with become: true"
