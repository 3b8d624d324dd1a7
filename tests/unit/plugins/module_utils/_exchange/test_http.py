# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import http
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import (
    Asked,
    Outcome,
    Reply,
    StrangerError,
    Turn,
)
from ansible_collections.plugnmeet.server.plugins.module_utils._session import ICE_CHARS, VANTAGES, Session
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.streams import ALL, pieces, talk

HOST = "meet.example.com"
SESSION = Session("3YbqWm0c8PdTzVnA", "QpN4vX7k2LsWc9RfTz1BdYh6MgJ8aEuK")
PROOF = SESSION.key_authorization(SESSION.token(3, 80)).encode("ascii")
PATH = f"/.well-known/acme-challenge/{SESSION.token(3, 80)}"

sessions = st.builds(
    Session,
    st.text(string.ascii_letters + string.digits, min_size=16, max_size=16),
    st.text(ICE_CHARS, min_size=22, max_size=40),
)


def question(session: Session = SESSION, port: int = 80, host: str = HOST) -> bytes:
    return http.Asking(session, 3, port, host).start()


def hear(*answer: bytes, host: str = HOST) -> Reply | None:
    """What the prober makes of these pieces."""
    asking = http.Asking(SESSION, 3, 80, host)
    reply = None
    for piece in answer:
        assert reply is None
        more, reply = asking.receive(piece)
        assert more == b""
    return reply


def hear_all(answer: bytes, host: str = HOST) -> Reply:
    """What the prober makes of an answer and the end of the connection, which is the same however it is cut."""
    whole = http.Asking(SESSION, 3, 80, host)
    reply = whole.receive(answer)[1] or whole.receive(b"")[1]
    assert reply is not None
    dripping = http.Asking(SESSION, 3, 80, host)
    found = next(filter(None, (dripping.receive(piece)[1] for piece in [*pieces(answer, 1), b""])))
    assert found.outcome is reply.outcome
    return reply


def answer_of(status: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("latin-1") + body


@pytest.mark.parametrize("size", [1, 7, ALL])
def test_both_ends_prove_each_other_however_the_stream_is_cut(size: int) -> None:
    reply, turns = talk(http.Asking(SESSION, 3, 80, HOST), http.Answering(SESSION, 80), size)
    assert reply == Reply(Outcome.PROVEN)
    assert turns[-1].complete
    assert turns[-1].asked == Asked(3, 80)
    assert all(turn.send == b"" and not turn.complete for turn in turns[:-1])


@given(sessions, st.integers(0, VANTAGES - 1), st.integers(1, 65535), st.integers(1, 200))
def test_both_ends_prove_each_other(session: Session, vantage: int, port: int, size: int) -> None:
    reply, turns = talk(http.Asking(session, vantage, port, HOST), http.Answering(session, port), size)
    assert reply == Reply(Outcome.PROVEN)
    assert turns[-1].asked == Asked(vantage, port)


def test_the_question_is_the_one_of_an_acme_server() -> None:
    line, *headers = question().decode("ascii").split("\r\n")
    assert line == f"GET {PATH} HTTP/1.1"
    assert headers[0] == "Host: meet.example.com"
    assert "Connection: close" in headers
    assert headers[-2:] == ["", ""]


def test_the_answer_is_the_one_that_an_acme_server_takes() -> None:
    turn = http.Answering(SESSION, 80).receive(question())
    head, dummy, body = turn.send.partition(b"\r\n\r\n")
    assert body == PROOF
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"Content-Type: application/octet-stream",  # RFC 8555, section 8.3
        b"Content-Length: 91",
        b"Connection: close",
    ]


def test_who_asks_is_known_with_the_first_line() -> None:
    answering = http.Answering(SESSION, 80)
    line, end, rest = question().partition(b"\r\n")
    assert answering.receive(line) == Turn()
    assert answering.receive(end) == Turn(b"", Asked(3, 80))
    assert answering.receive(rest).complete


@pytest.mark.parametrize("change", [(b"HTTP/1.1\r\n", b"HTTP/1.0\r\n"), (b"\r\n\r\n", b"\r\nVia: 1.1 proxy\r\n\r\n")])
def test_a_question_that_a_proxy_passed_on_is_answered(change: tuple[bytes, bytes]) -> None:
    assert PROOF in http.Answering(SESSION, 80).receive(question().replace(*change)).send


def test_a_question_that_meant_another_port_gets_no_byte() -> None:
    reply, turns = talk(http.Asking(SESSION, 3, 80, HOST), http.Answering(SESSION, 8080), 5)
    assert turns[-1] == Turn(b"", Asked(3, 80), complete=True)
    assert not any(turn.send for turn in turns)
    assert reply == Reply(Outcome.FOREIGN, about={"what": "the end of the connection"})


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /.well-known/acme-challenge/ HTTP/1.1\r\n",
        b"GET /.well-known/acme-challenge/test HTTP/1.1\r\n",
        question(SESSION._replace(secret="0" * 32)),
        question(SESSION._replace(id="0" * 16)),
        question().replace(b"GET ", b"HEAD "),
        question().replace(b"GET ", b"get "),
        question().replace(b"GET /", b"GET http://meet.example.com/"),
        question().replace(b"GET /.well-known/", b"GET /x/../.well-known/"),
        question().replace(b" HTTP/1.1", b"? HTTP/1.1"),
        question().replace(b" HTTP/1.1", b""),
        question().replace(b" HTTP/1.1", b" HTTP/2.0"),
        question().replace(b" HTTP/1.1", b"  HTTP/1.1"),
        b" " + question(),
        b"\r\n" + question(),
        b"\xff\xfe\r\n",
        b"G" * 4097,
        question().replace(b"\r\n\r\n", b"\r\nX: " + b"x" * 4096),
    ],
)
def test_a_stranger_gets_no_byte(said: bytes) -> None:
    answering = http.Answering(SESSION, 80)
    with pytest.raises(StrangerError):
        assert answering.receive(said).send == b""
    dripping = http.Answering(SESSION, 80)
    with pytest.raises(StrangerError):
        assert not any(dripping.receive(piece).send for piece in pieces(said, 1))


def test_half_a_question_is_waited_for() -> None:
    answering = http.Answering(SESSION, 80)
    assert not any(answering.receive(piece).send for piece in pieces(question()[:-1], 1))
    assert answering.receive(b"\n").complete


@pytest.mark.parametrize(
    ("host", "header"),
    [
        ("meet.example.com", "meet.example.com"),
        ("Meet.Example.COM", "Meet.Example.COM"),
        ("203.0.113.10", "203.0.113.10"),
        ("2001:db8::10", "[2001:db8::10]"),
        ("fe80::1%eth0", "[fe80::1]"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("пример.example", "xn--e1afmkfd.example"),
        ("_odd.example", "_odd.example"),
        ("a..b", "a..b"),
        ("ü" * 70, "?" * 70),
    ],
)
def test_the_host_header_names_the_host_as_the_rfc_has_it(host: str, header: str) -> None:
    assert re.search(rb"\r\nHost: (.*)\r\n", question(host=host))[1] == header.encode("ascii")  # type: ignore[index]


def test_an_answer_is_there_with_its_last_byte() -> None:
    asking = http.Asking(SESSION, 3, 80, HOST)
    answer = http.Answering(SESSION, 80).receive(question()).send
    replies = [asking.receive(piece)[1] for piece in pieces(answer, 1)]
    assert replies[-1] == Reply(Outcome.PROVEN)
    assert set(replies[:-1]) == {None}


@pytest.mark.parametrize(
    "answer",
    [
        answer_of("200 OK", body=PROOF),
        answer_of("200", body=PROOF),
        answer_of("200 OK", "content-length: 91", body=PROOF),
        answer_of("200 OK", "CONTENT-LENGTH:91", "Server: haproxy", body=PROOF),
        answer_of("200 OK", "Content-Length: 91", body=PROOF + b"what comes after does not count"),
        answer_of("200 OK", "Content-Length: many", body=PROOF),
        answer_of("200 OK", "Content-Length: 9999999999", body=PROOF),
        answer_of("200 OK", "no colon", ": no name", body=PROOF),
        answer_of("200 OK", "Via: 1.1 proxy", body=PROOF),
        answer_of("200 OK", "Content-Length: 91", body=PROOF).replace(b"HTTP/1.1", b"HTTP/1.0"),
        answer_of("200 OK", "Content-Length: 93", body=PROOF + b"\r\n"),
        answer_of("200 OK", "Transfer-Encoding: chunked", body=b"5b\r\n" + PROOF + b"\r\n0\r\n\r\n"),
        answer_of(
            "200 OK",
            "Transfer-Encoding: Chunked",
            body=b"05 ;a=b\r\n" + PROOF[:5] + b"\r\n56\r\n" + PROOF[5:] + b"\r\n0\r\nTrailer: 1\r\n\r\n",
        ),
        answer_of("103 Early Hints", body=answer_of("200 OK", body=PROOF)),
        answer_of("100 Continue") * 3 + answer_of("200 OK", "Content-Length: 91", body=PROOF),
    ],
)
def test_a_proof_is_one_whatever_stands_around_it(answer: bytes) -> None:
    assert hear_all(answer).outcome is Outcome.PROVEN


@pytest.mark.parametrize(
    ("headers", "via"),
    [
        ([], None),
        (["Via: 1.1 proxy", "Server: squid"], "1.1 proxy"),
        (["Server: cloudflare", "X-Cache: MISS"], "cloudflare"),
        (["X-Cache: MISS from box"], "MISS from box"),
        (["Via: "], None),
    ],
)
def test_who_passed_a_proof_on_is_told(headers: list[str], via: str | None) -> None:
    about = {"via": via} if via else {}
    assert hear_all(answer_of("200 OK", *headers, body=PROOF)) == Reply(Outcome.PROVEN, about=about)


def foreign(what: str, **about: str) -> Reply:
    return Reply(Outcome.FOREIGN, about={"what": what, **about})


CHANGED = foreign("this session's answer with something else around it", kind="changed")


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (answer_of("301 Moved", "Location: https://meet.example.com/"), ("redirect", "https://meet.example.com/")),
        (answer_of("302 Found", "Location: /login"), ("redirect", "/login")),
        (
            answer_of("307 x", "Location: https://www.meet.example.com/x"),
            ("redirect", "https://www.meet.example.com/x"),
        ),
        (answer_of("308 x", "Location: http://example.com/"), ("redirect", "http://example.com/")),
        (answer_of("302 x", "Location: //MEET.example.com./"), ("redirect", "//MEET.example.com./")),
        (answer_of("302 x", "Location: http://login.hotel.example/"), ("portal", "http://login.hotel.example/")),
        (answer_of("302 x", "Location: http://10.0.0.1:8000/?to=x"), ("portal", "http://10.0.0.1:8000/?to=x")),
        (answer_of("302 x", "Location: http://notmeet.example.com/"), ("portal", "http://notmeet.example.com/")),
        (answer_of("302 x", "Location: http://["), ("portal", "http://[")),
        (answer_of("302 x", "Location: http://[::1]:x/"), ("portal", "http://[::1]:x/")),
        (answer_of("301 x", f"Location: https://meet.example.com{PATH}"), ("redirect", "https://meet.example.com/")),
        (answer_of("302 x", f"Location: http://10.0.0.1/?to={PATH}"), ("portal", "http://10.0.0.1/?to=/")),
        (answer_of("302 x", "Location: http://user@\xe9/"), ("portal", "http://user@\xe9/")),
        (answer_of("302 x", f"Location: /{79 * 'x'}"), ("redirect", f"/{79 * 'x'}")),
        (answer_of("302 x", f"Location: /{80 * 'x'}"), ("redirect", f"/{78 * 'x'}…")),
    ],
)
def test_a_redirect_is_told_with_where_it_leads(answer: bytes, reply: tuple[str, str]) -> None:
    kind, location = reply
    assert hear_all(answer) == foreign(f'a redirect to "{location}"', kind=kind)


@pytest.mark.parametrize(
    ("host", "location", "kind"),
    [
        ("bücher.example", "https://xn--bcher-kva.example/", "redirect"),
        ("xn--bcher-kva.example", "https://xn--bcher-kva.example/", "redirect"),
        ("meet.example.com.", "https://meet.example.com/", "redirect"),
        # Of a bare address nobody knows the site.
        ("203.0.113.10", "https://meet.example.com/", "redirect"),
        ("2001:db8::10", "https://meet.example.com/", "redirect"),
    ],
)
def test_a_site_is_the_same_however_it_is_written(host: str, location: str, kind: str) -> None:
    answer = answer_of("301 Moved", f"Location: {location}")
    assert hear_all(answer, host).about["kind"] == kind


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (
            answer_of("511 Network Authentication Required", body=b"<html>"),
            foreign("HTTP status 511", kind="portal"),
        ),
        (
            answer_of("511 x", "Server: hotspot", "Location: http://login.example/"),
            foreign("HTTP status 511", kind="portal", server="hotspot"),
        ),
        (answer_of("407 x", "Proxy-Authenticate: Basic"), foreign("HTTP status 407", kind="proxy")),
        (answer_of("502 Bad Gateway"), foreign("HTTP status 502", kind="proxy")),
        (
            answer_of("503 x", "Server: squid/5.7", "Via: 1.1 box (squid)"),
            foreign("HTTP status 503", kind="proxy", via="1.1 box (squid)", server="squid/5.7"),
        ),
        (answer_of("504 x", "X-Squid-Error: ERR_CONNECT_FAIL 110"), foreign("HTTP status 504", kind="proxy")),
        (
            answer_of("403 Forbidden", "CF-RAY: 1", "Server: cloudflare"),
            foreign("HTTP status 403", kind="proxy", server="cloudflare"),
        ),
        (answer_of("404 Not Found", "X-Cache: MISS"), foreign("HTTP status 404", kind="proxy")),
        (
            answer_of("404 Not Found", "Server: nginx/1.22", body=b"<html>"),
            foreign("HTTP status 404", kind="server", server="nginx/1.22"),
        ),
        (answer_of("200 OK", "Content-Length: 2", body=b"hi"), foreign("HTTP status 200", kind="server")),
        (
            answer_of("200 OK", f"Server: {81 * 's'}"),
            foreign("HTTP status 200", kind="server", server=f"{79 * 's'}…"),
        ),
        (
            answer_of("502 x", f"Via: {81 * 'v'}"),
            foreign("HTTP status 502", kind="proxy", via=f"{79 * 'v'}…"),
        ),
        (answer_of("200 OK"), foreign("HTTP status 200", kind="server")),
        (answer_of("302 Found"), foreign("HTTP status 302", kind="server")),
        (answer_of("302 Found", "Location: "), foreign("HTTP status 302", kind="server")),
        (answer_of("204 No Content", "Location: /"), foreign("HTTP status 204", kind="server")),
        (answer_of("404 x", "Server: "), foreign("HTTP status 404", kind="server")),
        (answer_of("200 OK", "Content-Length: 5", body=PROOF), foreign("HTTP status 200", kind="server")),
        (answer_of("200 OK", "Content-Length: 0", body=PROOF), foreign("HTTP status 200", kind="server")),
    ],
)
def test_another_servers_answer_is_told_by_what_it_says_of_itself(answer: bytes, reply: Reply) -> None:
    assert hear_all(answer) == reply


@pytest.mark.parametrize(
    "answer",
    [
        answer_of("200 OK", body=b"<script>spy()</script>" + PROOF),
        answer_of("200 OK", body=PROOF + b"\n<!-- seen -->"),
        answer_of("200 OK", "Content-Length: 92", body=PROOF + b"."),
        answer_of("200 OK", "Transfer-Encoding: chunked", body=b"5c\r\n." + PROOF + b"\r\n0\r\n\r\n"),
        answer_of("200 OK", "Transfer-Encoding: gzip, chunked", body=b"5b\r\n" + PROOF + b"\r\n0\r\n\r\n"),
        answer_of("203 Non-Authoritative Information", body=PROOF),
        answer_of("404 Not Found", "Content-Length: 91", body=PROOF),
        answer_of("302 Found", "Location: http://login.example/", body=PROOF),
        answer_of("101 Switching Protocols", body=answer_of("200 OK", body=PROOF)),
        answer_of("103 Early Hints") * 64 + answer_of("200 OK", body=PROOF),
    ],
)
def test_a_proof_with_something_around_it_was_changed_on_the_way(answer: bytes) -> None:
    assert hear_all(answer) == CHANGED


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"", "the end of the connection"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", '"SSH-2.0-OpenSSH_9.2"'),
        (b"\x15\x03\x01\x00\x02\x02\x28", "7 bytes"),
        (b"HTTP", '"HTTP"'),
        (b"HTTP/1.1 200 OK\r\nServer: x\r\n", '"HTTP/1.1 200 OK"'),
        (b"HTTP/1.1 200 OK\n\n" + PROOF, '"HTTP/1.1 200 OK"'),
        (answer_of("99 x", body=PROOF), '"HTTP/1.1 99 x"'),
        (answer_of("099 x", body=PROOF), '"HTTP/1.1 099 x"'),
        (answer_of("2000 x", body=PROOF), '"HTTP/1.1 2000 x"'),
        (answer_of("OK", body=PROOF), '"HTTP/1.1 OK"'),
        (answer_of("", body=PROOF), '"HTTP/1.1"'),
        (b"HTTP/1.1\r\n\r\n" + PROOF, '"HTTP/1.1"'),
        (b"HTTP/1.1  200 OK\r\n\r\n" + PROOF, '"HTTP/1.1  200 OK"'),
        (b"HTTP/11111 200 OK\r\n\r\n" + PROOF, '"HTTP/11111 200 OK"'),
        (b"http/1.1 200 OK\r\n\r\n" + PROOF, '"http/1.1 200 OK"'),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n" + PROOF, "112 bytes"),
        (PROOF, f'"{PROOF.decode("ascii")[:60]}"'),
    ],
)
def test_what_is_no_answer_is_described(answer: bytes, what: str) -> None:
    assert hear_all(answer).outcome is Outcome.FOREIGN
    assert hear(answer, *([b""] if hear(answer) is None else [])) == foreign(what)


def test_our_own_question_sent_back_is_no_answer() -> None:
    assert hear(question()) == hear(question()[:20]) == foreign("the question itself, sent back")
    assert hear(b"GET /x") == foreign('"GET /x"')


@pytest.mark.parametrize(
    "begin",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n",
        b"HTTP/",
    ],
)
def test_an_answer_without_an_end_is_cut_off(begin: bytes) -> None:
    asking = http.Asking(SESSION, 3, 80, HOST)
    reply, taken = asking.receive(begin)[1], len(begin)
    while reply is None:
        assert taken < 20_000
        reply = asking.receive(b"x" * 1000)[1]
        taken += 1000
    assert reply.outcome is Outcome.FOREIGN


@given(st.binary(max_size=300), st.integers(1, 50))
def test_random_bytes_are_foreign(data: bytes, size: int) -> None:
    asking = http.Asking(SESSION, 3, 80, HOST)
    replies = [asking.receive(piece)[1] for piece in [*pieces(data, size), b""]]
    assert replies[-1] is not None
    assert replies[-1].outcome is Outcome.FOREIGN


@given(st.integers(0, 200), st.integers(1, 255))
def test_an_answer_with_a_byte_of_its_body_changed_proves_nothing(place: int, change: int) -> None:
    answer = bytearray(http.Answering(SESSION, 80).receive(question()).send)
    at = len(answer) - 1 - place % len(PROOF)
    answer[at] ^= change
    assert hear_all(bytes(answer)).outcome is Outcome.FOREIGN


@given(sessions, sessions)
def test_another_sessions_answer_proves_nothing(one: Session, other: Session) -> None:
    answer = http.Answering(other, 80).receive(question(other)).send
    asking = http.Asking(one, 3, 80, HOST)
    reply = asking.receive(answer)[1]
    assert reply is not None
    assert (reply.outcome is Outcome.PROVEN) == (one[:2] == other[:2])
