# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listener as it shows on the wire, each test with a real one in the background."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import http, https, ice_tcp, stream, stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import Asking, Outcome, Reply
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.transactions import MOST_ANSWERS
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import lifecycle
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.streams import ALL, TlsClient, pieces

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
    on_card = {"arrived", "passed", "left"} if started["tap"]["usable"] else set()
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
    on_card = {"arrived", "passed", "left"} if started["tap"]["usable"] else set()
    assert set(found) == {"received", "answered"} | on_card
    assert all((row["protocol"], row["family"], row["vantage"]) == ("tcp", family_name, 4) for row in found.values())


def converse(prober: socket.socket, asking: Asking, size: int) -> Reply:
    """Ask over a connection, `size` bytes at a time."""
    to_send, reply = asking.start(), None
    while reply is None:
        for piece in pieces(to_send, size):
            prober.sendall(piece)
        to_send, reply = asking.receive(prober.recv(2048))
    return reply


@hosts
@pytest.mark.parametrize("size", [1, ALL])
def test_one_port_answers_whatever_it_is_spoken_to_in(
    listen: Listen,
    free_ports: FreePorts,
    row: Row,
    session: Session,
    family: socket.AddressFamily,
    host: str,
    family_name: str,
    size: int,
) -> None:
    (port,) = free_ports(1)
    started = listen(row("tcp", [port]))
    for vantage, speaks in enumerate(("ice-tcp", "http", "https")):
        with socket.socket(family, socket.SOCK_STREAM) as prober:
            prober.settimeout(5)
            prober.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, session.mark(vantage))
            prober.connect((host, port))
            reply = converse(prober, stream.asking(speaks, session, vantage, port, host), size)
        assert reply.outcome is Outcome.PROVEN
    seen = saw(session)
    on_card = {"arrived", "passed", "left"} if started["tap"]["usable"] else set()
    assert {(row["seen"], row["vantage"]) for row in seen["evidence"]} == {
        (what, vantage) for what in {"received", "answered"} | on_card for vantage in range(3)
    }
    assert {(row["family"], row["ports"]) for row in seen["evidence"]} == {(family_name, str(port))}
    assert seen["strangers"] == {"datagrams": 0, "connections": 0}


def test_without_a_certificate_tls_is_a_strangers_and_all_else_is_answered(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session
) -> None:
    (port,) = free_ports(1)
    listen(row("tcp", [port]), of=Session(*session[:2]))
    outcomes = []
    for speaks in ("https", "http", "ice-tcp"):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as prober:
            outcomes.append(converse(prober, stream.asking(speaks, session, 4, port, "localhost"), ALL).outcome)
    assert outcomes == [Outcome.FOREIGN, Outcome.PROVEN, Outcome.PROVEN]
    assert saw(session)["strangers"]["connections"] == 1


@pytest.mark.parametrize("speaks", ["http", "https"])
def test_a_web_question_that_meant_another_port_is_told_and_gets_no_byte(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, speaks: str
) -> None:
    meant, arrived = free_ports(2)
    listen(row("tcp", [arrived]))
    with socket.create_connection(("127.0.0.1", arrived), timeout=5) as prober:
        reply = converse(prober, stream.asking(speaks, session, 4, meant, "localhost"), ALL)
    assert reply == Reply(Outcome.FOREIGN, about={"what": "the end of the connection"})
    seen = saw(session)
    assert rows(seen, meant)["moved"]["detail"] == {"to": str(arrived)}
    assert not {"received", "answered"} & set(rows(seen, arrived))


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
    # Other tests' SYNs may carry this session's mark by chance, and count as claimed or stray.
    own = [row for row in seen["evidence"] if row["protocol"] == "udp"]
    assert {(row["seen"], row["family"]) for row in own} <= {("arrived", family_name), ("passed", family_name)}


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
        http.Asking(stranger, 4, port, "localhost").start(),
        http.Asking(session._replace(secret=stranger.secret), 4, port, "localhost").start(),
        https.Asking(stranger, 4, port, "localhost").start(),
        https.Asking(session._replace(secret=stranger.secret), 4, port, "localhost").start(),
        TlsClient([], [], ssl.TLSVersion.TLSv1_3).start(),
        TlsClient(["h2", "http/1.1"], [], ssl.TLSVersion.TLSv1_2).start(),
        b"\x16\x03\x01\x00\x00",
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


def answers(sock: socket.socket) -> list[bytes]:
    """What comes until nothing does."""
    sock.settimeout(QUIET)
    found = []
    with contextlib.suppress(socket.timeout):
        while True:
            found.append(sock.recv(2048))
    return found


@hosts
def test_what_was_recorded_moves_nothing_but_a_few_answers_to_who_asked(
    listen: Listen,
    free_ports: FreePorts,
    row: Row,
    session: Session,
    family: socket.AddressFamily,
    host: str,
    family_name: str,
) -> None:
    first, second = free_ports(2)
    listen(row("udp", [first, second]), row("tcp", [second]))
    question = ask(session, first)
    with socket.socket(family, socket.SOCK_DGRAM) as prober, socket.socket(family, socket.SOCK_DGRAM) as replayer:
        prober.sendto(question, (host, first))
        assert len(answers(prober)) == 1
        for dummy in range(20):
            replayer.sendto(question, (host, first))  # from elsewhere
            replayer.sendto(question, (host, second))
            prober.sendto(question, (host, second))  # or with a forged source
        assert (answers(replayer), answers(prober)) == ([], [])
        for dummy in range(20):
            prober.sendto(question, (host, first))
        assert len(answers(prober)) == MOST_ANSWERS - 1
    with socket.socket(family, socket.SOCK_STREAM) as replayer:
        replayer.connect((host, second))
        replayer.sendall(ice_tcp.frame(question))
        replayer.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert replayer.recv(2048) == b""
    seen = saw(session)
    assert seen["strangers"]["datagrams"] == 60 + 20 - (MOST_ANSWERS - 1)
    assert rows(seen, first)["received"]["family"] == family_name


def test_a_port_that_met_junk_lets_only_questions_of_the_session_in(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, stranger: Session
) -> None:
    ports = free_ports(2)
    pid = listen(row("udp", ports))["pid"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as prober:
        prober.settimeout(5)
        prober.sendto(b"junk", ("127.0.0.1", ports[0]))
        for number in range(5000):
            junk = (b"", b"junk", bytes(1400), ask(stranger, ports[0]), ask(session, ports[0])[:36])[number % 5]
            prober.sendto(junk, ("127.0.0.1", ports[0]))
        busy = cpu(pid)
        for dummy in range(5000):
            prober.sendto(b"junk", ("127.0.0.1", ports[0]))
        prober.sendto(ask(session, ports[0]), ("127.0.0.1", ports[0]))
        assert prove(session, prober.recv(2048), ports[0]).outcome is Outcome.PROVEN
        assert cpu(pid) - busy <= 2  # ticks
        third_party = _stun.build(
            _stun.BINDING_REQUEST,
            b"transaction3",
            [(_stun.PRIORITY, bytes(4)), (0xC057, bytes(3)), (_stun.USERNAME, session.id.encode("ascii") + b":x")],
            session.key,
        )
        prober.sendto(third_party, ("127.0.0.1", ports[0]))
        assert prober.recv(2048)
    assert saw(session)["strangers"] == {"datagrams": 10_001, "connections": 0}


def cpu(pid: int) -> int:
    """The time that a process has had, in ticks of a hundredth of a second."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return sum(map(int, file.read().rpartition(")")[2].split()[11:13]))


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
        late.sendall(ice_tcp.frame(stun.ask(session, 4, port, b"transaction2", b"tie-brkr")))
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


MANY = int(os.environ.get("STRANGERS") or 20_000)


def test_many_strangers_of_every_kind_get_not_one_byte_and_the_session_its_proof(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, stranger: Session
) -> None:
    """Half of them before the session asks, the rest after; every hundredth comes over TCP. STRANGERS says how many."""
    ports = free_ports(200)
    pid = listen(row("udp", ports), row("tcp", ports[:3]), seconds=600)["pid"]
    forger = session._replace(secret=stranger.secret)
    recorded = stun.ask(session, 4, ports[0], b"transaction9", b"tie-brkr")
    sent = back = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as prober, contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for dummy in range(10)]
        prober.settimeout(5)
        prober.sendto(recorded, ("127.0.0.1", ports[0]))
        assert prover(session, prober.recv(2048), ports[0], b"transaction9")
        for half in range(2):
            for number in range(MANY // 2):
                port = ports[number % len(ports)]
                junk = (
                    recorded,
                    recorded[: number % len(recorded)],
                    os.urandom(number % 200),
                    ask(stranger, port),
                    ask(forger, port),
                    spoilt(ask(session, port)),
                )[number % 6]
                if number % 100:
                    crowd[number % 10].sendto(junk, ("127.0.0.1", port))
                else:
                    back += said_to(("127.0.0.1", ports[number % 3]), junk)
                sent += 1
            crowd[0].setblocking(False)
            for noise in (b"transactionA", b"transactionB"):
                ids = noise[:-1] + bytes((noise[-1] + 2 * half,))
                prober.sendto(stun.ask(session, 4, ports[7], ids, b"tie-brkr"), ("127.0.0.1", ports[7]))
                assert prover(session, prober.recv(2048), ports[7], ids)
        for one in crowd:
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                back += len(one.recv(2048))
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    told = saw(session)
    print(f"{sent} strangers, {back} bytes back, {told['strangers']}, {peak} KiB at the most")
    assert back == 0
    assert sum(told["strangers"].values()) >= 0.9 * sent  # a truncated one may have the whole id, and a full queue none
    assert peak < 400 << 10


def prover(session: Session, reply: bytes, port: int, transaction: bytes) -> bool:
    return stun.check(reply, session, port, transaction).outcome is Outcome.PROVEN


def spoilt(question: bytes) -> bytes:
    """The question with another last byte, that of its FINGERPRINT."""
    return question[:-1] + bytes((question[-1] ^ 1,))


def said_to(address: tuple[str, int], data: bytes) -> int:
    """How many bytes come back over a connection before its end."""
    with socket.create_connection(address, timeout=5) as sock:
        sock.sendall(ice_tcp.frame(data))
        sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            return len(sock.recv(2048))
    return 0
