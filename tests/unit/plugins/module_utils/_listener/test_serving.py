# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listener as it shows on the wire, each test with a real one in the background."""

from __future__ import annotations

import contextlib
import socket
import struct
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import ice_tcp, stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import Outcome, Reply
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import lifecycle
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

Facts = t.Dict[str, t.Any]
Listen = t.Callable[..., Facts]
FreePorts = t.Callable[[int], t.List[int]]
Row = t.Callable[..., Requirement]

HOSTS = [(socket.AF_INET, "127.0.0.1", "ipv4"), (socket.AF_INET6, "::1", "ipv6")]
hosts = pytest.mark.parametrize(("family", "host", "family_name"), HOSTS, ids=["ipv4", "ipv6"])
QUIET = 0.3  # seconds in which a loopback would have brought an answer


TRANSACTION = stun.transaction_id(b"transaction1", again=True)  # so that the tap looks for it


def ask(session: Session, port: int, vantage: int = 4) -> bytes:
    return stun.ask(session, vantage, port, TRANSACTION, b"tie-brkr")


def prove(session: Session, reply: bytes, port: int) -> Reply:
    return stun.check(reply, session, port, TRANSACTION)


def saw(session: Session) -> Facts:
    stopped = lifecycle.stop(session.id)
    assert stopped is not None
    found: Facts = stopped["saw"]
    return found


def rows(seen: Facts, port: int) -> dict[str, dict[str, t.Any]]:
    """The observations of a port, by what was seen."""
    return {row["seen"]: row for row in seen["evidence"] if row["ports"] == str(port)}


@hosts
def test_a_datagram_of_the_session_is_answered_from_where_it_went(
    listen: Listen,
    free_ports: FreePorts,
    row: Row,
    session: Session,
    family: socket.AddressFamily,
    host: str,
    family_name: str,
) -> None:
    (port,) = free_ports(1)
    started = listen(row("udp", [port]))
    with socket.socket(family, socket.SOCK_DGRAM) as prober:
        prober.settimeout(5)
        prober.sendto(ask(session, port), (host, port))
        reply, source = prober.recvfrom(2048)
        mine = prober.getsockname()[1]
    assert source[:2] == (host, port)
    assert prove(session, reply, port) == Reply(Outcome.PROVEN, (host, mine), (host, port))
    seen = saw(session)
    found = rows(seen, port)
    on_card = {"arrived", "left"} if started["tap"]["usable"] else set()
    assert set(found) == {"received", "answered"} | on_card
    assert all((row["protocol"], row["family"], row["vantage"]) == ("udp", family_name, 4) for row in found.values())
    assert seen["sources"] == [{"vantage": 4, "address": host}]


def test_an_answer_leaves_from_the_address_that_was_asked(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session
) -> None:
    (port,) = free_ports(1)
    listen(row("udp", [port]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as prober:
        prober.settimeout(5)
        prober.bind(("127.0.0.1", 0))
        prober.sendto(ask(session, port), ("127.0.0.7", port))
        reply, source = prober.recvfrom(2048)
    assert source == ("127.0.0.7", port)
    assert prove(session, reply, port).origin == ("127.0.0.7", port)


@hosts
def test_a_connection_of_the_session_is_answered(
    listen: Listen,
    free_ports: FreePorts,
    row: Row,
    session: Session,
    family: socket.AddressFamily,
    host: str,
    family_name: str,
) -> None:
    (port,) = free_ports(1)
    started = listen(row("tcp", [port]))
    with socket.socket(family, socket.SOCK_STREAM) as prober:
        prober.settimeout(5)
        prober.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, session.mark(4))
        prober.connect((host, port))
        for byte in ice_tcp.frame(ask(session, port)):  # a stream may be cut anywhere
            prober.sendall(bytes([byte]))
        reply = ice_tcp.unframe(prober.recv(2048))
        mine = prober.getsockname()[1]
    assert reply is not None
    assert prove(session, reply, port) == Reply(Outcome.PROVEN, (host, mine), (host, port))
    found = rows(saw(session), port)
    on_card = {"arrived", "left"} if started["tap"]["usable"] else set()
    assert set(found) == {"received", "answered"} | on_card
    assert all((row["protocol"], row["family"], row["vantage"]) == ("tcp", family_name, 4) for row in found.values())


def test_a_question_that_meant_another_port_is_told_so(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session
) -> None:
    meant, arrived = free_ports(2)
    listen(row("udp", [arrived]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as prober:
        prober.settimeout(5)
        prober.sendto(ask(session, meant), ("127.0.0.1", arrived))
        reply = prober.recv(2048)
    assert prove(session, reply, meant).outcome is Outcome.MOVED
    seen = saw(session)
    found = rows(seen, meant)
    assert set(found) == {"moved"}
    assert found["moved"]["detail"] == {"to": str(arrived)}
    assert not {"arrived", "received"} & set(rows(seen, arrived))


def test_a_third_partys_agent_is_answered_and_is_no_evidence(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session
) -> None:
    (port,) = free_ports(1)
    listen(row("udp", [port]))
    question = _stun.build(
        _stun.BINDING_REQUEST,
        TRANSACTION,
        [(_stun.USERNAME, session.id.encode("ascii") + b":browser"), (_stun.PRIORITY, bytes(4))],
        session.key,
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as prober:
        prober.settimeout(5)
        prober.sendto(question, ("127.0.0.1", port))
        reply = prober.recv(2048)
    assert prove(session, reply, port).outcome is Outcome.PROVEN
    seen = saw(session)
    assert (seen["evidence"], seen["strangers"]) == ([], {"datagrams": 0, "connections": 0})


@hosts
def test_strangers_get_not_one_datagram(
    listen: Listen,
    free_ports: FreePorts,
    row: Row,
    session: Session,
    stranger: Session,
    family: socket.AddressFamily,
    host: str,
    family_name: str,
) -> None:
    (port,) = free_ports(1)
    listen(row("udp", [port]))
    sent = [
        b"",
        b"test\n",
        bytes(1400),
        ask(stranger, port),
        ask(session._replace(secret=stranger.secret), port),
        ask(session, port)[:-1],
        ask(session, port)[:20],
    ]
    with socket.socket(family, socket.SOCK_DGRAM) as prober:
        for data in sent:
            prober.sendto(data, (host, port))
        prober.settimeout(QUIET)
        with pytest.raises(socket.timeout):
            prober.recv(2048)
    seen = saw(session)
    assert seen["strangers"]["datagrams"] == len(sent)
    assert {(row["seen"], row["family"]) for row in seen["evidence"]} <= {("arrived", family_name)}


@hosts
def test_strangers_get_not_one_byte_over_a_connection(
    listen: Listen,
    free_ports: FreePorts,
    row: Row,
    session: Session,
    stranger: Session,
    family: socket.AddressFamily,
    host: str,
    family_name: str,
) -> None:
    (port,) = free_ports(1)
    listen(row("tcp", [port]))
    greetings = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"\x00\x10",
        b"\xff" * 4000,
        ice_tcp.frame(bytes(20)),
        ice_tcp.frame(ask(stranger, port)),
        ice_tcp.frame(ask(session._replace(secret=stranger.secret), port)),
    ]
    for greeting in greetings:
        with socket.socket(family, socket.SOCK_STREAM) as prober:
            prober.settimeout(5)
            prober.connect((host, port))
            prober.sendall(greeting)
            with contextlib.suppress(ConnectionResetError):  # if it hung up with something unread
                assert prober.recv(2048) == b""
    with socket.socket(family, socket.SOCK_STREAM) as prober:  # one that says nothing hears nothing
        prober.connect((host, port))
        prober.settimeout(QUIET)
        with pytest.raises(socket.timeout):
            prober.recv(1)
    assert saw(session)["strangers"]["connections"] >= len(greetings)
    assert family_name


def test_a_flood_of_strangers_leaves_the_session_its_answers(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session
) -> None:
    (port,) = free_ports(1)
    listen(row("udp", [port]), row("tcp", [port]))
    idle = [socket.create_connection(("127.0.0.1", port), timeout=5) for dummy in range(100)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        for dummy in range(2000):
            flood.sendto(bytes(100), ("127.0.0.1", port))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as prober:
        prober.settimeout(0.5)
        for dummy in range(20):
            prober.sendto(ask(session, port), ("127.0.0.1", port))
            try:
                assert prove(session, prober.recv(2048), port).outcome is Outcome.PROVEN
                break
            except socket.timeout:
                continue
        else:
            pytest.fail("no answer")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as late:
        late.sendall(ice_tcp.frame(ask(session, port)))
        assert ice_tcp.unframe(late.recv(2048))
    for connection in idle:
        connection.close()


def test_a_connection_that_its_owner_resets_at_once_does_no_harm(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session
) -> None:
    (port,) = free_ports(1)
    listen(row("tcp", [port]))
    for dummy in range(20):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as rude:
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            rude.sendall(b"\0")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as prober:
        prober.sendall(ice_tcp.frame(ask(session, port)))
        assert ice_tcp.unframe(prober.recv(2048))
