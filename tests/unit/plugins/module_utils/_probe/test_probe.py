# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The prober against what it may meet on a loopback, the real listener first of all."""

from __future__ import annotations

import contextlib
import errno
import importlib
import itertools
import resource
import socket
import ssl
import struct
import threading
import time
import types
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import Observation
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import https, stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import describe
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import lifecycle
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, read_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._probe import connection as connection_module
from ansible_collections.plugnmeet.server.plugins.module_utils._probe import control, icmp, patience
from ansible_collections.plugnmeet.server.plugins.module_utils._probe import probe as probe_module
from ansible_collections.plugnmeet.server.plugins.module_utils._probe import sweep as sweep_module
from ansible_collections.plugnmeet.server.plugins.module_utils._probe import tcp as tcp_module
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.probe import look_ahead, nothing_asked, probe
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.rejections import (
    conclude,
    look_again,
    unreachable,
)
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.resolve import Path, resolve
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.sweep import Sweep
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.tcp import TcpProbes
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.certificates import (
    OTHER_CERTIFICATE,
    OTHER_PRIVATE_KEY,
)
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.streams import server_context

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

Facts = t.Dict[str, t.Any]
Listen = t.Callable[..., Facts]
FreePorts = t.Callable[[int], t.List[int]]
Row = t.Callable[..., Requirement]

OWN_FIREWALL = "its own firewall does not let the question out"
TIME_OVER = "its time was over before it had asked often enough to be sure"
PATH = Path(socket.AF_INET, "ipv4", "203.0.113.10", ("203.0.113.10", 0), "192.0.2.7", "")

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
    assert facts["local"] == expected
    assert 1024 <= facts["source_port"][family] < 65536
    assert facts["unresolved"] == ""
    assert facts["all_open"] is True
    assert facts["sent"] >= 200
    assert facts["rounds"] >= 1
    assert 0 <= facts["seconds"] < 5
    assert set(facts) == set(nothing_asked())


@hosts
def test_every_port_is_asked_in_what_it_speaks(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, host: str, family: str
) -> None:
    ports = free_ports(4)
    requirements = [
        row("tcp", [ports[0]], "acme", "http"),
        row("tcp", [ports[1]], "https", "https"),
        row("tcp", [ports[2]], "ice-tcp"),
        row("udp", [ports[3]]),
    ]
    started = listen(*requirements)
    facts = probe(session, 0, host, requirements, 0)
    assert facts["evidence"] == [row_of("open", "tcp", family, ports[:3]), row_of("open", "udp", family, ports[3:])]
    assert facts["certificates"] == {}
    stopped = lifecycle.stop(session.id)
    assert stopped is not None
    expected = {(seen, format_ports(some)) for seen in ("received", "answered") for some in (ports[:3], ports[3:])}
    if started["tap"]["usable"]:
        expected |= {(seen, format_ports(ports[:3])) for seen in ("arrived", "passed", "left")}
    assert {(item["seen"], item["ports"]) for item in stopped["saw"]["evidence"]} == expected


@pytest.mark.parametrize("speaks", ["http", "https"])
def test_a_listener_of_another_session_proves_nothing_to_the_web(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, speaks: str
) -> None:
    ports = free_ports(1)
    requirements = [row("tcp", ports, "", speaks)]
    listen(*requirements, of=session._replace(secret="0" * 32))
    facts = probe(session, 0, "127.0.0.1", requirements, 0)
    assert facts["evidence"] == [row_of("foreign", "tcp", "ipv4", ports, what="the end of the connection")]
    assert facts["certificates"] == {}


def tls_server(certificate: str, private_key: str, answer: bytes) -> t.Callable[[socket.socket], None]:
    """Somebody's TLS server, which says the same to everybody."""
    context = server_context(certificate, private_key, ssl.TLSVersion.TLSv1_3)

    def serve(sock: socket.socket) -> None:
        connection = sock.accept()[0]
        connection.settimeout(1)
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(2048)
            secure.sendall(answer)

    return serve


def test_another_certificate_is_brought_along(free_ports: FreePorts, row: Row, session: Session) -> None:
    serve = tls_server(OTHER_CERTIFICATE, OTHER_PRIVATE_KEY, b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\n\r\n")
    known = https.fingerprint(ssl.PEM_cert_to_DER_cert(OTHER_CERTIFICATE))
    with serving(tcp_socket(free_ports(1)[0]), serve) as port:
        facts = probe(session, 0, "127.0.0.1", [row("tcp", [port], "https", "https")], 0)
    about = {"what": "another certificate", "kind": "certificate", "server": "nginx", "certificate": known}
    assert facts["evidence"] == [row_of("foreign", "tcp", "ipv4", [port], **about)]
    assert facts["certificates"] == {known: OTHER_CERTIFICATE}


def test_no_more_certificates_are_brought_along_than_anybody_reads(
    free_ports: FreePorts, row: Row, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_module, "_MOST_CERTIFICATES", 0)
    with serving(tcp_socket(free_ports(1)[0]), tls_server(OTHER_CERTIFICATE, OTHER_PRIVATE_KEY, b"")) as port:
        facts = probe(session, 0, "127.0.0.1", [row("tcp", [port], "https", "https")], 0)
    assert [item["detail"]["kind"] for item in facts["evidence"]] == ["certificate"]
    assert facts["certificates"] == {}


def test_half_an_answer_of_which_no_more_comes_is_told(free_ports: FreePorts, row: Row, session: Session) -> None:
    held = []

    def serve(sock: socket.socket) -> None:
        connection = sock.accept()[0]
        connection.recv(2048)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nServer: box\r\nConnection: keep-alive\r\n\r\nhello")
        held.append(connection)

    with serving(tcp_socket(free_ports(1)[0]), serve) as port:
        facts = probe(session, 0, "127.0.0.1", [row("tcp", [port], "acme", "http")], 0)
    for connection in held:
        connection.close()
    about = {"what": "HTTP status 403", "kind": "server", "server": "box"}
    assert facts["evidence"] == [row_of("foreign", "tcp", "ipv4", [port], **about)]


def test_a_session_that_cannot_speak_it_is_one_sentence(free_ports: FreePorts, row: Row, session: Session) -> None:
    requirements = [row("tcp", free_ports(1), "https", "https")]
    with pytest.raises(PreflightError, match=r"session\.certificate is none, and https needs one; take lookup"):
        probe(Session(*session[:2]), 0, "127.0.0.1", requirements, 0)


def test_both_ends_agree(listen: Listen, free_ports: FreePorts, row: Row, session: Session) -> None:
    ports = free_ports(20)
    requirements = row("udp", ports), row("tcp", ports[:2])
    started = listen(*requirements)
    probe(session, 7, "127.0.0.1", requirements, 0)
    stopped = lifecycle.stop(session.id)
    assert stopped is not None
    found = {(item["seen"], item["protocol"]): item for item in stopped["saw"]["evidence"]}
    expected = {(what, protocol) for what in ("received", "answered") for protocol in ("tcp", "udp")}
    # Nothing was asked twice over UDP, and the tap looks for what was.
    on_card = {(seen, "tcp") for seen in ("arrived", "passed", "left")} if started["tap"]["usable"] else set()
    assert set(found) == expected | on_card
    for (dummy, protocol), item in found.items():
        assert item["ports"] == format_ports(ports if protocol == "udp" else ports[:2])
        assert (item["family"], item["vantage"]) == ("ipv4", 7)
    assert stopped["saw"]["sources"] == [{"vantage": 7, "address": "127.0.0.1"}]
    assert stopped["saw"]["strangers"] == {"datagrams": 0, "connections": 0}


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_not_all_are_open_where_one_is_not(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, protocol: str
) -> None:
    ports = free_ports(4)
    asked = {"udp": ports[:2], "tcp": ports[2:]}
    listen(*(row(one, some[:1] if one == protocol else some) for one, some in asked.items()))
    requirements = [row(one, some) for one, some in asked.items()]
    assert probe(session, 0, "127.0.0.1", requirements, 0)["all_open"] is False


@hosts
def test_a_closed_port_is_rejected_by_its_host(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, host: str, family: str
) -> None:
    ports = free_ports(9)
    listen(row("udp", ports[:4]), row("tcp", ports[:2]))
    facts = probe(session, 0, host, (row("udp", ports), row("tcp", ports[:3])), 0)
    assert [found for found in facts["evidence"] if found["seen"] != "asked"] == [
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
    assert facts["evidence"] == [
        row_of("foreign", "tcp", "ipv4", ports[1:], what="the end of the connection"),
        row_of("last_hop", "udp", "ipv4", ports[:1], instead="tcp"),
    ]
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
    [
        (b"hello there\nsecond line", '"hello there"'),
        (b"\x00\x01\x02\xff" * 5, "20 bytes"),
        (b"", "an empty packet"),
        (None, "the question itself, sent back"),
    ],
    ids=["text", "bytes", "nothing", "echo"],
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


def test_of_what_a_stranger_says_the_first_counts(free_ports: FreePorts, row: Row, session: Session) -> None:
    words = itertools.count()

    def serve(sock: socket.socket) -> None:
        source = sock.recvfrom(2048)[1]
        sock.sendto(b"hello for the %d. time" % next(words), source)

    (port,) = free_ports(1)
    with serving(udp_socket(port), serve):
        facts = probe(session, 0, "127.0.0.1", [row("udp", [port])], 0)
    foreign = [found for found in facts["evidence"] if found["seen"] == "foreign"]
    assert foreign == [row_of("foreign", "udp", "ipv4", [port], what='"hello for the 0. time"')]
    assert next(words) > 1


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


def reset(connection: socket.socket) -> None:
    """Have the other end find that its connection was reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("asked", [False, True], ids=["at once", "after the question"])
@pytest.mark.parametrize("ends", [False, True], ids=["", "with its side ended"])
def test_a_server_that_resets_is_rejecting_after_connecting(
    free_ports: FreePorts, row: Row, session: Session, asked: bool, ends: bool
) -> None:
    def serve(sock: socket.socket) -> None:
        connection = sock.accept()[0]
        if asked:
            connection.recv(2048)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        reset(connection)

    with serving(tcp_socket(free_ports(1)[0]), serve) as port:
        evidence = probe(session, 0, "127.0.0.1", [row("tcp", [port])], 0)["evidence"]
    (found,) = [row for row in evidence if row["seen"] != "asked"]
    expected = row_of("rejected", "tcp", "ipv4", [port], by="TCP reset after connecting")
    # The end of its side is an answer of its own, where this host was quick enough to hear it.
    foreign = row_of("foreign", "tcp", "ipv4", [port], what="the end of the connection")
    assert found in ([expected, foreign] if ends else [expected])


def test_what_was_said_before_a_reset_tells_who_it_is(free_ports: FreePorts, row: Row, session: Session) -> None:
    def serve(sock: socket.socket) -> None:
        connection = sock.accept()[0]
        connection.recv(2048)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nServer: box\r\nConnection: keep-alive\r\n\r\nhello")
        time.sleep(0.05)
        reset(connection)

    with serving(tcp_socket(free_ports(1)[0]), serve) as port:
        facts = probe(session, 0, "127.0.0.1", [row("tcp", [port], "acme", "http")], 0)
    about = {"what": "HTTP status 403", "kind": "server", "server": "box"}
    assert facts["evidence"] == [row_of("foreign", "tcp", "ipv4", [port], **about)]


class OtherSystem(socket.socket):
    """A socket as BSD and macOS have it: no segment size above the default, no buffer above a limit, and no errors."""

    def setsockopt(self, level: int, option: int, value: t.Any, *more: t.Any) -> None:
        if (level, option) == (socket.IPPROTO_TCP, socket.TCP_MAXSEG) and value > 512:
            raise OSError(errno.EINVAL, "Invalid argument")
        if (level, option) == (socket.SOL_SOCKET, socket.SO_RCVBUF) and value > 4 << 20:
            raise OSError(errno.ENOBUFS, "No buffer space available")
        super().setsockopt(level, option, value, *more)


def test_a_prober_without_what_linux_has_asks_all_the_same(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "socket", OtherSystem)
    monkeypatch.delattr(socket, "MSG_ERRQUEUE")
    ports = free_ports(30)
    listen(row("udp", ports[:20]), row("tcp", ports[:3]))
    facts = probe(session, 0, "127.0.0.1", [row("udp", ports[:20]), row("tcp", ports[:4])], 0)
    opened = [found for found in facts["evidence"] if found["seen"] != "asked"]
    assert opened == [
        row_of("open", "tcp", "ipv4", ports[:3]),
        row_of("rejected", "tcp", "ipv4", ports[3:4], by="TCP reset"),
        row_of("open", "udp", "ipv4", ports[:20]),
    ]
    asked = [found for found in facts["evidence"] if found["seen"] == "asked"]
    assert asked
    assert {(found["ports"], found["detail"]["marked"]) for found in asked} == {(str(ports[3]), "no")}


def test_every_system_can_load_what_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(errno, "ENONET")
    importlib.reload(connection_module)


def tcp_probes(session: Session, ports: t.Iterable[int]) -> TcpProbes:
    return TcpProbes(session, 0, "127.0.0.1", resolve("127.0.0.1"), dict.fromkeys(ports, "ice-tcp"))


@pytest.fixture
def short_window(monkeypatch: pytest.MonkeyPatch) -> float:
    """Let a silent TCP port take less time, and return how much in seconds."""
    monkeypatch.setattr(tcp_module, "_GAP", 0.06)
    monkeypatch.setattr(tcp_module, "_WINDOW", 0.6)
    return 0.6


def test_a_server_that_accepts_and_stays_silent_is_no_proof(
    free_ports: FreePorts, session: Session, short_window: float
) -> None:
    ports = free_ports(3)
    with contextlib.ExitStack() as stack:
        for port in ports:
            stack.enter_context(tcp_socket(port))  # the kernel accepts by itself
        probes = tcp_probes(session, ports)
        start = time.monotonic()
        probes.run(10.0)
        assert short_window <= time.monotonic() - start < 2 * short_window
    assert probes.evidence.to_list() == [row_of("accepted", "tcp", "ipv4", ports)]


def test_without_time_for_a_whole_window_a_tcp_port_is_not_asked(free_ports: FreePorts, session: Session) -> None:
    ports = free_ports(2)
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(tcp_socket(port)) for port in ports]
        probes = tcp_probes(session, ports)
        probes.run(3.9)  # of the 4 s that a silent port takes
        for server in servers:
            server.setblocking(False)
            with pytest.raises(BlockingIOError):
                server.accept()
    assert probes.evidence.to_list() == [row_of("unsent", "tcp", "ipv4", ports, reason=TIME_OVER)]


def test_a_tcp_port_whose_turn_comes_too_late_is_not_asked(
    free_ports: FreePorts, session: Session, short_window: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_module, "_at_once", lambda: 1)
    ports = free_ports(3)
    with contextlib.ExitStack() as stack:
        for port in ports:
            stack.enter_context(tcp_socket(port))
        probes = tcp_probes(session, ports)
        probes.run(1.5 * short_window)
    assert probes.evidence.to_list() == [
        row_of("accepted", "tcp", "ipv4", ports[:1]),
        row_of("unsent", "tcp", "ipv4", ports[1:], reason=TIME_OVER),
    ]


@pytest.mark.parametrize(
    ("limit", "at_once"), [(20, 4), (103, 4), (104, 5), (256, 24), (1024, 120), (2112, 256), (1 << 20, 256)]
)
def test_the_time_for_tcp_follows_from_the_descriptors_that_there_may_be(
    monkeypatch: pytest.MonkeyPatch, limit: int, at_once: int
) -> None:
    asked = []

    def getrlimit(which: int) -> tuple[int, int]:
        asked.append(which)
        return limit, 1 << 20

    monkeypatch.setattr(resource, "getrlimit", getrlimit)
    assert tcp_module._at_once() == at_once
    assert tcp_module.seconds(0) == pytest.approx(8.0)
    assert tcp_module.seconds(3 * at_once) == pytest.approx(20.0)
    assert set(asked) == {resource.RLIMIT_NOFILE}


@pytest.mark.parametrize(
    ("told", "number", "connected", "detail"),
    [
        (
            [("ICMP admin prohibited", "198.51.100.1"), ("ICMP no route", "198.51.100.2")],
            errno.EHOSTUNREACH,
            False,
            {"by": "ICMP admin prohibited", "offender": "198.51.100.1"},
        ),
        (
            [("ICMP port unreachable", "203.0.113.10")],
            errno.ECONNREFUSED,
            False,
            {"by": "ICMP port unreachable", "offender": "203.0.113.10"},
        ),
        (
            [("ICMP host unreachable", "198.51.100.1")],
            errno.EHOSTUNREACH,
            True,
            {"by": "ICMP host unreachable", "offender": "198.51.100.1"},
        ),
        ([], errno.ECONNREFUSED, False, {"by": "TCP reset"}),
        ([], errno.ECONNRESET, True, {"by": "TCP reset after connecting"}),
        ([], errno.ECONNRESET, False, {"by": "TCP reset after connecting"}),
        ([], errno.EPIPE, False, {"by": "TCP reset after connecting"}),
        ([], errno.EHOSTUNREACH, False, {"by": "ICMP unreachable or prohibited"}),
    ],
)
def test_a_refused_connection_names_who_refused_it_where_the_kernel_tells(
    monkeypatch: pytest.MonkeyPatch,
    told: list[tuple[str, str]],
    number: int,
    connected: bool,
    detail: dict[str, str],
) -> None:
    monkeypatch.setattr(icmp, "read_errors", lambda dummy: [icmp.Rejection(443, *one) for one in told])
    with socket.socket() as sock:
        outcome = connection_module._rejection(sock, OSError(number, "x"), connected, PATH)
    assert outcome
    assert (outcome.seen, dict(outcome.detail)) == ("rejected", detail)


def test_what_comes_of_this_host_itself_is_no_refusal() -> None:
    with socket.socket() as sock:
        assert connection_module._rejection(sock, OSError(errno.ETIMEDOUT, "x"), False, PATH) is None
        outcome = connection_module._rejection(sock, OSError(errno.EADDRNOTAVAIL, "no port is free"), False, PATH)
    assert outcome
    reason = "its system does not connect (no port is free)"
    assert (outcome.seen, dict(outcome.detail)) == ("unsent", {"reason": reason})


def test_a_connection_that_the_system_gives_up_is_silence(
    free_ports: FreePorts, session: Session, monkeypatch: pytest.MonkeyPatch, short_window: float
) -> None:
    class Impatient(socket.socket):
        def connect_ex(self, dummy: t.Any) -> int:
            return errno.ETIMEDOUT

    monkeypatch.setattr(socket, "socket", Impatient)
    probes = tcp_probes(session, free_ports(1))
    probes.run(2 * short_window)
    assert {found["seen"] for found in probes.evidence.to_list()} == {"asked"}


@pytest.mark.parametrize("connected", [False, True])
def test_a_connection_that_this_host_itself_refuses_was_not_sent(
    monkeypatch: pytest.MonkeyPatch, connected: bool
) -> None:
    told = [icmp.Rejection(443, "ICMP admin prohibited", PATH.local)]
    monkeypatch.setattr(icmp, "read_errors", lambda dummy: told)
    with socket.socket() as sock:
        outcome = connection_module._rejection(sock, OSError(errno.EHOSTUNREACH, "x"), connected, PATH)
    assert outcome
    assert (outcome.seen, dict(outcome.detail)) == ("unsent", {"reason": OWN_FIREWALL})


@pytest.mark.parametrize(
    ("error", "offender", "rejection"),
    [
        (
            struct.pack("=IBBBBII", errno.ECONNREFUSED, 2, 3, 3, 0, 0, 0),
            struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton("198.51.100.1")),
            icmp.Rejection(443, "ICMP port unreachable", "198.51.100.1"),
        ),
        (
            struct.pack("=IBBBBII", errno.EACCES, 3, 1, 77, 0, 0, 0),
            struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, "2001:db8::1"), 0),
            icmp.Rejection(443, "ICMP type 1 code 77", "2001:db8::1"),
        ),
        (struct.pack("=IBBBBII", errno.EPERM, 1, 0, 0, 0, 0, 0), bytes(16), None),
        (
            struct.pack("=IBBBBII", errno.EMSGSIZE, 2, 3, 4, 0, 0, 0),
            struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton("198.51.100.1")),
            None,
        ),
    ],
    ids=["ICMP", "ICMPv6", "its own", "too big"],
)
def test_an_entry_of_the_error_queue_is_read_and_one_that_is_cut_short_is_none(
    error: bytes, offender: bytes, rejection: icmp.Rejection | None
) -> None:
    assert icmp._read(error + offender, 443) == rejection
    assert {icmp._read((error + offender)[:length], 443) for length in range(20)} == {None}


def test_a_system_that_gives_no_socket_has_sent_nothing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_socket(*dummy: object) -> t.NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    empty = types.SimpleNamespace(socket=no_socket, SOCK_STREAM=socket.SOCK_STREAM)
    monkeypatch.setattr(connection_module, "socket", empty)
    probes = tcp_probes(session, [443, 7881])
    probes.run(10.0)
    reason = "its system gives no socket (Too many open files)"
    assert probes.evidence.to_list() == [row_of("unsent", "tcp", "ipv4", [443, 7881], reason=reason)]


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
            other.sendto(proof[0] if proof else b"", source)

        with serving(udp_socket(asked), answer_from_elsewhere):
            facts = probe(session, 0, "127.0.0.1", [row("udp", [asked])], 0)
    assert facts["evidence"] == [row_of("moved", "udp", "ipv4", [asked], via=f"127.0.0.1 port {elsewhere}")]


def test_an_answer_over_one_family_proves_nothing_of_another(free_ports: FreePorts, session: Session) -> None:
    (port,) = free_ports(1)
    proofs: list[bytes] = []

    def keep_proof(sock: socket.socket) -> None:
        data, source = sock.recvfrom(2048)
        proofs.append((stun.answer(data, session, source, ("127.0.0.1", port)) or [b""])[0])

    def give_all_to_the_other(sock: socket.socket) -> None:
        dummy, source = sock.recvfrom(2048)
        for proof in proofs:
            sock.sendto(proof, source)

    other = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    other.bind(("::1", port))
    with contextlib.ExitStack() as stack:
        stack.enter_context(serving(udp_socket(port), keep_proof))
        stack.enter_context(serving(other, give_all_to_the_other))
        sweep = stack.enter_context(Sweep(session, 0, [*resolve("127.0.0.1"), *resolve("::1")], [port], 0))
        sweep.run(1.5)
    assert proofs
    assert [found["seen"] for found in sweep.evidence.to_list()] == ["foreign"]
    assert [(probe.path, probe.port) for probe in sweep.silent] == [(0, port), (1, port)]


def test_a_family_that_takes_longer_than_the_other_has_its_time(free_ports: FreePorts, session: Session) -> None:
    (port,) = free_ports(1)

    def answer_late(sock: socket.socket) -> None:
        data, source = sock.recvfrom(2048)
        time.sleep(0.2)
        sock.sendto((stun.answer(data, session, source[:2], ("::1", port)) or [b""])[0], source)

    def answer(sock: socket.socket) -> None:
        data, source = sock.recvfrom(2048)
        sock.sendto((stun.answer(data, session, source, ("127.0.0.1", port)) or [b""])[0], source)

    far = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    far.bind(("::1", port))
    with contextlib.ExitStack() as stack:
        stack.enter_context(serving(udp_socket(port), answer))
        stack.enter_context(serving(far, answer_late))
        sweep = stack.enter_context(Sweep(session, 0, [*resolve("127.0.0.1"), *resolve("::1")], [port], 0))
        sweep.run(5)
    assert [(found["seen"], found["family"]) for found in sweep.evidence.to_list()] == [
        ("open", "ipv4"),
        ("open", "ipv6"),
    ]


def test_what_is_asked_again_before_its_answer_is_there_was_not_lost(free_ports: FreePorts, session: Session) -> None:
    (port,) = free_ports(1)
    waiting: list[tuple[float, bytes, t.Any]] = []

    def answer_late(sock: socket.socket) -> None:
        while waiting and waiting[0][0] <= time.monotonic():
            dummy, answer, source = waiting.pop(0)
            sock.sendto(answer, source)
        data, source = sock.recvfrom(2048)
        answer = (stun.answer(data, session, source, ("127.0.0.1", port)) or [b""])[0]
        waiting.append((time.monotonic() + 0.4, answer, source))

    with serving(udp_socket(port), answer_late), Sweep(session, 0, resolve("127.0.0.1"), [port], 0) as sweep:
        sweep.run(5)
    assert sweep.sent > 1
    assert not sweep.silent
    assert sweep.lost(0) == 0


def test_whatever_ends_tcp_keeps_nobody_waiting(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*dummy: t.Any) -> t.NoReturn:
        raise PreflightError("no certificate")

    monkeypatch.setattr(tcp_module.stream, "asking", fail)
    probes = tcp_probes(session, [443])
    with pytest.raises(PreflightError, match="no certificate"):
        probes.run(10.0)
    assert probes.under_way.is_set()


def test_silence_is_no_evidence_but_for_how_far_questions_came(
    free_ports: FreePorts, row: Row, session: Session
) -> None:
    ports = free_ports(3)
    with contextlib.ExitStack() as stack:
        for port in ports:
            stack.enter_context(udp_socket(port))
        facts = probe(session, 0, "127.0.0.1", [row("udp", ports)], 0)
    # But TCP is refused by the host itself, which is the first hop.
    assert {found["seen"] for found in facts["evidence"]} == {"last_hop"}
    assert facts["evidence"][0]["detail"] == {"instead": "tcp"}
    assert facts["rounds"] >= 4
    # Once more, slowly, in case that errors were limited, and all of them a second later.
    assert facts["sent"] == 3 * facts["rounds"] + 1 + 3


def silent(stack: contextlib.ExitStack, ports: t.Iterable[int]) -> None:
    for port in ports:
        stack.enter_context(udp_socket(port))


def test_with_a_low_ceiling_and_a_short_time_no_udp_port_is_left_as_silent(
    free_ports: FreePorts, session: Session
) -> None:
    ports = free_ports(10)
    with contextlib.ExitStack() as stack:
        silent(stack, ports)
        sweep = stack.enter_context(Sweep(session, 0, resolve("127.0.0.1"), ports, 20))
        control.run(sweep, 0.3)
        control.tell_doubts(sweep)
        conclude(sweep, look_again(sweep, set()), set())
    assert 0 < sweep.sent < 10
    assert sweep.evidence.to_list() == [row_of("unsent", "udp", "ipv4", ports, reason=TIME_OVER)]


def test_when_the_time_is_over_what_was_proven_stays_so(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session
) -> None:
    ports = free_ports(20)
    listen(row("udp", ports))
    with Sweep(session, 0, resolve("127.0.0.1"), ports, 30) as sweep:
        control.run(sweep, 0.4)
        control.tell_doubts(sweep)
        conclude(sweep, look_again(sweep, set()), set())
    proven = sweep.evidence.all("open", "udp", "ipv4", 0)
    assert 0 < len(proven) < 20
    assert sweep.evidence.to_list() == [
        row_of("open", "udp", "ipv4", proven),
        row_of("unsent", "udp", "ipv4", set(ports) - proven, reason=TIME_OVER),
    ]


def test_when_the_rounds_are_used_up_no_udp_port_is_left_as_silent(
    free_ports: FreePorts, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "_MOST_ROUNDS", 1)
    ports = free_ports(3)
    with contextlib.ExitStack() as stack:
        silent(stack, ports)
        sweep = stack.enter_context(Sweep(session, 0, resolve("127.0.0.1"), ports, 0))
        control.run(sweep, 10.0)
        control.tell_doubts(sweep)
        conclude(sweep, look_again(sweep, set()), set())
    assert (sweep.rounds, sweep.sent) == (1, 3)
    assert sweep.evidence.to_list() == [row_of("unsent", "udp", "ipv4", ports, reason=TIME_OVER)]


def test_a_question_that_never_got_out_does_not_count_as_asked(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(socket.socket):
        def sendto(self, *dummy: t.Any) -> t.NoReturn:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    def full(family: socket.AddressFamily) -> socket.socket:
        sock = Full(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        return sock

    monkeypatch.setattr(sweep_module, "open_socket", full)
    monkeypatch.setattr(sweep_module, "_MOST_ROUNDS", 6)  # after four that got out, silence would be enough
    monkeypatch.setattr(patience, "UNKNOWN", 0.05)
    with Sweep(session, 0, resolve("127.0.0.1"), [443], 0) as sweep:
        control.run(sweep, 10.0)
        control.tell_doubts(sweep)
        conclude(sweep, look_again(sweep, set()), set())
    assert (sweep.rounds, sweep.sent) == (6, 0)
    assert sweep.evidence.to_list() == [row_of("unsent", "udp", "ipv4", [443], reason=TIME_OVER)]


def test_a_question_that_this_host_itself_refuses_was_not_sent(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [
        icmp.Rejection(443, "ICMP admin prohibited", PATH.local),
        icmp.Rejection(50000, "ICMP admin prohibited", "198.51.100.1"),
    ]
    monkeypatch.setattr(icmp, "read_errors", lambda dummy: told)
    with Sweep(session, 0, [PATH], [443, 50000], 0) as sweep:
        sweep._read_errors(0)
        conclude(sweep, look_again(sweep, set()), set())
    by = {"by": "ICMP admin prohibited", "offender": "198.51.100.1"}
    assert sweep.evidence.to_list() == [
        row_of("rejected", "udp", "ipv4", [50000], **by),
        row_of("unsent", "udp", "ipv4", [443], reason=OWN_FIREWALL),
    ]


@pytest.mark.parametrize(("ceiling", "seconds"), [(0, 25.0), (50, 41.0), (1000, 25.8)])
def test_a_ceiling_of_the_pace_gives_udp_more_time(
    row: Row, session: Session, monkeypatch: pytest.MonkeyPatch, ceiling: float, seconds: float
) -> None:
    given_: list[float] = []
    monkeypatch.setattr(control, "run", lambda dummy, seconds: given_.append(seconds))
    monkeypatch.setattr(control, "confirm", lambda *dummy: True)
    probe(session, 0, "127.0.0.1", [row("udp", range(50_000, 50_100))], ceiling)
    assert given_ == [pytest.approx(seconds)]


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
    no_way = {"reason": f"it has no way to {address} ({why})", "route": "none"}
    assert facts["evidence"] == [
        row_of("unsent", "tcp", family, [443], **no_way),
        row_of("unsent", "udp", family, [443, 50000], **no_way),
    ]
    assert (facts["addresses"], facts["source"], facts["local"]) == ({family: address}, {}, {})
    assert facts["sent"] == 0


@pytest.mark.parametrize(
    ("by", "all_of_it"),
    [
        ("ICMP host unreachable", True),
        ("ICMP net unreachable", True),
        ("ICMP no route", True),
        ("ICMP host prohibited", False),
    ],
)
def test_if_the_address_is_unreachable_every_port_is(
    session: Session, monkeypatch: pytest.MonkeyPatch, by: str, all_of_it: bool
) -> None:
    told = [icmp.Rejection(50_001, by, "198.51.100.1")]
    monkeypatch.setattr(icmp, "read_errors", lambda dummy: told)
    ports = [443, *range(50_000, 50_004)]
    with Sweep(session, 0, [PATH], ports, 0) as sweep:
        sweep._read_errors(0)
        assert bool(unreachable(sweep, set())) is all_of_it
        if all_of_it:
            conclude(sweep, look_again(sweep, set()), set())
            assert sweep.sent == 0
            assert sweep.evidence.all("rejected", "udp", "ipv4", 0) == set(ports)
            sweep.probes[0].answered = True  # somebody is
            assert unreachable(sweep, set()) == {}


def test_a_port_that_was_refused_otherwise_keeps_its_own_error(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [icmp.Rejection(443, "ICMP net unreachable", "198.51.100.1")]
    told.append(icmp.Rejection(50_001, "ICMP admin prohibited", "198.51.100.9"))
    monkeypatch.setattr(icmp, "read_errors", lambda dummy: told)
    with Sweep(session, 0, [PATH], [443, *range(50_000, 50_004)], 0) as sweep:
        sweep._read_errors(0)
        conclude(sweep, look_again(sweep, set()), set())
        by = {dict(detail)["by"]: ports for detail, ports in sweep.evidence.select("rejected", "udp", "ipv4").items()}
        assert by == {"ICMP admin prohibited": {50_001}, "ICMP net unreachable": {443, 50_000, 50_002, 50_003}}


def test_an_error_of_its_own_firewall_says_nothing_of_the_address(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [icmp.Rejection(443, "ICMP net unreachable", PATH.local)]
    monkeypatch.setattr(icmp, "read_errors", lambda dummy: told)
    with Sweep(session, 0, [PATH], [443], 0) as sweep:
        sweep._read_errors(0)
        assert unreachable(sweep, set()) == {}


def test_who_answers_over_tcp_is_there_whatever_is_rejected_over_udp(
    listen: Listen, free_ports: FreePorts, row: Row, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    (web,), (first, *others) = free_ports(1), free_ports(3)

    def read_errors(sock: socket.socket) -> list[icmp.Rejection]:
        told = [icmp.Rejection(first, "ICMP host unreachable", "198.51.100.1")]
        return told if sock.type == socket.SOCK_DGRAM else []

    with contextlib.ExitStack() as stack:
        silent(stack, [first, *others])
        listen(row("tcp", [web]))
        monkeypatch.setattr(icmp, "read_errors", read_errors)
        monkeypatch.setattr(Sweep, "_receive", lambda sweep: sweep._read_errors(0))  # as if one waited in the queue
        facts = probe(session, 0, "127.0.0.1", [row("tcp", [web]), row("udp", [first, *others])], 0)
    rejected = [(found["protocol"], found["ports"]) for found in facts["evidence"] if found["seen"] == "rejected"]
    assert rejected == [("udp", str(first))]


def test_an_error_of_the_address_is_one_of_its_tcp_ports_too(session: Session) -> None:
    tcp = TcpProbes(session, 0, "x", [PATH], {80: "http", 443: "https"})
    tcp.evidence.ports(Observation("open", "tcp", "ipv4", 0)).add(80)
    tcp.see_rejected(PATH, icmp.Rejection(50_000, "ICMP host unreachable", "198.51.100.1"))
    assert tcp.evidence.all("rejected", "tcp", "ipv4", 0) == {443}


def test_to_look_ahead_sends_nothing(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "sendto", lambda *dummy: pytest.fail("it was asked"))
    facts = look_ahead(0, "127.0.0.1", [row("udp", [443]), row("tcp", [443])])
    assert (facts["addresses"], facts["local"]) == ({"ipv4": "127.0.0.1"}, {"ipv4": "127.0.0.1"})
    assert facts["evidence"] == [
        row_of("unsent", each, "ipv4", [443], reason="nothing was asked") for each in ("tcp", "udp")
    ]
    assert set(facts) == set(nothing_asked())
    nowhere = look_ahead(0, "meet..example", [row("udp", [443])])
    assert nowhere == nothing_asked(nowhere["unresolved"]) != nothing_asked()


def test_to_look_ahead_tells_of_an_address_without_a_way(row: Row) -> None:
    facts = look_ahead(0, "fe80::1", [row("udp", [443])])
    assert (facts["addresses"], facts["local"]) == ({"ipv6": "fe80::1"}, {})
    assert facts["evidence"][0]["detail"]["route"] == "none"


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


def test_a_stranger_who_says_much_fills_no_memory(free_ports: FreePorts, row: Row, session: Session) -> None:
    ports = free_ports(30)
    said = itertools.count()

    def chatter(sock: socket.socket) -> None:
        dummy, source = sock.recvfrom(2048)
        for dummy_answer in range(5):
            sock.sendto(b"answer number %d" % next(said), source)

    with contextlib.ExitStack() as stack:
        for port in ports:
            stack.enter_context(serving(udp_socket(port), chatter))
        facts = probe(session, 0, "127.0.0.1", [row("udp", ports)], 0)
    found = [item for item in facts["evidence"] if item["seen"] == "foreign"]
    assert len(found) <= 21
    assert {port for item in found for port in read_ports(item["ports"])} == set(ports)
    assert {"what": "many things"} in [item["detail"] for item in found]
