# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of both ends share: a session, ports that nobody else wants, and the real listener."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import socket
import string
import time
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import lifecycle
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.certificates import (
    CERTIFICATE,
    OTHER_CERTIFICATE,
    OTHER_PRIVATE_KEY,
    PRIVATE_KEY,
)

Facts = t.Dict[str, t.Any]
Listen = t.Callable[..., Facts]
FreePorts = t.Callable[[int], t.List[int]]

DEFAULT = {"udp": "stun", "tcp": "ice-tcp"}  # what a port speaks

_names = itertools.count()


@pytest.fixture
def session() -> Session:
    """The session of this test alone: the tap sees what tests that run at the same time send, too."""
    session_id = "".join(random.choices(string.ascii_letters, k=16))
    return Session(session_id, "QpN4vX7k2LsWc9RfTz1BdYh6MgJ8aEuK", CERTIFICATE, PRIVATE_KEY)


@pytest.fixture
def stranger() -> Session:
    """Another session."""
    return Session("0000000000000000", "GivrOz9EGuG84EY92g0ZCGXmqNuPYUVl", OTHER_CERTIFICATE, OTHER_PRIVATE_KEY)


@pytest.fixture
def free_ports() -> FreePorts:
    """Find neighbouring ports, free in TCP and UDP, that the kernel gives to nobody by itself."""

    def find(count: int) -> list[int]:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            low, high = map(int, file.read().split())
        starts = [port for port in range(10_000, 65_000 - count) if port + count <= low or port > high]
        # What other workers find free at the same time is theirs.
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        starts = starts[len(starts) * worker // workers : len(starts) * (worker + 1) // workers - count]
        for start in random.sample(starts, 100):
            ports = list(range(start, start + count))
            if all(_is_free(kind, port) for port in ports for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
                return ports
        raise AssertionError(f"no {count} free ports")

    return find


def _is_free(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET6, kind) as sock:
        try:
            sock.bind(("", port))
        except OSError:
            return False
    return True


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> str:
    """A control name of this test's own, since on one machine there can be one listener of a name."""
    mine = f"\0plugnmeet.server.test.{os.getpid()}.{next(_names)}"
    monkeypatch.setattr(lifecycle, "NAME", mine)
    return mine


@pytest.fixture
def listen(name: str, session: Session) -> t.Iterator[Listen]:
    """Start the listener, in a process of its own as it is, and end it after the test."""
    with contextlib.ExitStack() as stack:

        def start(*rows: Requirement, seconds: float = 30.0, of: Session = session) -> Facts:
            stack.callback(_end, of)
            return lifecycle.start(of, rows, time.monotonic() + seconds)

        assert name
        yield start


def _end(session: Session) -> None:
    with contextlib.suppress(PreflightError):  # if it is another session's, which has its own turn
        lifecycle.stop(session.id)


def requirement(protocol: str, ports: t.Iterable[int], name: str = "", speaks: str = "") -> Requirement:
    """A row of the port table."""
    return Requirement(name or protocol, protocol, frozenset(ports), speaks or DEFAULT[protocol])


@pytest.fixture
def row() -> t.Callable[..., Requirement]:
    """Make rows of the port table."""
    return requirement
