# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
import ssl

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _tls
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import http, https
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import (
    Asked,
    Outcome,
    Reply,
    StrangerError,
    Turn,
)
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.certificates import (
    CERTIFICATE,
    OTHER_CERTIFICATE,
    OTHER_PRIVATE_KEY,
    PRIVATE_KEY,
)
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.streams import (
    ALL,
    Interceptor,
    TlsClient,
    TlsServer,
    pieces,
    server_context,
    talk,
)

HOST = "meet.example.com"
SESSION = Session("3YbqWm0c8PdTzVnA", "QpN4vX7k2LsWc9RfTz1BdYh6MgJ8aEuK", CERTIFICATE, PRIVATE_KEY)
TOKEN = SESSION.token(3, 443)
OTHER = ssl.PEM_cert_to_DER_cert(OTHER_CERTIFICATE)
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n"

versions = pytest.mark.parametrize(
    "newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"]
)
sizes = pytest.mark.parametrize("size", [1, 7, ALL])


def asking(session: Session = SESSION, port: int = 443, host: str = HOST) -> https.Asking:
    return https.Asking(session, 3, port, host)


def answering(newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, port: int = 443) -> https.Answering:
    return https.Answering(SESSION, port, server_context(CERTIFICATE, PRIVATE_KEY, newest))


def elsewhere(answer: bytes, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> TlsServer:
    return TlsServer(server_context(OTHER_CERTIFICATE, OTHER_PRIVATE_KEY, newest), answer)


def foreign(what: str, certificate: bytes = b"", **about: str) -> Reply:
    return Reply(Outcome.FOREIGN, about={"what": what, **about}, certificate=certificate)


@versions
@sizes
def test_both_ends_prove_each_other_however_the_stream_is_cut(newest: ssl.TLSVersion, size: int) -> None:
    reply, turns = talk(asking(), answering(newest), size)
    assert reply == Reply(Outcome.PROVEN)
    assert turns[-1].complete
    assert [turn.complete for turn in turns].count(True) == 1
    known = [turn.asked for turn in turns]
    assert known == [None] * known.count(None) + [Asked(3, 443)] * (len(turns) - known.count(None))
    assert not any(turn.send for turn in turns if turn.asked is None)


@versions
@sizes
def test_a_question_in_several_records_is_answered(newest: ssl.TLSVersion, size: int) -> None:
    question = http.Asking(SESSION, 3, 443, HOST).start()
    client = TlsClient(["http/1.1", TOKEN], pieces(question, 50), newest)
    dummy, turns = talk(client, answering(newest), size)
    assert client.heard.endswith(SESSION.key_authorization(TOKEN).encode("ascii"))
    assert turns[-1].complete


@versions
def test_a_question_that_meant_another_port_gets_no_byte(newest: ssl.TLSVersion) -> None:
    reply, turns = talk(asking(), answering(newest, port=8443), 9)
    assert turns[-1] == Turn(b"", Asked(3, 443), complete=True)
    assert not any(turn.send for turn in turns)
    assert reply == foreign("the end of the connection")


@pytest.mark.parametrize(
    "protocols",
    [
        [],
        ["http/1.1"],
        ["h2", "http/1.1"],
        [SESSION._replace(secret="0" * 32).token(3, 443)],
        [SESSION._replace(id="0" * 16).token(3, 443)],
        [TOKEN[:-1]],
        [TOKEN + "A"],
        [TOKEN.swapcase()],
    ],
)
@versions
@sizes
def test_a_strangers_hello_gets_no_byte(protocols: list[str], newest: ssl.TLSVersion, size: int) -> None:
    hello = TlsClient(protocols, [], newest).start()
    assert _tls.application_protocols(hello) == [name.encode("ascii") for name in protocols]
    end = answering()
    with pytest.raises(StrangerError):
        assert not any(end.receive(piece).send for piece in pieces(hello, size))


@pytest.mark.parametrize(
    "said", [b"\x16GET / HTTP/1.1\r\n", b"\x16\x03\x01\x00\x02\x02\x00", b"\x16\x03\x01" + b"\x00\x01\x01" * 9000]
)
def test_who_says_something_else_gets_no_byte(said: bytes) -> None:
    end = answering()
    with pytest.raises(StrangerError):
        assert not any(end.receive(piece).send for piece in pieces(said, 100))


def test_the_token_counts_wherever_it_stands_in_the_list() -> None:
    client = TlsClient(["h2", "http/1.1", "x", TOKEN], [], ssl.TLSVersion.TLSv1_3)
    assert answering().receive(client.start()).asked == Asked(3, 443)


def test_half_a_hello_is_waited_for() -> None:
    end, hello = answering(), asking().start()
    assert {end.receive(piece) for piece in pieces(hello[:-1], 1)} == {Turn()}
    assert end.receive(hello[-1:]).send


def test_who_has_a_token_and_no_tls_to_go_with_it_was_here_and_gets_no_byte() -> None:
    hello = TlsClient([TOKEN], [], ssl.TLSVersion.TLSv1_2).start()
    context = server_context(CERTIFICATE, PRIVATE_KEY, ssl.TLSVersion.TLSv1_3)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    assert https.Answering(SESSION, 443, context).receive(hello) == Turn(b"", Asked(3, 443), complete=True)


@versions
def test_who_has_a_token_and_hangs_up_was_here_and_was_not_answered(newest: ssl.TLSVersion) -> None:
    end = answering(newest)
    assert end.receive(asking().start()).send
    goodbye = b"\x15\x03\x03\x00\x02\x01\x00"
    assert end.receive(goodbye) == Turn(b"", Asked(3, 443), complete=True)


@versions
def test_who_asks_for_something_else_behind_a_token_gets_no_answer(newest: ssl.TLSVersion) -> None:
    client = TlsClient(["http/1.1", TOKEN], [b"GET / HTTP/1.1\r\n\r\n"], newest)
    with pytest.raises(StrangerError):
        talk(client, answering(newest))
    assert client.heard == b""


@versions
def test_who_means_another_port_behind_a_token_gets_no_answer(newest: ssl.TLSVersion) -> None:
    client = TlsClient(["http/1.1", TOKEN], [http.Asking(SESSION, 3, 80, HOST).start()], newest)
    dummy, turns = talk(client, answering(newest))
    assert turns[-1] == Turn(b"", Asked(3, 443), complete=True)
    assert client.heard == b""


@versions
@sizes
def test_another_certificate_is_told_with_who_answers_behind_it(newest: ssl.TLSVersion, size: int) -> None:
    reply, dummy = talk(asking(), elsewhere(NOT_FOUND, newest), size)
    assert reply == foreign("another certificate", OTHER, kind="certificate", server="nginx")


@versions
@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_another_certificate_is_told_whatever_comes_behind_it(newest: ssl.TLSVersion, answer: bytes) -> None:
    assert talk(asking(), elsewhere(answer, newest))[0] == foreign("another certificate", OTHER, kind="certificate")


@versions
def test_the_right_proof_behind_another_certificate_is_no_proof(newest: ssl.TLSVersion) -> None:
    proof = b"HTTP/1.1 200 OK\r\n\r\n" + SESSION.key_authorization(TOKEN).encode("ascii")
    assert talk(asking(), elsewhere(proof, newest))[0] == foreign("another certificate", OTHER, kind="certificate")


@versions
@sizes
def test_an_answer_that_ends_without_a_goodbye_is_whole(newest: ssl.TLSVersion, size: int) -> None:
    proof = b"HTTP/1.1 200 OK\r\n\r\n" + SESSION.key_authorization(TOKEN).encode("ascii")
    server = TlsServer(server_context(CERTIFICATE, PRIVATE_KEY, newest), proof)
    assert talk(asking(), server, size)[0] == Reply(Outcome.PROVEN)


@versions
def test_a_wrong_answer_behind_our_own_certificate_is_no_proof(newest: ssl.TLSVersion) -> None:
    server = TlsServer(server_context(CERTIFICATE, PRIVATE_KEY, newest), NOT_FOUND)
    assert talk(asking(), server)[0] == foreign("HTTP status 404", kind="server", server="nginx")


@versions
@sizes
def test_a_box_between_that_passes_everything_on_is_seen_from_both_ends(newest: ssl.TLSVersion, size: int) -> None:
    box = Interceptor(answering(newest), passes_on=True, newest=newest)
    reply, dummy = talk(asking(), box, size)
    assert reply == foreign("another certificate", OTHER, kind="certificate")
    assert box.listener[-1].complete
    assert {turn.asked for turn in box.listener} == {Asked(3, 443)}


@versions
@sizes
def test_a_box_between_that_keeps_the_token_to_itself_is_a_stranger_to_the_listener(
    newest: ssl.TLSVersion, size: int
) -> None:
    box = Interceptor(answering(newest), passes_on=False, newest=newest)
    reply, dummy = talk(asking(), box, size)
    assert reply == foreign("another certificate", OTHER, kind="certificate")
    assert box.listener == []


@versions
@sizes
def test_a_box_between_shows_by_the_name_whose_question_it_passes_on(newest: ssl.TLSVersion, size: int) -> None:
    box = Interceptor(answering(newest), passes_on=False, newest=newest)
    reply, dummy = talk(asking(host=https.name_with_token(SESSION, 3, 443, HOST)), box, size)
    assert reply == foreign("another certificate", OTHER, kind="certificate")
    assert box.listener == [Turn(b"", Asked(3, 443, passed_on=True), complete=True)]


@pytest.mark.parametrize("name", ["", "meet.example.com", f"{24 * 'a'}.meet.example.com", f"x{SESSION.label(3, 443)}"])
def test_another_name_shows_nothing(name: str) -> None:
    client = TlsClient(["h2"], [], ssl.TLSVersion.TLSv1_3, name=name or None)
    with pytest.raises(StrangerError):
        answering().receive(client.start())


@pytest.mark.parametrize("host", ["203.0.113.10", "2001:db8::10", "fe80::1%eth0", ".".join(["x" * 58] * 4)])
def test_where_no_name_can_have_a_token_there_is_none(host: str) -> None:
    assert https.name_with_token(SESSION, 3, 443, host) == ""


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"", "the end of the connection"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", '"HTTP/1.1 400 Bad Request"'),
        (b"SSH-2.0-OpenSSH_9.2\r\n", '"SSH-2.0-OpenSSH_9.2"'),
        (b"\x00\x20" * 20, "40 bytes"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "TLS that fails (sslv3 alert handshake failure)"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS that fails (tlsv1 alert protocol version)"),
        (b"\x15\x03\x03\x00\x02\x02\x70", "TLS that fails (tlsv1 unrecognized name)"),
        (b"\x15\x03\x03\x00\x02\x02\x78", "TLS alert 120"),
        (b"\x16\x03\x03\x00\x04\x0b\x00\x00\x00", "TLS that fails (unexpected message)"),
        (b"\x16\x03\x03\x00\x04\x00\x00\x00\x00", "half a TLS handshake"),
        (b"\x16\x03\x03", "half a TLS handshake"),
        (b"\x15\x03\x03\x00", "half a TLS handshake"),
    ],
)
def test_what_is_no_tls_connection_is_told(answer: bytes, what: str) -> None:
    end = asking()
    assert end.start()
    to_send, reply = end.receive(answer)
    if reply is None:
        to_send, reply = end.receive(b"")
    assert reply == foreign(what)


@versions
def test_a_connection_that_ends_within_its_handshake_is_told(newest: ssl.TLSVersion) -> None:
    length = len(answering(newest).receive(asking().start()).send)
    for place in range(1, length - 10, 97):
        end = asking()
        first = answering(newest).receive(end.start()).send
        assert end.receive(first[:place])[1] is None
        assert end.receive(b"")[1] == foreign("half a TLS handshake")


@versions
def test_our_own_hello_sent_back_is_no_answer(newest: ssl.TLSVersion) -> None:
    end = asking()
    reply = end.receive(end.start())[1]
    assert reply == foreign("the question itself, sent back")
    assert newest


@versions
def test_an_answer_without_an_end_is_cut_off(newest: ssl.TLSVersion) -> None:
    endless = TlsServer(server_context(CERTIFICATE, PRIVATE_KEY, newest), b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1 << 20))
    assert talk(asking(), endless, 1000)[0] == foreign("HTTP status 200", kind="server")


@pytest.mark.parametrize("junk", [b"\x16\x03\x03\x40\x00", b"\x14\x03\x03\x00\x01\x01" * 20, b"\x17\x03\x03\x00\x00"])
def test_a_handshake_without_an_end_is_cut_off(junk: bytes) -> None:
    end, taken = asking(), 0
    end.start()
    reply = None
    while reply is None:
        assert taken < 100_000
        reply = end.receive(junk + bytes(1000))[1]
        taken += 1000
    assert reply.outcome is Outcome.FOREIGN


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("meet.example.com", b"meet.example.com"),
        ("meet.example.com.", b"meet.example.com"),
        ("bücher.example", b"xn--bcher-kva.example"),
    ],
)
def test_a_name_is_told_to_the_server_as_the_rfc_has_it(host: str, name: bytes) -> None:
    # RFC 6066, section 3: the extension and the list, both with their lengths, the type host_name, the name
    entry = b"\0" + len(name).to_bytes(2, "big") + name
    listed = len(entry).to_bytes(2, "big") + entry
    assert b"\0\0" + len(listed).to_bytes(2, "big") + listed in asking(host=host).start()


def test_what_is_no_name_is_not_told_to_the_server() -> None:
    label = 64 * "x"
    assert label.encode("ascii") not in asking(host=f"{label}.example").start()


@pytest.mark.parametrize("host", ["203.0.113.10", "2001:db8::10", "fe80::1%eth0"])
def test_an_address_is_no_name_to_tell_the_server(host: str) -> None:
    hello = asking(host=host).start()
    assert host.partition("%")[0].encode("ascii") not in hello


def test_the_hello_offers_the_token_as_one_more_protocol() -> None:
    assert _tls.application_protocols(asking().start()) == [b"http/1.1", TOKEN.encode("ascii")]


@pytest.mark.parametrize("certificate", ["", "none", OTHER_PRIVATE_KEY])
def test_a_session_without_a_certificate_cannot_ask(certificate: str) -> None:
    with pytest.raises(PreflightError, match=r"session\.certificate is none, and https needs one; take lookup\("):
        asking(SESSION._replace(certificate=certificate))


def test_a_session_without_a_certificate_needs_no_tls() -> None:
    assert https.server_context(Session(*SESSION[:2])) is None


@pytest.mark.parametrize(
    ("certificate", "private_key"),
    [
        (CERTIFICATE, ""),
        (CERTIFICATE, OTHER_PRIVATE_KEY),
        (CERTIFICATE, PRIVATE_KEY[:100]),
        ("none", PRIVATE_KEY),
        ("é", "é"),
        (PRIVATE_KEY, CERTIFICATE.replace("M", "N")),
    ],
)
def test_a_certificate_that_does_not_work_is_one_sentence(certificate: str, private_key: str) -> None:
    with pytest.raises(PreflightError) as raised:
        https.server_context(SESSION._replace(certificate=certificate, private_key=private_key))
    assert str(raised.value).startswith("session.certificate and session.private_key do not work; take lookup(")
    assert PRIVATE_KEY not in str(raised.value)


@pytest.mark.parametrize("private_key", [PRIVATE_KEY, OTHER_PRIVATE_KEY])
def test_the_private_key_is_left_nowhere(private_key: str) -> None:
    before = os.listdir("/proc/self/fd")
    try:
        https.server_context(SESSION._replace(private_key=private_key))
    except PreflightError:
        assert private_key == OTHER_PRIVATE_KEY
    assert os.listdir("/proc/self/fd") == before


def test_a_certificate_is_known_by_the_sum_of_its_bytes() -> None:
    assert https.fingerprint(OTHER) == hashlib.sha256(OTHER).hexdigest()
    assert https.fingerprint(OTHER) != https.fingerprint(ssl.PEM_cert_to_DER_cert(CERTIFICATE))
