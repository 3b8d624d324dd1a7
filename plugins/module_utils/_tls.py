# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Reading a TLS ClientHello (RFC 8446, section 4.1.2): who asks for what, before anything is answered."""

from __future__ import annotations

import typing as t

from ._errors import PreflightError

LONGEST = 16384  # more than any client sends, post-quantum key shares included
# Likewise; a stranger who sends a byte a record, and a record a packet, shall not keep us busy.
_MOST_RECORDS = 16

# RFC 8446, sections 4, 5.1; RFC 7301, section 3.1
_HANDSHAKE = 22
_CLIENT_HELLO = 1
_SERVER_NAME, _ALPN = 0, 16
_HOST_NAME = 0
_RECORD_HEADER, _MESSAGE_HEADER = 5, 4


class TlsError(PreflightError):
    """The bytes are no ClientHello."""


def application_protocols(data: bytes) -> list[bytes] | None:
    """Return the protocols (ALPN) that the ClientHello at the start of a stream offers; None while it is incomplete.

    Raises TlsError for anything else.
    """
    message = _message(data)
    if message is None:
        return None
    for kind, value in _extensions(message):
        if kind == _ALPN:
            return list(_Reader(value.vector(2)).vectors(1))
    return []


def server_name(data: bytes) -> bytes | None:
    """Return the name (SNI; RFC 6066, section 3) that it is for, empty if it has none; otherwise as above."""
    message = _message(data)
    if message is None:
        return None
    for kind, value in _extensions(message):
        if kind == _SERVER_NAME:
            names = _Reader(value.vector(2))
            while names.left:
                kind_of_name, name = names.number(1), names.vector(2)
                if kind_of_name == _HOST_NAME:
                    return name
    return b""


def _extensions(message: bytes) -> t.Iterator[tuple[int, _Reader]]:
    hello = _Reader(message)
    hello.take(2 + 32)  # legacy_version, random
    hello.vector(1)  # legacy_session_id
    hello.vector(2)  # cipher_suites
    hello.vector(1)  # legacy_compression_methods
    extensions = _Reader(hello.vector(2)) if hello.left else _Reader(b"")
    while extensions.left:
        yield extensions.number(2), _Reader(extensions.vector(2))


def _message(data: bytes) -> bytes | None:
    """Put the records (RFC 8446, section 5.1) that the first handshake message is spread over together."""
    if len(data) > LONGEST:
        raise TlsError("longer than a ClientHello")
    records, message = _Reader(data), b""
    for dummy in range(_MOST_RECORDS):
        if records.left < _RECORD_HEADER:
            return None
        if records.number(1) != _HANDSHAKE or records.number(1) != 3:
            raise TlsError("no TLS handshake")
        records.take(1)
        length = records.number(2)
        if not 0 < length <= LONGEST:
            raise TlsError("no TLS record")
        if records.left < length:
            return None
        message += records.take(length)
        if message[0] != _CLIENT_HELLO:
            raise TlsError("no ClientHello")
        size = int.from_bytes(message[1:_MESSAGE_HEADER], "big")
        if size > LONGEST:
            raise TlsError("longer than a ClientHello")
        if len(message) >= _MESSAGE_HEADER + size:
            return message[_MESSAGE_HEADER : _MESSAGE_HEADER + size]
    raise TlsError("a ClientHello in more records than any client makes")


class _Reader:
    """Takes a TLS structure (RFC 8446, section 3) apart from its front; raises TlsError where it is too short."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise TlsError("a part is longer than its whole")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """A vector whose length is in its first `size` bytes."""
        return self.take(self.number(size))

    def vectors(self, size: int) -> t.Iterator[bytes]:
        """All that is left, as vectors."""
        while self.left:
            yield self.vector(size)
