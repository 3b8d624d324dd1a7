# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ssl
import time
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._tls import (
    LONGEST,
    TlsError,
    application_protocols,
    server_name,
)

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
versions = pytest.mark.parametrize("version", VERSIONS, ids=["TLS 1.2", "TLS 1.3"])

_ALPN = 16
_protocols = st.lists(st.binary(min_size=1, max_size=255), min_size=1, max_size=6)


def hello_of(version: ssl.TLSVersion, *protocols: str, name: str | None = "meet.example.com") -> bytes:
    """The ClientHello of Python's own TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(protocols)
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def vector(size: int, data: bytes) -> bytes:
    """A vector with its length in `size` bytes (RFC 8446, section 3.4)."""
    return len(data).to_bytes(size, "big") + data


def alpn(protocols: t.Iterable[bytes]) -> tuple[int, bytes]:
    """The extension of RFC 7301, section 3.1."""
    return _ALPN, vector(2, b"".join(vector(1, name) for name in protocols))


def hello(*extensions: tuple[int, bytes], session_id: bytes = b"", ciphers: bytes = b"\x13\x01") -> bytes:
    """A ClientHello as RFC 8446, section 4.1.2, has it, without the record around it."""
    listed = b"".join(kind.to_bytes(2, "big") + vector(2, value) for kind, value in extensions)
    body = b"\x03\x03" + bytes(32) + vector(1, session_id) + vector(2, ciphers) + vector(1, b"\0") + vector(2, listed)
    return b"\x01" + vector(3, body)


def record(fragment: bytes, kind: int = 22) -> bytes:
    """A TLSPlaintext (RFC 8446, section 5.1)."""
    return bytes((kind, 3, 1)) + vector(2, fragment)


def records(message: bytes, *cuts: int) -> bytes:
    """A message spread over several records."""
    ends = [0, *sorted(cuts), len(message)]
    return b"".join(record(message[start:end]) for start, end in zip(ends, ends[1:]) if start < end)


@versions
def test_the_protocols_that_a_client_offers_are_read(version: ssl.TLSVersion) -> None:
    assert application_protocols(hello_of(version, "http/1.1", "x" * 47)) == [b"http/1.1", b"x" * 47]
    assert application_protocols(hello_of(version, "h2", name=None)) == [b"h2"]


@versions
def test_a_client_that_offers_none_has_none(version: ssl.TLSVersion) -> None:
    assert application_protocols(hello_of(version)) == []


@versions
def test_the_name_that_a_client_asks_for_is_read(version: ssl.TLSVersion) -> None:
    data = hello_of(version, "h2")
    assert server_name(data) == b"meet.example.com"
    assert server_name(hello_of(version, name=None)) == b""
    assert [server_name(data[:end]) for end in range(len(data))] == [None] * len(data)


@pytest.mark.parametrize("value", [b"", b"\0", b"\0\2\0\1", b"\0\4\0\0\7x"])
def test_a_name_that_is_cut_off_is_refused(value: bytes) -> None:
    with pytest.raises(TlsError):
        server_name(record(hello((0, value))))


def test_a_name_of_another_kind_is_none() -> None:
    assert server_name(record(hello((0, b"\0\4\1\0\1x")))) == b""


@versions
def test_a_hello_is_waited_for_until_its_last_byte(version: ssl.TLSVersion) -> None:
    data = hello_of(version, "h2", "http/1.1")
    assert [application_protocols(data[:end]) for end in range(len(data))] == [None] * len(data)
    assert application_protocols(data) == [b"h2", b"http/1.1"]


@versions
def test_a_hello_may_be_spread_over_two_records_anywhere(version: ssl.TLSVersion) -> None:
    message = hello_of(version, "h2", "http/1.1")[5:]
    for cut in range(1, len(message)):
        assert application_protocols(records(message, cut)) == [b"h2", b"http/1.1"]


@given(_protocols, st.lists(st.integers(1, 200), max_size=15))
def test_a_hello_may_be_spread_over_several_records(protocols: list[bytes], cuts: list[int]) -> None:
    assert application_protocols(records(hello(alpn(protocols)), *cuts)) == protocols


@given(
    _protocols,
    st.lists(st.tuples(st.integers(0, 0xFFFF).filter(lambda kind: kind != _ALPN), st.binary(max_size=40)), max_size=8),
    st.binary(max_size=32),
    st.binary(max_size=64),
    st.binary(max_size=50),
    st.integers(0, 8),
)
def test_the_structure_is_the_rfcs(
    protocols: list[bytes],
    others: list[tuple[int, bytes]],
    session_id: bytes,
    ciphers: bytes,
    more: bytes,
    place: int,
) -> None:
    extensions = [*others[:place], alpn(protocols), *others[place:]]
    data = record(hello(*extensions, session_id=session_id, ciphers=ciphers))
    assert application_protocols(data + more) == protocols


def test_a_hello_without_any_extension_offers_none() -> None:
    body = b"\x03\x03" + bytes(32) + vector(1, b"") + vector(2, b"\x00\x2f") + vector(1, b"\0")
    assert application_protocols(record(b"\x01" + vector(3, body))) == []
    assert application_protocols(record(hello())) == []


def test_of_two_lists_the_first_counts() -> None:
    assert application_protocols(record(hello(alpn([b"one"]), alpn([b"two"])))) == [b"one"]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10",  # how clients of SSL 2 began
        record(b"\x02\x28", kind=21),  # an alert
        record(b"\x02" + vector(3, bytes(40))),  # what a server says
        record(b""),
        b"\x16\x02\x00\x00\x10",
        b"\x16\x03\x01\x40\x01",  # longer than a record may be
        record(b"\x01\x00\x40\x01"),  # longer than a client makes it
        record(b"\x01" + vector(3, bytes(10))),
        record(hello((_ALPN, b"\0\7\2h2"))),
        record(hello((_ALPN, b"\0\3\7h2"))),
        record(hello((_ALPN, b""))),
        record(b"\x01" + vector(3, hello(alpn([b"h2"]))[4:-1])),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(TlsError):
        application_protocols(data)


@versions
def test_a_byte_changed_raises_nothing_else(version: ssl.TLSVersion) -> None:
    data = hello_of(version, "h2")
    for place in range(len(data)):
        for change in (1, 0x80, 0xFF):
            changed = data[:place] + bytes([data[place] ^ change]) + data[place + 1 :]
            try:
                found = application_protocols(changed)
            except TlsError:
                continue
            assert found is None or isinstance(found, list)


@given(
    st.binary(max_size=400) | st.binary(max_size=100).map(lambda data: b"\x16\x03\x01\x00\x64\x01\x00\x00\x60" + data)
)
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    try:
        found = application_protocols(data)
    except TlsError:
        return
    assert found is None or all(isinstance(name, bytes) for name in found)


def test_no_more_is_taken_than_a_client_makes() -> None:
    endless = record(b"\x01\x00\x3f\xff" + bytes(16379))
    assert len(endless) == LONGEST + 4
    with pytest.raises(TlsError, match="longer than a ClientHello"):
        application_protocols(endless)


def test_a_record_for_every_byte_is_refused_before_it_takes_time() -> None:
    dripping = records(b"\x01\x00\x20\x00" + bytes(2700), *range(1, 2700))
    start = time.process_time()
    taken = next(end for end in range(len(dripping)) if _is_refused(dripping[:end]))
    assert taken < 200
    assert time.process_time() - start < 1


def _is_refused(data: bytes) -> bool:
    try:
        application_protocols(data)
    except TlsError:
        return True
    return False
