# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The exchange of a media port: an ICE connectivity check (RFC 8445, section 7) over UDP.

The question is what a browser sends to LiveKit; the answer tells where the question came from and where it arrived.
"""

from __future__ import annotations

import struct

from .. import _stun
from .._session import Session
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

# In the first byte of a transaction id: this port was asked before. What is answered at once needs no further evidence,
# so that the listener looks for the others only.
AGAIN = 0x01


def transaction_id(noise: bytes, again: bool) -> bytes:
    """Make a transaction id of twelve random bytes."""
    return bytes((noise[0] & ~AGAIN | again,)) + noise[1:]


def ask(session: Session, vantage: int, port: int, transaction_id: bytes, tie_breaker: bytes) -> bytes:
    """The question of `vantage` to `port`."""
    attributes = (
        (_stun.USERNAME, session.username(vantage, port)),
        (_stun.PRIORITY, _PRIORITY),
        (_stun.ICE_CONTROLLING, tie_breaker),
    )
    return _stun.build(_stun.BINDING_REQUEST, transaction_id, attributes, session.key)


def answer(data: bytes, session: Session, source: Address, arrived_at: Address) -> tuple[bytes, Asked] | None:
    """Answer a question that came from `source` to `arrived_at`; return the answer, and who asks.

    None, which means silence, for everything that does not prove the session's secret. No answer is longer than its
    question, so that a forged source gains nothing.
    """
    try:
        message = _stun.parse(data)
    except _stun.StunError:
        return None
    username = message.attributes.get(_stun.USERNAME, b"")
    told = session.read_username(username)
    visitor = "" if told else session.read_visitor(username) or ""
    key = session.visit_secret.encode("ascii") if visitor else session.key
    if (
        message.type != _stun.BINDING_REQUEST
        or not (told or visitor or username.partition(b":")[0] == session.id.encode("ascii"))
        or not _stun.is_authentic(data, message, key)
    ):
        return None
    asked = Asked(*told) if told else Asked(None, None, visitor)
    unknown = [kind for kind in message.attributes if kind < 0x8000 and kind not in _UNDERSTOOD]
    if unknown:  # RFC 8489, section 6.3.1
        error = (
            (_stun.ERROR_CODE, _stun.pack_error(420, "")),
            (_stun.UNKNOWN_ATTRIBUTES, struct.pack(f"!{len(unknown)}H", *unknown)),
        )
        reply = _stun.build(_stun.BINDING_ERROR, message.transaction_id, error, key)
        return (reply, asked) if len(reply) <= len(data) else None
    mapped = (_stun.XOR_MAPPED_ADDRESS, _stun.xor_address(_stun.pack_address(source), message.transaction_id))
    origin = (_stun.RESPONSE_ORIGIN, _stun.pack_address(arrived_at))
    reply = _stun.build(_stun.BINDING_SUCCESS, message.transaction_id, (mapped, origin), key)
    if len(reply) > len(data):
        reply = _stun.build(_stun.BINDING_SUCCESS, message.transaction_id, (mapped,), key)
    return (reply, asked) if len(reply) <= len(data) else None


def check(data: bytes, session: Session, port: int, transaction_id: bytes) -> Reply:
    """Tell what `data` is worth as the reply to the question `transaction_id` that meant `port`."""
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
