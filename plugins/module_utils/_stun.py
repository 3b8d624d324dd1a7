# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The STUN message codec (RFC 8489), with the attributes that ICE (RFC 8445) adds.

It knows how messages look and nothing of who may ask what: that is the exchange's business.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import ipaddress
import struct
import typing as t
import zlib

from ._errors import PreflightError

MAGIC_COOKIE = 0x2112A442  # RFC 8489, section 5
HEADER_LENGTH = 20
FINGERPRINT_XOR = 0x5354554E  # RFC 8489, section 14.7

# Message types: method Binding, with its class (RFC 8489, section 5)
BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101
BINDING_ERROR = 0x0111

# Attributes (RFC 8489, section 18.3; RFC 8445, section 20.2; RFC 5780, section 9.1)
USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
ERROR_CODE = 0x0009
UNKNOWN_ATTRIBUTES = 0x000A
XOR_MAPPED_ADDRESS = 0x0020
PRIORITY = 0x0024
USE_CANDIDATE = 0x0025
SOFTWARE = 0x8022
FINGERPRINT = 0x8028
ICE_CONTROLLED = 0x8029
ICE_CONTROLLING = 0x802A
RESPONSE_ORIGIN = 0x802B

HEADER = struct.Struct("!HHI12s")
_BEGINNING = struct.Struct("!HHI")  # up to the transaction id
_ATTRIBUTE = struct.Struct("!HH")
_INTEGRITY_LENGTH = 20
_BLOCK = 64  # bytes of SHA-1
_INTEGRITY_HEADER = _ATTRIBUTE.pack(MESSAGE_INTEGRITY, _INTEGRITY_LENGTH)
_FINGERPRINT_HEADER = _ATTRIBUTE.pack(FINGERPRINT, 4)
_COOKIE = struct.pack("!I", MAGIC_COOKIE)
_PAD = b"\0\0" + _COOKIE[:2] + _COOKIE

Address = t.Tuple[str, int]
Builder = t.Callable[[bytes, bytes], bytes]  # from transaction id and encoded attributes


class StunError(PreflightError):
    """The bytes are no STUN message."""


class Message(t.NamedTuple):
    """A parsed message; `integrity_at` and `fingerprint_at` are the offsets of those attributes, -1 for none."""

    type: int
    transaction_id: bytes
    attributes: dict[int, bytes]
    integrity_at: int
    fingerprint_at: int


def parse(data: bytes) -> Message:
    """Take a message apart.

    Of an attribute that appears twice the first counts, and what follows MESSAGE-INTEGRITY is ignored but for
    FINGERPRINT, which must be last (RFC 8489, sections 14, 14.5, 14.7).
    Raises StunError for anything that is not exactly one message.
    """
    if len(data) < HEADER_LENGTH:
        raise StunError("shorter than a STUN header")
    message_type, length, cookie, transaction_id = HEADER.unpack_from(data)
    if message_type & 0xC000 or cookie != MAGIC_COOKIE or length % 4 or length != len(data) - HEADER_LENGTH:
        raise StunError("no STUN header")
    attributes: dict[int, bytes] = {}
    integrity_at = fingerprint_at = -1
    offset, end = HEADER_LENGTH, len(data)
    while offset < end:
        kind, size = _ATTRIBUTE.unpack_from(data, offset)
        value = data[offset + 4 : offset + 4 + size]
        after = offset + 4 + size + (-size % 4)  # padded to 32 bits
        if after > end:
            raise StunError("an attribute is longer than its message")
        if kind == FINGERPRINT:
            if size != 4 or after != end:
                raise StunError("FINGERPRINT is not the last attribute")
            fingerprint_at = offset
        elif integrity_at >= 0:
            pass
        elif kind == MESSAGE_INTEGRITY:
            if size != _INTEGRITY_LENGTH:
                raise StunError("MESSAGE-INTEGRITY is not 20 bytes")
            integrity_at = offset
        else:
            attributes.setdefault(kind, value)
        offset = after
    return Message(message_type, transaction_id, attributes, integrity_at, fingerprint_at)


def encode(kind: int, value: bytes) -> bytes:
    """An attribute as it stands in a message (RFC 8489, section 14)."""
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def build(message_type: int, transaction_id: bytes, attributes: t.Sequence[tuple[int, bytes]], key: bytes) -> bytes:
    """Put a message together, signed with `key` and closed by a FINGERPRINT."""
    encoded = b"".join([encode(*attribute) for attribute in attributes])
    return builder(message_type, len(encoded), key)(transaction_id, encoded)


def builder(message_type: int, size: int, key: bytes) -> Builder:
    """Return what puts messages together that have `size` bytes of attributes; what all have in common is done once."""
    inner, outer = _keyed(key)
    inner = inner.copy()
    # Each check covers the header with a length that already counts its own attribute (RFC 8489, section 14.5).
    inner.update(_BEGINNING.pack(message_type, size + 24, MAGIC_COOKIE))
    beginning = _BEGINNING.pack(message_type, size + 32, MAGIC_COOKIE)

    def build_one(transaction_id: bytes, attributes: bytes) -> bytes:
        body = transaction_id + attributes
        message = beginning + body + _INTEGRITY_HEADER + _mac(inner, outer, body)
        return message + _FINGERPRINT_HEADER + (zlib.crc32(message) ^ FINGERPRINT_XOR).to_bytes(4, "big")

    return build_one


def is_authentic(data: bytes, message: Message, key: bytes) -> bool:
    """Tell whether `data`, parsed as `message`, was signed with `key` and arrived unharmed."""
    at = message.integrity_at
    if at < 0:
        return False
    signed = data[:2] + (at + 24 - HEADER_LENGTH).to_bytes(2, "big") + data[4:at]
    right = hmac.compare_digest(_mac(*_keyed(key), signed), data[at + 4 : at + 24])
    return right and has_fingerprint(data, message, absent=True)


def _mac(inner: t.Any, outer: t.Any, data: bytes) -> bytes:
    """HMAC-SHA1 (RFC 2104, section 2) of `data`, behind what `inner` has taken in already."""
    digest, mac = inner.copy(), outer.copy()
    digest.update(data)
    mac.update(digest.digest())
    return bytes(mac.digest())


@functools.lru_cache(maxsize=4)
def _keyed(key: bytes) -> tuple[t.Any, t.Any]:
    """Its two hashes with the key taken in: more than half of the work, and a sweep has one key.

    hmac could be copied as well, and takes twice as long for it.
    """
    key = (hashlib.sha1(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")  # noqa: S324 - as STUN has it
    inner, outer = (bytes(byte ^ pad for byte in key) for pad in (0x36, 0x5C))
    return hashlib.sha1(inner), hashlib.sha1(outer)  # noqa: S324


def has_fingerprint(data: bytes, message: Message, absent: bool = False) -> bool:
    """Tell whether the FINGERPRINT is right; without one the answer is `absent`."""
    at = message.fingerprint_at
    if at < 0:
        return absent
    return int.from_bytes(data[at + 4 : at + 8], "big") == zlib.crc32(data[:at]) ^ FINGERPRINT_XOR


def pack_address(address: Address) -> bytes:
    """The value of an address attribute in clear, as RESPONSE-ORIGIN (RFC 5780, section 7.3) has it."""
    family, packed = _packed(address[0])
    return family + address[1].to_bytes(2, "big") + packed


def unpack_address(value: bytes) -> Address:
    """The inverse of pack_address; raises StunError."""
    if len(value) not in (8, 20) or value[1] != (0x01 if len(value) == 8 else 0x02):
        raise StunError("no address")
    return _text(value[4:]), int.from_bytes(value[2:4], "big")


def xor_address(value: bytes, transaction_id: bytes) -> bytes:
    """Turn an address attribute's value into its XOR form, and back (RFC 8489, section 14.2)."""
    size = len(value)
    pad = (_PAD + transaction_id).ljust(size, b"\0")[:size]
    return (int.from_bytes(value, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")


@functools.lru_cache(maxsize=64)
def _packed(ip: str) -> tuple[bytes, bytes]:
    packed = ipaddress.ip_address(ip).packed
    return bytes((0, 0x01 if len(packed) == 4 else 0x02)), packed


@functools.lru_cache(maxsize=64)
def _text(packed: bytes) -> str:
    return str(ipaddress.ip_address(packed))


def pack_error(code: int, reason: str) -> bytes:
    """The value of ERROR-CODE (RFC 8489, section 14.8)."""
    return struct.pack("!HBB", 0, code // 100, code % 100) + reason.encode("utf-8")
