# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The exchange of a media port: an ICE connectivity check (RFC 8445, section 7) over UDP.

The question is what a browser sends to LiveKit; the answer tells where the question came from and where it arrived.
In a sweep little differs from one question to the next, or from answer to answer. So who expects one writes it, and
compares: that takes half the time of taking it apart, which is left for all that is not as expected.
"""

from __future__ import annotations

import functools
import hmac
import struct

from .. import _stun
from .._session import USERNAME_LENGTH, Session
from .shapes import ECHO, Address, Asked, Outcome, Reply, describe, foreign

# Type preference of a peer-reflexive candidate, RFC 8445, sections 5.1.2 and 7.1.1.
_PRIORITY = struct.pack("!I", (110 << 24) + (65535 << 8) + 255)
_UNDERSTOOD = {
    _stun.USERNAME,
    _stun.MESSAGE_INTEGRITY,
    _stun.XOR_MAPPED_ADDRESS,
    _stun.PRIORITY,
    _stun.USE_CANDIDATE,
}

# Where a prober's question has what tells it from others: USERNAME comes first, and the port last in it.
_PORT = slice(_stun.HEADER_LENGTH + 4 + USERNAME_LENGTH - 5, _stun.HEADER_LENGTH + 4 + USERNAME_LENGTH)
_VANTAGE = slice(_PORT.start - 3, _PORT.start - 1)
_TIE_BREAKER = slice(64, 72)
_QUESTION_LENGTH = 104

# In the first byte of a transaction id: this port was asked before. What is answered at once needs no further evidence,
# so that the listener looks for the others only.
AGAIN = 0x01


def transaction_id(noise: bytes, again: bool) -> bytes:
    """Make a transaction id of twelve random bytes."""
    return bytes((noise[0] & ~AGAIN | again,)) + noise[1:]


def ask(session: Session, vantage: int, port: int, transaction_id: bytes, tie_breaker: bytes) -> bytes:
    """The question of `vantage` to `port`."""
    build, before, after = _question(session, vantage, tie_breaker)
    return build(transaction_id, b"%b%05d%b" % (before, port, after))


@functools.lru_cache(maxsize=16)
def _question(session: Session, vantage: int, tie_breaker: bytes) -> tuple[_stun.Builder, bytes, bytes]:
    """What questions have in common: what builds them, and their attributes before and after the number of the port."""
    attributes = (
        _stun.encode(_stun.USERNAME, session.username(vantage, 0))
        + _stun.encode(_stun.PRIORITY, _PRIORITY)
        + _stun.encode(_stun.ICE_CONTROLLING, tie_breaker)
    )
    build = _stun.builder(_stun.BINDING_REQUEST, len(attributes), session.key)
    return build, attributes[: _PORT.start - _stun.HEADER_LENGTH], attributes[_PORT.stop - _stun.HEADER_LENGTH :]


def _asked_as_expected(data: bytes, session: Session, port: int) -> Asked | None:
    """Who asks, if `data` is a prober's question that means `port`."""
    vantage = data[_VANTAGE]
    if len(data) != _QUESTION_LENGTH or not vantage.isdigit():
        return None
    question = ask(session, int(vantage), port, data[8:20], data[_TIE_BREAKER])
    return Asked(int(vantage), port) if hmac.compare_digest(data, question) else None


def answer(data: bytes, session: Session, source: Address, arrived_at: Address) -> tuple[bytes, Asked] | None:
    """Answer a question that came from `source` to `arrived_at`; return the answer, and who asks.

    None, which means silence, for everything that does not prove the session's secret. No answer is longer than its
    question, so that a forged source gains nothing.
    """
    asked = _asked_as_expected(data, session, arrived_at[1])
    if asked:
        return _success(source, arrived_at, data[8:20], session.key), asked
    try:
        message = _stun.parse(data)
    except _stun.StunError:
        return None
    username = message.attributes.get(_stun.USERNAME, b"")
    told = session.read_username(username)
    visiting = "" if told else session.read_visitor(username) or ""
    key = session.visit_secret.encode("ascii") if visiting else session.key
    if (
        message.type != _stun.BINDING_REQUEST
        or not (told or visiting or username.partition(b":")[0] == session.id.encode("ascii"))
        or not _stun.is_authentic(data, message, key)
    ):
        return None
    asked = Asked(*told) if told else Asked(None, None, visiting)
    unknown = [kind for kind in message.attributes if kind < 0x8000 and kind not in _UNDERSTOOD]
    if unknown:  # RFC 8489, section 6.3.1
        error = (
            (_stun.ERROR_CODE, _stun.pack_error(420, "")),
            (_stun.UNKNOWN_ATTRIBUTES, struct.pack(f"!{len(unknown)}H", *unknown)),
        )
        reply = _stun.build(_stun.BINDING_ERROR, message.transaction_id, error, key)
        return (reply, asked) if len(reply) <= len(data) else None
    reply = _success(source, arrived_at, message.transaction_id, key)
    if len(reply) > len(data):
        mapped = _mapped(source, message.transaction_id)
        reply = _stun.builder(_stun.BINDING_SUCCESS, len(mapped), key)(message.transaction_id, mapped)
    return (reply, asked) if len(reply) <= len(data) else None


def visitor(data: bytes, session: Session) -> str:
    """The name of the visitor who signed the question `data`, as the network card sees it; empty for anything else.

    One that was cut short proves nothing, and is nobody's.
    """
    try:
        message = _stun.parse(data)
    except _stun.StunError:
        return ""
    name = session.read_visitor(message.attributes.get(_stun.USERNAME, b"")) or ""
    key = session.visit_secret.encode("ascii")
    signed = message.type == _stun.BINDING_REQUEST and name and _stun.is_authentic(data, message, key)
    return name if signed else ""


def _success(source: Address, arrived_at: Address, transaction_id: bytes, key: bytes) -> bytes:
    """The answer to a question that came from `source` to `arrived_at`."""
    build, mapped, before, after = _answer(source, arrived_at[0], key)
    mapped = mapped or _mapped(source, transaction_id)
    return build(transaction_id, mapped + before + arrived_at[1].to_bytes(2, "big") + after)


@functools.lru_cache(maxsize=512)  # a visitor asks from some two hundred ports
def _answer(source: Address, ip: str, key: bytes) -> tuple[_stun.Builder, bytes, bytes, bytes]:
    """What answers have in common: what builds them, XOR-MAPPED-ADDRESS, and RESPONSE-ORIGIN around the port.

    XOR-MAPPED-ADDRESS is empty for IPv6, for there the transaction id is in it (RFC 8489, section 14.2).
    """
    mapped = _mapped(source, bytes(12))
    origin = _stun.encode(_stun.RESPONSE_ORIGIN, _stun.pack_address((ip, 0)))
    build = _stun.builder(_stun.BINDING_SUCCESS, len(mapped + origin), key)
    return build, b"" if ":" in source[0] else mapped, origin[:6], origin[8:]


def _mapped(source: Address, transaction_id: bytes) -> bytes:
    return _stun.encode(_stun.XOR_MAPPED_ADDRESS, _stun.xor_address(_stun.pack_address(source), transaction_id))


def check(data: bytes, session: Session, port: int, transaction_id: bytes, like: Reply | None = None) -> Reply:
    """Tell what `data` is worth as the reply to the question `transaction_id` that meant `port`.

    `like` is an earlier one, from the same address: what it says of both ends is expected of this one.
    """
    if like and like.mapped and like.origin:
        listener = (like.origin[0], port)
        if hmac.compare_digest(data, _success(like.mapped, listener, transaction_id, session.key)):
            return Reply(Outcome.PROVEN, like.mapped, listener)
    try:
        message = _stun.parse(data)
        if (message.type, message.transaction_id) == (_stun.BINDING_REQUEST, transaction_id):
            return foreign(ECHO)
        if (
            message.type != _stun.BINDING_SUCCESS
            or message.transaction_id != transaction_id
            or not _stun.is_authentic(data, message, session.key)
        ):
            return foreign(describe(data))
        mapped = _stun.unpack_address(
            _stun.xor_address(message.attributes.get(_stun.XOR_MAPPED_ADDRESS, b""), transaction_id)
        )
        origin = message.attributes.get(_stun.RESPONSE_ORIGIN)
        if origin is None:
            return Reply(Outcome.PROVEN, mapped)
        listener = _stun.unpack_address(origin)
    except _stun.StunError:
        return foreign(describe(data))
    return Reply(Outcome.PROVEN if listener[1] == port else Outcome.MOVED, mapped, listener)
