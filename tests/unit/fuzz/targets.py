# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be thrown at each parser of bytes from the network, and what has to hold whatever it is.

A target takes any bytes and raises AssertionError, or something that no caller expects, where there is a bug. The same
targets are run by hypothesis and by atheris. Their seeds are messages that the collection makes itself.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import hmac
import ipaddress
import json
import random
import ssl
import struct
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils import _stun, _tls
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import Evidence
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import (
    http,
    https,
    ice_tcp,
    stream,
    stun,
    visit,
)
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import (
    Answering,
    Asked,
    Asking,
    Outcome,
    Reply,
    StrangerError,
    Turn,
)
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.transactions import Transactions
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import tap
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.visits import Visits
from ansible_collections.plugnmeet.server.plugins.module_utils._probe import icmp
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import parse_requirements
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session
from ansible_collections.plugnmeet.server.plugins.plugin_utils import _report, _sides, _verdict, _visitors
from ansible_collections.plugnmeet.server.plugins.plugin_utils._certificate import read_certificate
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.certificates import (
    CERTIFICATE,
    OTHER_CERTIFICATE,
    OTHER_PRIVATE_KEY,
    PRIVATE_KEY,
)
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.streams import TlsClient, TlsServer

# The session that most seeds are of, another listener's with another secret, and one that no listener has.
SESSION = Session("3YbqWm0c8PdTzVnA", "QpN4vX7k2LsWc9RfTz1BdYh6MgJ8aEuK", CERTIFICATE, PRIVATE_KEY)
STRANGER = Session("3YbqWm0c8PdTzVnA", "GivrOz9EGuG84EY92g0ZCGXmqNuPYUVl", OTHER_CERTIFICATE, OTHER_PRIVATE_KEY)
UNKNOWN = Session("0000000000000000", "jV0qkD6sRyhBTnZ2aXw8LcP5uGmE1o3I")
HOST = "meet.example.com"
PROBER, LISTENER = ("198.51.100.2", 40_000), ("203.0.113.10", 443)
PORT, VANTAGE = LISTENER[1], 3
TRANSACTION, TIE_BREAKER = b"transaction1", b"tie-brkr"
TOKEN = SESSION.token(VANTAGE, PORT)
PROOF = SESSION.key_authorization(TOKEN).encode("ascii")

FLOOD = 1 << 20  # bytes that a stream goes on with
HELD = 40_000  # bytes that one end of it may keep, of which the last piece may be 16,384
HELD_OF_TLS = 100_000  # for a certificate may be long
HELD_OF_VISITOR = visit.LONGEST_RESULT + HELD

Run = t.Callable[[bytes], None]


class Target(t.NamedTuple):
    """A parser: what to do with any bytes, and bytes to begin with."""

    run: Run
    seeds: list[bytes]


# How bytes become what a parser wants


class _Bytes:
    """Takes choices from the front of some bytes; where they are used up, every choice is the first one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return max(0, len(self._data) - self._at)

    def take(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int = 1) -> int:
        return int.from_bytes(self.take(size), "big")

    def of(self, things: t.Sequence[t.Any]) -> t.Any:
        return things[self.number() % len(things)]


def _pieces(data: bytes) -> list[bytes]:
    """A stream, cut in the way that its first byte says."""
    size = (1, 2, 3, 7, 64, 500, 5000, 1 << 20)[data[0] % 8] if data else 1
    return [data[at : at + size] for at in range(1, len(data), size)]


def _held(end: t.Any) -> int:
    """How many bytes an end of a stream keeps."""
    count = 0
    for value in vars(end).values():
        if isinstance(value, bytes):
            count += len(value)
        elif isinstance(value, ssl.MemoryBIO):
            count += value.pending
        elif isinstance(value, (http.Asking, http.Answering)):
            count += _held(value)
    return count


def _most(end: t.Any) -> int:
    if isinstance(end, visit.Hosting):
        return HELD_OF_VISITOR
    return HELD_OF_TLS if isinstance(end, https.Asking) else HELD


def _listen(end: Answering, data: bytes) -> list[Turn]:
    """What the listener's end does until it hangs up, and that it does not keep what goes on and on."""
    turns: list[Turn] = []
    try:
        for piece in [*_pieces(data), *[bytes(1 << 14)] * (FLOOD >> 14)]:
            turns.append(end.receive(piece))
            assert _held(end) <= _most(end)
            if turns[-1].complete:
                break
    except StrangerError:
        pass
    asked = [turn.asked for turn in turns]
    assert asked == sorted(asked, key=lambda each: each is not None)
    assert not any(turn.send for turn in turns if turn.asked is None)
    return turns


def _ask(end: Asking, data: bytes) -> Reply:
    """What the prober's end makes of a stream and its end; it keeps no more than it has to."""
    assert end.start()
    reply = None
    for piece in [*_pieces(data), b""]:
        reply = end.receive(piece)[1]
        assert _held(end) <= _most(end)
        if reply is not None:
            break
    assert reply is not None
    _is_safe(reply)
    return reply


def _goes_on(end: Asking, data: bytes) -> None:
    """That the prober's end has had enough some time."""
    end.start()
    for piece in [*_pieces(data), *[bytes(1 << 14)] * (FLOOD >> 14)]:
        if end.receive(piece)[1] is not None:
            return
        assert _held(end) <= _most(end)
    raise AssertionError("it never has enough")


def _is_safe(reply: Reply) -> None:
    for address in filter(None, (reply.mapped, reply.origin)):
        ipaddress.ip_address(address[0])
        assert 0 <= address[1] <= 65535
    assert (reply.outcome is Outcome.FOREIGN) == ("what" in reply.about)


# STUN


def _attributes(data: bytes) -> list[tuple[int, bytes]]:
    """Attributes that are well formed, of any kind and content."""
    rest, found = _Bytes(data), []
    while rest.left and len(found) < 40:
        kind = rest.of((*_KINDS, None))
        kind = rest.number(2) if kind is None else kind
        found.append((kind, rest.take(rest.number())))
    return found


_KINDS = (
    _stun.USERNAME,
    _stun.PRIORITY,
    _stun.USE_CANDIDATE,
    _stun.ICE_CONTROLLING,
    _stun.XOR_MAPPED_ADDRESS,
    _stun.RESPONSE_ORIGIN,
    _stun.MESSAGE_INTEGRITY,
    _stun.FINGERPRINT,
    _stun.ERROR_CODE,
    _stun.UNKNOWN_ATTRIBUTES,
)


def stun_parse(data: bytes) -> None:
    """The codec."""
    try:
        message = _stun.parse(data)
    except _stun.StunError:
        return
    assert len(data) % 4 == 0
    assert len(message.transaction_id) == 12
    assert all(len(value) <= len(data) - 24 for value in message.attributes.values())
    for at in (message.integrity_at, message.fingerprint_at):
        assert at == -1 or 20 <= at <= len(data) - 8
    assert not _stun.is_authentic(data, message, STRANGER.key)
    _stun.has_fingerprint(data, message)


def stun_answer(data: bytes) -> None:
    """The listener's datagram: somebody else's, or one of the session with any attributes."""
    assert stun.answer(data, STRANGER, PROBER, LISTENER) is None
    prober = ("2001:db8::2", 1) if data[:1] > b"\x7f" else PROBER
    username = (_stun.USERNAME, SESSION.id.encode("ascii") + b":" + data[1:3])
    signed = _stun.build(_stun.BINDING_REQUEST, TRANSACTION, [username, *_attributes(data[3:])], SESSION.key)
    for question in (data, signed):
        answered = stun.answer(question, SESSION, prober, LISTENER)
        if answered:
            reply, asked = answered
            assert len(reply) <= len(question)
            assert _stun.is_authentic(reply, _stun.parse(reply), SESSION.key)
            assert asked[:2] == (None, None) or asked.vantage in range(100)


def stun_check(data: bytes) -> None:
    """The prober's datagram: somebody else's, or one of the session with any attributes."""
    assert stun.check(data, STRANGER, PORT, TRANSACTION).outcome is Outcome.FOREIGN
    signed = _stun.build(_stun.BINDING_SUCCESS, TRANSACTION, _attributes(data), SESSION.key)
    for reply in (data, signed):
        checked = stun.check(reply, SESSION, PORT, TRANSACTION)
        _is_safe(checked)
        assert checked.outcome is Outcome.FOREIGN or _stun.is_authentic(reply, _stun.parse(reply), SESSION.key)


_QUESTION = stun.ask(SESSION, VANTAGE, PORT, TRANSACTION, TIE_BREAKER)
_ANSWER = (stun.answer(_QUESTION, SESSION, PROBER, LISTENER) or (b"",))[0]
_ANSWER_6 = (stun.answer(_QUESTION, SESSION, ("2001:db8::2", 1), ("2001:db8::10", PORT)) or (b"",))[0]
_REFUSAL = _stun.build(_stun.BINDING_ERROR, TRANSACTION, [(_stun.ERROR_CODE, _stun.pack_error(420, ""))], SESSION.key)
_STUN = [_QUESTION, _ANSWER, _ANSWER_6, _REFUSAL, stun.ask(UNKNOWN, VANTAGE, PORT, TRANSACTION, TIE_BREAKER)]


# ICE over TCP


def ice_tcp_unframe(data: bytes) -> None:
    """A frame."""
    try:
        message = ice_tcp.unframe(data)
    except ValueError:
        return
    if message is not None:
        assert data.startswith(ice_tcp.frame(message))
        assert len(message) <= ice_tcp.LONGEST


def ice_tcp_answering(data: bytes) -> None:
    """The listener's stream."""
    assert not any(turn.send for turn in _listen(ice_tcp.Answering(STRANGER, PROBER, LISTENER, Transactions()), data))
    for turn in _listen(ice_tcp.Answering(SESSION, PROBER, LISTENER, Transactions()), data):
        assert len(turn.send) <= max(len(data), 2)


def ice_tcp_asking(data: bytes) -> None:
    """The prober's stream. No answer made before can be the proof, for every question is another."""
    assert _ask(ice_tcp.Asking(SESSION, VANTAGE, PORT), data).outcome is Outcome.FOREIGN
    _goes_on(ice_tcp.Asking(SESSION, VANTAGE, PORT), data)


# The web


def http_answering(data: bytes) -> None:
    """The listener's stream: somebody else's, or one of the session with any headers."""
    assert not any(turn.send for turn in _listen(http.Answering(STRANGER, PORT), data))
    line = f"GET {http.PATH}{TOKEN} HTTP/1.1\r\n".encode("ascii")
    for said in (data, data[:1] + line + data[1:]):
        turns = _listen(http.Answering(SESSION, PORT), said)
        sent = b"".join(turn.send for turn in turns)
        assert not sent or (sent.endswith(PROOF) and TOKEN.encode("ascii") in said and turns[-1].complete)


def http_asking(data: bytes) -> None:
    """The prober's stream."""
    reply = _ask(http.Asking(SESSION, VANTAGE, PORT, HOST), data)
    assert reply.outcome is Outcome.FOREIGN or PROOF in data
    _goes_on(http.Asking(SESSION, VANTAGE, PORT, HOST), data)
    assert _ask(http.Asking(STRANGER, VANTAGE, PORT, HOST), data).outcome is Outcome.FOREIGN


_context = functools.lru_cache(maxsize=None)(https.server_context)


def tls_hello(data: bytes) -> None:
    """A ClientHello."""
    try:
        found = _tls.application_protocols(data)
    except _tls.TlsError:
        return
    assert found is None or sum(map(len, found)) < len(data)
    if found is not None and len(data) < _tls.LONGEST:
        assert _tls.application_protocols(data + b"\xff") == found
    for end in range(0, len(data), 1 + len(data) // 8):
        assert _tls.application_protocols(data[:end]) in (None, found)
    with contextlib.suppress(_tls.TlsError):
        name = _tls.server_name(data)
        assert (name is None) == (found is None)
        assert SESSION.read_label(name or b"") is None


def https_answering(data: bytes) -> None:
    """The listener's stream: not one byte of its own, and no memory, for who has no token."""
    context = _context(SESSION)
    assert context
    stranger = _context(STRANGER)
    assert stranger
    assert not any(turn.send for turn in _listen(https.Answering(STRANGER, PORT, stranger), data))
    turns = _listen(https.Answering(SESSION, PORT, context), data)
    assert PROOF not in b"".join(turn.send for turn in turns)
    assert all(turn.asked in (None, Asked(VANTAGE, PORT)) for turn in turns) or TOKEN.encode("ascii") not in data


def https_answering_inside(data: bytes) -> None:
    """The listener's stream for who has the token and comes through TLS."""
    context = _context(SESSION)
    assert context
    end = https.Answering(SESSION, PORT, context)
    newest = ssl.TLSVersion.TLSv1_2 if data[:1] > b"\x7f" else ssl.TLSVersion.TLSv1_3
    client = TlsClient(["http/1.1", TOKEN], _pieces(data), newest)
    to_listener = client.start()
    with contextlib.suppress(StrangerError):
        while to_listener:
            turn = end.receive(to_listener)
            assert turn.asked == Asked(VANTAGE, PORT)
            assert _held(end) <= _most(end)
            to_listener = client.receive(turn.send)[0] if turn.send and not turn.complete else b""
            if turn.complete and turn.send:
                client.receive(turn.send)
    assert not client.heard or (client.heard.endswith(PROOF) and TOKEN.encode("ascii") in data)


def https_asking(data: bytes) -> None:
    """The prober's stream. Nobody who does not know what it says can go on with its TLS."""
    assert _ask(https.Asking(SESSION, VANTAGE, PORT, HOST), data).outcome is Outcome.FOREIGN
    _goes_on(https.Asking(SESSION, VANTAGE, PORT, HOST), data)


def https_asking_inside(data: bytes) -> None:
    """The prober's stream from a server that speaks TLS, with our certificate or with another."""
    ours = data[:1] < b"\x80"
    context = _context(SESSION if ours else STRANGER)
    assert context
    server = TlsServer(context, data[1:])
    end = https.Asking(SESSION, VANTAGE, PORT, HOST)
    to_server, reply = end.start(), None
    while reply is None:
        turn = server.receive(to_server) if to_server else Turn(complete=True)
        for piece in (turn.send, *([b""] if turn.complete else [])):
            if reply is None and (piece or turn.complete):
                to_server, reply = end.receive(piece)
        assert _held(end) <= _most(end)
    _is_safe(reply)
    assert reply.outcome is Outcome.FOREIGN or (ours and PROOF in data)
    assert bool(reply.certificate) == (not ours)


def first_byte(data: bytes) -> None:
    """What the listener makes of a connection by its first bytes."""
    if not data[1:]:
        return
    with contextlib.suppress(StrangerError):
        end = _answerers(STRANGER).answering(data[1:], PROBER, LISTENER)
        assert not any(turn.send for turn in _listen(end, data))


_answerers = functools.lru_cache(maxsize=None)(stream.Answerers)

_WEB_QUESTION = http.Asking(SESSION, VANTAGE, PORT, HOST).start()
_WEB_ANSWER = http.Answering(SESSION, PORT).receive(_WEB_QUESTION).send
_WEB_ANSWERS = [
    _WEB_ANSWER,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5b\r\n" + PROOF + b"\r\n0\r\n\r\n",
    b"HTTP/1.0 302 Found\r\nLocation: http://login.example/\r\nServer: x\r\nVia: 1.1 y\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 301 x\r\nLocation: //[::1]:80/\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n" + PROOF,
    b"HTTP/1.1 511 x\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
]
_HELLO = https.Asking(SESSION, VANTAGE, PORT, HOST).start()
_HELLOS = [
    _HELLO,
    TlsClient(["h2", "http/1.1"], [], ssl.TLSVersion.TLSv1_3).start(),
    TlsClient([TOKEN], [], ssl.TLSVersion.TLSv1_2).start(),
    _HELLO[:3] + b"\0\x20" + _HELLO[5:37] + _HELLO[:3] + (len(_HELLO) - 37).to_bytes(2, "big") + _HELLO[37:],
]
_SERVER_HELLO = TlsServer(t.cast("ssl.SSLContext", _context(STRANGER)), b"").receive(_HELLO).send
_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"


def _cut(*streams: bytes) -> list[bytes]:
    """Streams with a byte in front that says how they are cut."""
    return [bytes((way,)) + stream for stream in streams for way in (0, 7, 0x87)]


# Visitors


def visit_hosting(data: bytes) -> None:
    """The listener's stream in a visit: only who knows the path, or has a token, gets a byte."""
    for said in (data, data[:1] + b"POST " + _VISIT_PATH + b" HTTP/1.1\r\n" + data[1:]):
        visits = Visits(SESSION, lambda: 0.0)
        turns = _listen(visit.Hosting(SESSION, b"page", visits, PROBER, PORT), said)
        sent = b"".join(turn.send for turn in turns)
        assert not sent or _VISIT_PATH in said or TOKEN.encode("ascii") in said
        assert all(text["text"].isprintable() for text in visits.facts()["texts"])


def visit_result(data: bytes) -> None:
    """What a visitor brings at the end: without the secret it is nothing; with it, it may be anything."""
    visits = Visits(SESSION, lambda: 0.0)
    assert not visits.result(data)
    key = SESSION.visit_secret.encode("ascii")
    visits.result(hmac.new(key, b"result " + data, hashlib.sha256).hexdigest().encode("ascii") + b":" + data)
    facts = json.loads(json.dumps(visits.facts()))
    rows = _visitors.witnesses(facts, {"ipv4": LISTENER[0]}, "nobody came", _TABLE)
    stopped = {**_STOPPED, "visitors": facts["visitors"], "texts": facts["texts"]}
    probes, stopped = _visitors.hear(rows, stopped, _TABLE)
    for probe in probes:
        _sides.read_vantage(probe["item"], probe["vantage"], probe, stopped)


_VISIT_PATH = SESSION.visit_path.encode("ascii")
_RESULT = {
    "visitor": "aB3dE6gH",
    "agent": "Chrome on Windows",
    "families": {"ipv4": {"udp": "50000o99s", "tcp": "443o"}},
}
_RESULTS = [json.dumps(result).encode("utf-8") for result in (_RESULT, {**_RESULT, "trouble": "no way", "families": 7})]
_VISITS = [
    b"GET " + _VISIT_PATH + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST " + _VISIT_PATH + b' HTTP/1.1\r\nContent-Length: 9\r\n\r\n0:{"a":1}',
    b"test\n",
    _WEB_QUESTION,
]


# What the kernel brings


def tap_frame(data: bytes) -> None:
    """A frame of the network card."""
    for where in ("arrived", "passed", "left"):
        frame = tap.read_frame(data, where)
        if frame is None:
            continue
        assert frame.kind in {"udp", "syn", "syn-ack"}
        assert frame.where == where
        assert data.endswith(frame.payload)
        for ip, port in (frame.source, frame.destination):
            ipaddress.ip_address(ip)
            assert 0 <= port <= 65535
        assert 0 <= frame.mss <= 65535


def icmp_error(data: bytes) -> None:
    """An entry of the kernel's error queue."""
    rejection = icmp._read(data, PORT)
    if rejection:
        assert rejection.port == PORT
        assert rejection.by.isprintable()
        ipaddress.ip_address(rejection.offender)


def _ipv4(protocol: int, payload: bytes) -> bytes:
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, b"\xc6\x33\x64\2", b"\xcb\0\x71\n"
    )
    return head + payload


def _ipv6(protocol: int, payload: bytes) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + bytes(15) + b"\1" + bytes(15) + b"\2" + payload


_UDP = struct.pack("!HHHH", 40_000, PORT, 8 + len(_QUESTION), 0) + _QUESTION
_SYN = struct.pack("!HHIIBBHHHHH", 40_000, PORT, 1, 0, 0x60, 0x02, 512, 0, 0, 0x0204, SESSION.mark(VANTAGE))
_SYN_ACK = struct.pack("!HHIIBBHHH", PORT, 40_000, 1, 1, 0x50, 0x12, 512, 0, 0)
_ERRORS = [
    struct.pack("=IBBBBII", 111, 2, 3, 3, 0, 0, 0) + struct.pack("=HH4s8x", 2, 0, b"\xc6\x33\x64\1"),
    struct.pack("=IBBBBII", 111, 3, 1, 4, 0, 0, 0) + struct.pack("=HHI16sI", 10, 0, 0, bytes(15) + b"\1", 0),
    struct.pack("=IBBBBII", 1, 1, 0, 0, 0, 0, 0) + bytes(16),
]


# The controller


_T = t.TypeVar("_T")


def _unless_refused(read: t.Callable[[], _T]) -> _T | None:
    """What was read; None for what was refused, which takes one sentence that can be shown."""
    try:
        return read()
    except PreflightError as error:
        sentence = str(error)
    assert sentence.isprintable()
    assert len(sentence) < 1000
    return None


def _edited(good: t.Any, data: bytes) -> t.Any:
    """What a module may have returned: something good, with values replaced, renamed and left out as the bytes say."""
    rest, whole = _Bytes(data), [copy.deepcopy(good)]
    while rest.left and whole:
        place: t.Any = whole
        key: t.Any = 0
        for dummy in range(rest.number() % 8):
            inside = place[key]
            if not inside or not isinstance(inside, (dict, list)):
                break
            place, key = inside, rest.of(sorted(inside) if isinstance(inside, dict) else range(len(inside)))
        what = rest.number() % 5
        if what < 2:
            place[key] = _value(rest, 0)
        elif what < 4 and isinstance(place, dict):
            place[rest.of(_WORDS) if what == 2 else _UNPRINTABLE] = place.pop(key)
        else:
            del place[key]
    return whole[0] if whole else None


def _value(rest: _Bytes, depth: int) -> t.Any:
    kind = rest.number() % 10
    if kind < 3 and depth < 5:
        return {rest.of(_WORDS): _value(rest, depth + 1) for dummy in range(rest.number() % 12)}
    if kind < 5 and depth < 5:
        return [_value(rest, depth + 1) for dummy in range(rest.number() % 4)]
    if kind < 7:
        return rest.of(_WORDS)
    if kind == 7:
        return rest.take(rest.number()).decode("latin-1")
    return rest.of((None, True, False, 0, 1, -1, 2**70, 1.5, float("nan"), float("inf"), "", [], {}))


_UNPRINTABLE = "\x1b[2J\n\u202e\ud800"
_WORDS = (
    *("seen", "protocol", "family", "vantage", "ports", "detail", "open", "foreign", "moved", "rejected", "unsent"),
    *(
        "accepted",
        "received",
        "arrived",
        "left",
        "answered",
        "unanswered",
        "udp",
        "tcp",
        "ipv4",
        "ipv6",
        "443",
        "1-999",
    ),
    *("what", "kind", "certificate", "portal", "proxy", "redirect", "changed", "server", "via", "to", "by", "reason"),
    *("offender", "route", "none", "started", "stopped", "probed", "stages", "in_use", "port", "holder", "process"),
    *(
        "pid",
        "unit",
        "nginx.service",
        "running",
        "tap",
        "usable",
        "lost",
        "evidence",
        "sources",
        "address",
        "addresses",
    ),
    *("source", "local", "destination", "certificates", "unresolved", "failed", "msg", "services", "was", "now"),
    *(
        "quiesced",
        "restored",
        "203.0.113.10",
        "2001:db8::10",
        "::ffff:10.0.0.1%\x1b[2J",
        _UNPRINTABLE,
        "x" * 400,
    ),
    *("{subject}", "{{ 7 * 6 }}", "12ab", OTHER_CERTIFICATE),
)


def evidence(data: bytes) -> None:
    """What both sides saw, as it comes from them."""
    found = _unless_refused(lambda: Evidence.from_list(_edited(_SAW, data)))
    if found is None:
        return
    rows = found.to_list()
    assert Evidence.from_list(rows).to_list() == rows
    assert all(
        text.isprintable() and len(text) <= 300 for row in rows for pair in row["detail"].items() for text in pair
    )


_TABLE = parse_requirements(
    [
        {"name": "web", "protocol": "tcp", "ports": "443", "speaks": "https"},
        {"name": "media", "protocol": "udp", "ports": "1-9,50000-50099"},
    ]
)


def controller(data: bytes) -> None:
    """All that comes back from target and probers, up to the report and the screen."""
    value = _edited(_FACTS, data)
    facts: dict[str, t.Any] = value if isinstance(value, dict) else {}
    # That a result is a dict is Ansible's own doing.
    started, stopped, probed, stages = (
        facts[key] if isinstance(facts.get(key), dict) else {} for key in ("started", "stopped", "probed", "stages")
    )
    sides = _unless_refused(
        lambda: (_sides.read_target(started, stopped), _sides.read_vantage("ext", 0, probed, stopped))
    )
    if sides is None:
        return
    target, vantage = sides
    services = _sides.read_services(stages)
    checks = _verdict.decide(_TABLE, [vantage], target, True)
    report = _report.build("meet1", HOST, checks, [vantage], services, 1.0)
    screen = _report.render(report, checks, [vantage], 0.0, "meet1.json")
    assert screen.replace("\n", "").isprintable()
    assert json.dumps(report, ensure_ascii=False, allow_nan=False).isprintable()
    assert len(screen) < 100_000
    claimed = vantage.evidence.all("open", "tcp", "ipv4") | vantage.evidence.all("open", "tcp", "ipv6")
    web = [check for check in checks if check.requirement.name == "web"]
    assert all(check.verdict != "passed" or 443 in claimed for check in web)


def certificate(data: bytes) -> None:
    """A certificate of whoever answered."""
    for pem in (ssl.DER_cert_to_PEM_cert(data), data.decode("latin-1")):
        told = read_certificate(pem)
        assert set(told) == {"subject", "issuer", "expires"}
        assert all(text.isprintable() and 0 < len(text) <= 300 for text in told.values())


_SEEN = {"protocol": "tcp", "family": "ipv4", "vantage": 0, "ports": "443"}
_ABOUT = {"what": "another certificate", "kind": "certificate", "certificate": "12ab", "server": "x", "via": "y"}
_SAW = [
    {**_SEEN, "seen": "foreign", "detail": _ABOUT},
    {**_SEEN, "seen": "open", "protocol": "udp", "ports": "1-9,50000-50098", "detail": {}},
    {**_SEEN, "seen": "rejected", "detail": {"by": "ICMP admin prohibited", "offender": "198.51.100.1"}},
]
_PROBED = {
    "unresolved": "",
    "addresses": {"ipv4": "203.0.113.10"},
    "source": {"ipv4": "198.51.100.2"},
    "local": {"ipv4": "192.0.2.7"},
    "destination": {"ipv4": "10.0.0.5"},
    "certificates": {"12ab": OTHER_CERTIFICATE},
    "evidence": _SAW,
}
_STOPPED = {
    "running": True,
    "tap": {"usable": True, "reason": "", "lost": 0},
    "evidence": [{**_SEEN, "seen": seen, "detail": {}} for seen in ("arrived", "received", "answered", "left")],
    "sources": [{"vantage": 0, "address": "198.51.100.2"}],
}
_HOLDER = {"process": "nginx", "pid": 7, "unit": "nginx.service"}
_STARTED = {
    "in_use": [
        {"protocol": protocol, "port": port, "holder": _HOLDER} for protocol, port in (("udp", 50_001), ("tcp", 80))
    ]
}
_UNIT = {"unit": "haproxy", "was": "active", "now": "inactive"}
_STAGES = {
    "quiesced": {"services": [_UNIT], "stopped": ["haproxy.service"]},
    "restored": {"services": [{**_UNIT, "now": "active"}]},
}
_FACTS = {"started": _STARTED, "stopped": _STOPPED, "probed": _PROBED, "stages": _STAGES}


_rng = random.Random(1)
_EDITS = [b"", *(_rng.randbytes(size) for size in (4, 8, 16, 32, 64, 128) for dummy in range(3))]

TARGETS = {
    "stun_parse": Target(stun_parse, _STUN),
    "stun_answer": Target(stun_answer, _STUN),
    "stun_check": Target(stun_check, _STUN),
    "ice_tcp_unframe": Target(ice_tcp_unframe, [ice_tcp.frame(message) for message in _STUN]),
    "ice_tcp_answering": Target(ice_tcp_answering, _cut(*(ice_tcp.frame(message) for message in _STUN))),
    "ice_tcp_asking": Target(ice_tcp_asking, _cut(*(ice_tcp.frame(message) for message in _STUN))),
    "http_answering": Target(http_answering, _cut(_WEB_QUESTION, http.Asking(UNKNOWN, 1, PORT, HOST).start())),
    "http_asking": Target(http_asking, _cut(*_WEB_ANSWERS)),
    "tls_hello": Target(tls_hello, _HELLOS),
    "https_answering": Target(https_answering, _cut(*_HELLOS)),
    "https_answering_inside": Target(https_answering_inside, _cut(_WEB_QUESTION)),
    "https_asking": Target(https_asking, _cut(_SERVER_HELLO, _ALERT, *_WEB_ANSWERS)),
    "https_asking_inside": Target(https_asking_inside, _cut(*_WEB_ANSWERS)),
    "first_byte": Target(first_byte, _cut(_HELLO, _WEB_QUESTION, ice_tcp.frame(_QUESTION))),
    "visit_hosting": Target(visit_hosting, _cut(*_VISITS)),
    "visit_result": Target(visit_result, _RESULTS),
    "tap_frame": Target(
        tap_frame, [ip(*what) for ip in (_ipv4, _ipv6) for what in ((17, _UDP), (6, _SYN), (6, _SYN_ACK))]
    ),
    "icmp_error": Target(icmp_error, _ERRORS),
    "evidence": Target(evidence, _EDITS),
    "controller": Target(controller, _EDITS),
    "certificate": Target(certificate, [ssl.PEM_cert_to_DER_cert(pem) for pem in (CERTIFICATE, OTHER_CERTIFICATE)]),
}
