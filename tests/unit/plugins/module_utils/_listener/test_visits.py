# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A visit as it shows on the wire, each test with a real listener in the background."""

from __future__ import annotations

import socket
import time
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import stun
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import lifecycle
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.visits import Visits
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.browser import (
    TRANSACTION,
    check,
    result,
    signed,
)

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

Facts = t.Dict[str, t.Any]
Row = t.Callable[..., Requirement]

PAGE = "<!doctype html><title>page</title>é"
QUIET = 0.3  # seconds in which a loopback would have brought an answer


def said(port: int, data: bytes) -> bytes:
    """What comes back on a connection, up to its end."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(data)
        connection.settimeout(2)
        got = b""
        try:
            while True:
                chunk = connection.recv(65536)
                if not chunk:
                    return got
                got += chunk
        except (socket.timeout, ConnectionResetError):
            return got


@pytest.fixture
def port(name: str, session: Session, free_ports: t.Callable[[int], list[int]], row: Row) -> t.Iterator[int]:
    """A listener that is open to visitors, on a port of both protocols."""
    assert name
    (number,) = free_ports(1)
    lifecycle.start(session, [row("udp", [number]), row("tcp", [number])], time.monotonic() + 30, PAGE)
    yield number
    lifecycle.stop(session.id)


def visits() -> Facts:
    status = lifecycle.status()
    assert status is not None
    found: Facts = status["visits"]
    return found


def test_each_browser_is_a_vantage_of_its_own(session: Session, port: int) -> None:
    for number, visitor in enumerate(("aaaaaaaa", "bbbbbbbb", "aaaaaaaa")):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            question = check(session, visitor, session.visit_secret, b"\x00ransaction%d" % number)
            sock.sendto(question, ("127.0.0.1", port))
            message = _stun.parse(sock.recv(2048))
            assert message.type == _stun.BINDING_SUCCESS
    found = visits()["visitors"]
    assert [(each["visitor"], each["vantage"]) for each in found] == [("aaaaaaaa", 0), ("bbbbbbbb", 1)]
    assert [each["arrived"]["udp"] for each in found] == [str(port)] * 2
    assert found[0]["addresses"] == ["127.0.0.1"]
    stopped = lifecycle.stop(session.id)
    assert stopped is not None
    received = [row["vantage"] for row in stopped["saw"]["evidence"] if row["seen"] == "received"]
    assert received == [0, 1]
    # The tap has seen questions that no prober would have marked.
    assert {(row["seen"], row["vantage"]) for row in stopped["saw"]["evidence"]} >= {("arrived", 0), ("arrived", 1)}


@pytest.mark.parametrize("more", ['"x": ' + "[" * 30_000, '"x": ' + "9" * 5000, '"x": NaN'])
def test_a_result_that_nobody_could_read_ends_no_visit(session: Session, port: int, more: str) -> None:
    body = f'{{"visitor": "aaaaaaaa", {more}}}'
    told = signed(session, body).encode("ascii")
    head = f"POST {session.visit_path} HTTP/1.1\r\nContent-Length: {len(told)}\r\n\r\n".encode("ascii")
    assert said(port, head + told).startswith(b"HTTP/1.1 403 ")
    assert visits()["visitors"] == []


@pytest.mark.parametrize("visitor", ["short", "toolong99", "aaaa_aaa"])
def test_a_name_that_no_page_makes_is_nobody(session: Session, port: int, visitor: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(QUIET)
        sock.sendto(check(session, visitor, session.visit_secret), ("127.0.0.1", port))
        with pytest.raises(socket.timeout):
            sock.recv(2048)
    assert visits()["visitors"] == []


def test_a_browser_is_answered_as_often_as_it_asks_and_who_recorded_it_is_not(session: Session, port: int) -> None:
    target = ("127.0.0.1", port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as browser, socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM
    ) as other:
        browser.settimeout(5)
        for number in range(50):
            question = check(session, "aaaaaaaa", session.visit_secret, b"\x00ransacti%03d" % number)
            browser.sendto(question, target)
            assert browser.recv(2048)
        other.settimeout(QUIET)
        other.sendto(question, target)
        with pytest.raises(socket.timeout):
            other.recv(2048)
        browser.sendto(question, target)  # as one that heard nothing
        assert browser.recv(2048)
    stopped = lifecycle.stop(session.id)
    assert stopped is not None
    assert stopped["saw"]["strangers"] == {"datagrams": 1, "connections": 0}


def test_a_visitor_needs_the_visitors_secret_and_has_no_other(session: Session) -> None:
    ends = ("127.0.0.1", 1), ("127.0.0.1", 2)
    assert session.visit_secret not in (session.secret, "")
    assert len(session.visit_secret) >= 22
    assert stun.answer(check(session, "aaaaaaaa", session.secret), session, *ends) is None
    assert stun.answer(check(session, "aaaaaaaa", session.visit_secret), session, *ends) is not None
    question = stun.ask(session._replace(secret=session.visit_secret), 1, 2, TRANSACTION, bytes(8))
    assert stun.answer(question, session, *ends) is None


def test_the_page_is_at_its_path_and_nowhere_else(session: Session, port: int) -> None:
    head, dummy, body = said(port, f"GET {session.visit_path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).partition(
        b"\r\n\r\n"
    )
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body.decode("utf-8") == PAGE
    assert b"no-store" in head
    for path in ("/", session.visit_path[:-1], session.visit_path + "x", "/index.html"):
        assert said(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) == b""
    assert said(port, b"GET /" + b"x" * 10_000) == b""


def test_a_page_for_which_there_is_no_room_at_once_comes_as_a_whole(
    name: str, session: Session, free_ports: t.Callable[[int], list[int]], row: Row
) -> None:
    assert name
    (number,) = free_ports(1)
    page = "x" * (8 << 20)  # more than a connection takes that nobody reads from
    lifecycle.start(session, [row("tcp", [number])], time.monotonic() + 30, page)
    try:
        with socket.create_connection(("127.0.0.1", number), timeout=5) as connection:
            connection.sendall(f"GET {session.visit_path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as file:
                assert file.read().partition(b"\r\n\r\n")[2] == page.encode()
    finally:
        lifecycle.stop(session.id)


def test_a_result_is_taken_if_it_is_signed(session: Session, port: int) -> None:
    def post(text: str) -> bytes:
        data = text.encode("utf-8")
        return said(port, f"POST {session.visit_path} HTTP/1.1\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)

    good = result(session, "aaaaaaaa", agent="Chrome on Windows")
    assert post("0" + good[1:] if good[0] != "0" else "1" + good[1:]).startswith(b"HTTP/1.1 403")
    assert post(good.replace("Windows", "windows")).startswith(b"HTTP/1.1 403")
    assert post("") != post(good)
    assert visits()["visitors"][0]["result"]["agent"] == "Chrome on Windows"
    assert visits()["visitors"][0]["brought_to"] == port
    assert said(port, f"POST {session.visit_path} HTTP/1.1\r\nContent-Length: 999999\r\n\r\n".encode()) == b""
    assert said(port, f"POST {session.visit_path} HTTP/1.1\r\n\r\n".encode()) == b""


def test_a_result_may_be_pasted(session: Session, port: int) -> None:
    assert port
    refused = lifecycle.paste(session.id, "nonsense")
    assert refused is not None
    assert refused["taken"] is False
    taken = lifecycle.paste(session.id, f"  {result(session, 'cccccccc')}\n")
    assert taken is not None
    assert taken["taken"] is True
    assert [each["visitor"] for each in taken["visits"]["visitors"]] == ["cccccccc"]


def test_what_is_typed_is_shown_without_control_characters_and_gets_no_answer(session: Session, port: int) -> None:
    assert session
    assert said(port, b"te\x1b[31mst\nmore\n") == b""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(QUIET)
        sock.sendto(b"x" * 500, ("127.0.0.1", port))
        sock.sendto(b"\x00\x01binary", ("127.0.0.1", port))
        sock.sendto(b"hello \xff\xfe\n", ("127.0.0.1", port))
        with pytest.raises(socket.timeout):
            sock.recv(2048)
    texts = {(text["protocol"], text["text"]) for text in visits()["texts"]}
    assert texts == {("tcp", "te?[31mst"), ("udp", "x" * 60), ("udp", "hello \ufffd\ufffd")}
    stopped = lifecycle.stop(session.id)
    assert stopped is not None
    assert stopped["saw"]["strangers"] == {"datagrams": 1, "connections": 0}  # what was binary


def test_what_is_typed_after_junk_is_shown(session: Session, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        for number, words in enumerate((b"\x00\x01binary", b"hello\n")):
            sock.sendto(words, ("127.0.0.1", port))
            question = check(session, "aaaaaaaa", session.visit_secret, b"\x00ransaction%d" % number)
            sock.sendto(question, ("127.0.0.1", port))
            assert sock.recv(2048)  # what came before it was looked at
    assert [text["text"] for text in visits()["texts"]] == ["hello"]


def test_what_is_typed_is_bounded(session: Session) -> None:
    book = Visits(session, time.monotonic)
    for number in range(1000):
        book.text("udp", ("198.51.100.2", 5), 50_000, b"word %d" % number)
    assert len(book.facts()["texts"]) == 50


def test_nobodys_junk_keeps_out_the_words_of_others(session: Session) -> None:
    book = Visits(session, time.monotonic)
    book.text("udp", ("198.51.100.2", 5), 50_000, b"before")
    for number in range(100):
        book.text("udp", ("198.51.100.9", 5), 443, b"junk %d" % number)
    book.text("udp", ("198.51.100.3", 5), 50_000, b"after")
    facts = book.facts()
    assert {"before", "after"} <= {text["text"] for text in facts["texts"]}
    assert len(facts["texts"]) == 50
    assert facts["texts_dropped"] == 52


def test_a_result_that_was_cut_short_in_the_browser_is_not_cut_here(session: Session, port: int) -> None:
    open_ones = ",".join(map(str, range(1, 65_000, 2)))
    families = {family: {"udp": "1" + "ou" * 32_500} for family in ("ipv4", "ipv6")}
    told = result(session, "aaaaaaaa", families=families).encode("ascii")
    assert len(told) > 120_000
    head = f"POST {session.visit_path} HTTP/1.1\r\nContent-Length: {len(told)}\r\n\r\n".encode("ascii")
    assert said(port, head + told).startswith(b"HTTP/1.1 200 OK")
    pasted = lifecycle.paste(session.id, told.decode("ascii"))
    assert pasted is not None
    assert pasted["taken"] is True
    assert pasted["visits"]["visitors"][0]["result"]["families"]["ipv6"]["udp"]["open"] == open_ones
    assert not Visits(session, time.monotonic).result(result(session, "aaaaaaaa", x="x" * 300_000).encode("ascii"))


def test_results_do_not_fill_the_memory(session: Session) -> None:
    book = Visits(session, time.monotonic)
    families = {"ipv4": {"udp": "1" + "su" * 32_500}}
    names = [f"aaaaaa{number:02d}" for number in range(100)]
    taken = [book.result(result(session, name, families=families).encode("ascii")) for name in names]
    assert taken[:20] == [True] * 20
    assert taken[-1] is False
    assert book.result(result(session, names[0], families=families).encode("ascii"))  # in the place of its first
    assert len(str(book.facts())) < 10 << 20


def test_a_preflight_knows_nothing_of_netcat_and_has_no_page(
    name: str, session: Session, free_ports: t.Callable[[int], list[int]], row: Row
) -> None:
    assert name
    (number,) = free_ports(1)
    lifecycle.start(session, [row("udp", [number]), row("tcp", [number])], time.monotonic() + 30)
    try:
        assert said(number, f"GET {session.visit_path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) == b""
        assert said(number, b"test\n") == b""
        status = lifecycle.status()
        assert status is not None
        assert "visits" not in status
    finally:
        lifecycle.stop(session.id)
