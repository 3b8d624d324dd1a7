# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import threading
import time
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _tls
from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import Evidence, Observation
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.interceptors import show_interceptors
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.resolve import Path
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

HOST = "meet.example.com"
PATH = Path(socket.AF_INET, "ipv4", "127.0.0.1", ("127.0.0.1", 0), "127.0.0.1", "")


@pytest.fixture
def somebody() -> t.Iterator[tuple[int, list[bytes]]]:
    """A port where somebody takes what is said first, and is silent; with all that was said."""
    said: list[bytes] = []
    held: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            said.append(connection.recv(16384))
            held.append(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1], said
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for connection in held:
        connection.close()


def show(session: Session, port: int, seen: str = "foreign", speaks: str = "https", host: str = HOST) -> None:
    evidence = Evidence()
    evidence.ports(Observation(seen, "tcp", "ipv4", 3)).add(port)
    before = evidence.to_list()
    show_interceptors(session, 3, host, [PATH], {port: speaks}, evidence)
    assert evidence.to_list() == before


def test_who_answered_by_tls_is_asked_twice_by_a_name_that_tells_the_target(
    session: Session, somebody: tuple[int, list[bytes]]
) -> None:
    port, said = somebody
    start = time.monotonic()
    show(session, port)
    assert 0.9 < time.monotonic() - start < 3
    names = [_tls.server_name(hello) for hello in said]
    assert names == [f"{session.label(3, port)}.{HOST}".encode("ascii")] * 2


@pytest.mark.parametrize(
    "otherwise", [{"seen": "open"}, {"seen": "rejected"}, {"speaks": "http"}, {"host": "127.0.0.1"}]
)
def test_nobody_else_is_asked(session: Session, somebody: tuple[int, list[bytes]], otherwise: dict[str, str]) -> None:
    port, said = somebody
    show(session, port, **otherwise)
    assert said == []
