# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The prober against what it may meet on a loopback, the real listener first of all."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import stun
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import lifecycle
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._probe import probe as probe_module
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.probe import nothing_asked, probe
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.resolve import resolve
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.tcp import TcpProbes
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.udp import describe
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

Facts = t.Dict[str, t.Any]
Listen = t.Callable[..., Facts]
FreePorts = t.Callable[[int], t.List[int]]
Row = t.Callable[..., Requirement]

hosts = pytest.mark.parametrize(("host", "family"), [("127.0.0.1", "ipv4"), ("::1", "ipv6")])


def row_of(seen: str, protocol: str, family: str, ports: t.Iterable[int], **detail: str) -> Facts:
    return {
        "seen": seen,
        "protocol": protocol,
        "family": family,
        "vantage": 0,
        "ports": format_ports(ports),
        "detail": detail,
    }


@hosts
def test_every_open_port_is_proven(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, host: str, family: str
) -> None:
    ports = free_ports(200)
    requirements = row("udp", ports), row("tcp", ports[:5])
    listen(*requirements)
    facts = probe(session, 0, host, requirements, 0)
    assert facts["evidence"] == [
        row_of("open", "tcp", family, ports[:5]),
        row_of("open", "udp", family, ports),
    ]
    expected = {family: host}
    assert (facts["addresses"], facts["source"], facts["destination"]) == (expected, expected, expected)
    assert facts["unresolved"] == ""
    assert facts["sent"] >= 200
    assert facts["rounds"] >= 1
    assert 0 <= facts["seconds"] < 5
    assert set(facts) == set(nothing_asked())


def test_both_ends_agree(listen: Listen, free_ports: FreePorts, row: Row, session: Session) -> None:
    ports = free_ports(20)
    requirements = row("udp", ports), row("tcp", ports[:2])
    started = listen(*requirements)
    probe(session, 7, "127.0.0.1", requirements, 0)
    stopped = lifecycle.stop(session.id)
    assert stopped is not None
    found = {(item["seen"], item["protocol"]): item for item in stopped["saw"]["evidence"]}
    seen = ["received", "answered", *(["arrived", "left"] if started["tap"]["usable"] else [])]
    assert set(found) == {(what, protocol) for what in seen for protocol in ("tcp", "udp")}
    for (dummy, protocol), item in found.items():
        assert item["ports"] == format_ports(ports if protocol == "udp" else ports[:2])
        assert (item["family"], item["vantage"]) == ("ipv4", 7)
    assert stopped["saw"]["sources"] == [{"vantage": 7, "address": "127.0.0.1"}]
    assert stopped["saw"]["strangers"] == {"datagrams": 0, "connections": 0}


@hosts
def test_a_closed_port_is_rejected_by_its_host(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, host: str, family: str
) -> None:
    ports = free_ports(9)
    listen(row("udp", ports[:4]), row("tcp", ports[:2]))
    facts = probe(session, 0, host, (row("udp", ports), row("tcp", ports[:3])), 0)
    assert facts["evidence"] == [
        row_of("open", "tcp", family, ports[:2]),
        row_of("rejected", "tcp", family, ports[2:3], by="TCP reset"),
        row_of("open", "udp", family, ports[:4]),
        row_of("rejected", "udp", family, ports[4:], by="ICMP port unreachable", offender=host),
    ]


def test_a_ceiling_of_the_pace_is_kept(listen: Listen, free_ports: FreePorts, row: Row, session: Session) -> None:
    ports = free_ports(60)
    listen(row("udp", ports))
    start = time.monotonic()
    facts = probe(session, 0, "127.0.0.1", [row("udp", ports)], 100)
    assert facts["evidence"] == [row_of("open", "udp", "ipv4", ports)]
    assert time.monotonic() - start > 0.5


def test_a_listener_of_another_session_proves_nothing(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session
) -> None:
    ports = free_ports(2)
    requirements = row("udp", ports[:1]), row("tcp", ports[1:])
    listen(*requirements, of=session._replace(secret="0" * 32))
    facts = probe(session, 0, "127.0.0.1", requirements, 0)
    assert facts["evidence"] == [row_of("foreign", "tcp", "ipv4", ports[1:], what="the end of the connection")]
    assert facts["source"] == facts["destination"] == {}


@contextlib.contextmanager
def serving(sock: socket.socket, serve: t.Callable[[socket.socket], None]) -> t.Iterator[int]:
    """Call `serve` again and again in the background; yield the port."""
    done = threading.Event()
    sock.settimeout(0.05)

    def loop() -> None:
        while not done.is_set():
            with contextlib.suppress(OSError):
                serve(sock)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield sock.getsockname()[1]
    finally:
        done.set()
        thread.join()
        sock.close()


def udp_socket(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    return sock


def tcp_socket(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", port))
    sock.listen(50)
    return sock


@pytest.mark.parametrize(
    ("answer", "what"),
    [(b"hello there\nsecond line", '"hello there"'), (b"\x00\x01\x02\xff" * 5, "20 bytes"), (None, "104 bytes")],
    ids=["text", "bytes", "echo"],
)
def test_a_foreign_datagram_is_no_proof(
    free_ports: FreePorts, row: Row, session: Session, answer: bytes | None, what: str
) -> None:
    def serve(sock: socket.socket) -> None:
        data, source = sock.recvfrom(2048)
        sock.sendto(data if answer is None else answer, source)

    with serving(udp_socket(free_ports(1)[0]), serve) as port:
        facts = probe(session, 0, "127.0.0.1", [row("udp", [port])], 0)
    assert facts["evidence"] == [row_of("foreign", "udp", "ipv4", [port], what=what)]


@pytest.mark.parametrize(
    ("greeting", "what"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", '"SSH-2.0-OpenSSH_9.2"'),
        (b"", "the end of the connection"),
        (b"\x00\x20" * 20, "32 bytes"),
    ],
    ids=["banner", "hangs up", "frame"],
)
def test_a_foreign_server_is_no_proof(
    free_ports: FreePorts, row: Row, session: Session, greeting: bytes, what: str
) -> None:
    def serve(sock: socket.socket) -> None:
        connection = sock.accept()[0]
        with connection:
            connection.settimeout(1)
            connection.recv(2048)  # so that hanging up is a FIN and no RST
            connection.sendall(greeting)

    with serving(tcp_socket(free_ports(1)[0]), serve) as port:
        facts = probe(session, 0, "127.0.0.1", [row("tcp", [port])], 0)
    assert facts["evidence"] == [row_of("foreign", "tcp", "ipv4", [port], what=what)]


def test_a_server_that_resets_is_rejecting(free_ports: FreePorts, row: Row, session: Session) -> None:
    def serve(sock: socket.socket) -> None:
        sock.accept()[0].close()  # with the question unread

    with serving(tcp_socket(free_ports(1)[0]), serve) as port:
        (found,) = probe(session, 0, "127.0.0.1", [row("tcp", [port])], 0)["evidence"]
    assert (found["seen"], found["ports"]) in {("rejected", str(port)), ("foreign", str(port))}


def test_a_server_that_accepts_and_stays_silent_is_no_proof(free_ports: FreePorts, session: Session) -> None:
    ports = free_ports(3)
    with contextlib.ExitStack() as stack:
        for port in ports:
            stack.enter_context(tcp_socket(port))  # the kernel accepts by itself
        probes = TcpProbes(session, 0, resolve("127.0.0.1"), ports)
        start = time.monotonic()
        probes.run(1.0)
        assert time.monotonic() - start < 1.5
    assert probes.evidence.to_list() == [row_of("accepted", "tcp", "ipv4", ports)]


def test_an_answer_from_another_port_has_moved(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session
) -> None:
    asked, forwarded = free_ports(2)
    listen(row("udp", [forwarded]))

    def forward(sock: socket.socket) -> None:
        data, source = sock.recvfrom(2048)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as onward:
            onward.settimeout(1)
            onward.sendto(data, ("127.0.0.1", forwarded))
            sock.sendto(onward.recv(2048), source)

    with serving(udp_socket(asked), forward):
        facts = probe(session, 0, "127.0.0.1", [row("udp", [asked])], 0)
    assert facts["evidence"] == [row_of("moved", "udp", "ipv4", [asked], to=str(forwarded))]


def test_an_answer_that_comes_back_from_elsewhere_is_told(free_ports: FreePorts, row: Row, session: Session) -> None:
    asked, elsewhere = free_ports(2)
    with udp_socket(elsewhere) as other:

        def answer_from_elsewhere(sock: socket.socket) -> None:
            data, source = sock.recvfrom(2048)
            proof = stun.answer(data, session, source, ("127.0.0.1", asked))
            other.sendto(proof.reply if proof else b"", source)

        with serving(udp_socket(asked), answer_from_elsewhere):
            facts = probe(session, 0, "127.0.0.1", [row("udp", [asked])], 0)
    assert facts["evidence"] == [row_of("moved", "udp", "ipv4", [asked], via=f"127.0.0.1 port {elsewhere}")]


def test_silence_is_no_evidence_at_all(free_ports: FreePorts, row: Row, session: Session) -> None:
    ports = free_ports(3)
    with contextlib.ExitStack() as stack:
        for port in ports:
            stack.enter_context(udp_socket(port))
        facts = probe(session, 0, "127.0.0.1", [row("udp", ports)], 0)
    assert facts["evidence"] == []
    assert facts["rounds"] >= 4
    assert facts["sent"] == 3 * facts["rounds"]


def test_an_address_that_does_not_resolve_is_a_result(row: Row, session: Session) -> None:
    facts = probe(session, 0, "meet..example", [row("udp", [443])], 0)
    assert facts["unresolved"].startswith('"meet..example" does not resolve: ')
    assert facts == nothing_asked(facts["unresolved"])


@pytest.mark.parametrize(
    ("address", "family", "why"),
    [("255.255.255.255", "ipv4", "Permission denied"), ("fe80::1", "ipv6", "Invalid argument")],
)
def test_an_address_without_a_way_is_not_asked(row: Row, session: Session, address: str, family: str, why: str) -> None:
    facts = probe(session, 0, address, [row("udp", [443, 50000]), row("tcp", [443])], 0)
    reason = f"it has no way to {address} ({why})"
    assert facts["evidence"] == [
        row_of("unsent", "tcp", family, [443], reason=reason),
        row_of("unsent", "udp", family, [443, 50000], reason=reason),
    ]
    assert facts["addresses"] == {family: address}
    assert facts["sent"] == 0


def test_an_error_of_what_runs_aside_is_raised_when_both_have_ended() -> None:
    ended = []

    def fail() -> None:
        raise PreflightError("it went wrong")

    with pytest.raises(PreflightError, match="it went wrong"), probe_module._aside(fail):
        ended.append("here")
    assert ended == ["here"]


@given(st.binary(max_size=200))
def test_a_strangers_words_are_safe_to_print(data: bytes) -> None:
    text = describe(data)
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= 62
