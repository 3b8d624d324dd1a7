# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils import _stun
from ansible_collections.plugnmeet.server.plugins.module_utils._stun import StunError

# RFC 5769, sections 2.1, 2.2 and 2.3
PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
REQUEST = bytes.fromhex(
    "00010058 2112a442 b7e7a701bc34d686fa87dfae"
    "80220010 5354554e207465737420636c69656e74"
    "00240004 6e0001ff"
    "80290008 932ff9b151263b36"
    "00060009 6576746a3a68367659202020"
    "00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004 e57a3bcf"
)
RESPONSE_IPV4 = bytes.fromhex(
    "0101003c 2112a442 b7e7a701bc34d686fa87dfae"
    "8022000b 7465737420766563746f7220"
    "00200008 0001a147e112a643"
    "00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004 c07d4c96"
)
RESPONSE_IPV6 = bytes.fromhex(
    "01010048 2112a442 b7e7a701bc34d686fa87dfae"
    "8022000b 7465737420766563746f7220"
    "00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014 a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004 c8fb0b4c"
)
VECTORS = (REQUEST, RESPONSE_IPV4, RESPONSE_IPV6)

transactions = st.binary(min_size=12, max_size=12)
keys = st.binary(min_size=1, max_size=64)
_checks = {_stun.MESSAGE_INTEGRITY, _stun.FINGERPRINT}
attributes = st.lists(
    st.tuples(st.integers(0, 0xFFFF).filter(lambda kind: kind not in _checks), st.binary(max_size=50)), max_size=8
)
types = st.integers(0, 0x3FFF)


@pytest.mark.parametrize("data", VECTORS)
def test_the_vectors_are_authentic(data: bytes) -> None:
    message = _stun.parse(data)
    assert message.transaction_id == TRANSACTION
    assert _stun.is_authentic(data, message, PASSWORD)
    assert _stun.has_fingerprint(data, message)


def test_the_request_vector_says_what_the_rfc_says() -> None:
    message = _stun.parse(REQUEST)
    assert message.type == _stun.BINDING_REQUEST
    assert message.attributes == {
        _stun.SOFTWARE: b"STUN test client",
        _stun.PRIORITY: bytes.fromhex("6e0001ff"),
        _stun.ICE_CONTROLLED: bytes.fromhex("932ff9b151263b36"),
        _stun.USERNAME: b"evtj:h6vY",
    }


@pytest.mark.parametrize(
    ("data", "address"),
    [(RESPONSE_IPV4, ("192.0.2.1", 32853)), (RESPONSE_IPV6, ("2001:db8:1234:5678:11:2233:4455:6677", 32853))],
)
def test_the_response_vectors_say_what_the_rfc_says(data: bytes, address: _stun.Address) -> None:
    message = _stun.parse(data)
    mapped = message.attributes[_stun.XOR_MAPPED_ADDRESS]
    assert message.type == _stun.BINDING_SUCCESS
    assert message.attributes[_stun.SOFTWARE] == b"test vector"
    assert _stun.unpack_address(_stun.xor_address(mapped, TRANSACTION)) == address
    assert _stun.xor_address(_stun.pack_address(address), TRANSACTION) == mapped


@given(st.sampled_from(VECTORS), st.data())
def test_a_vector_with_a_bit_changed_is_not_authentic(data: bytes, draw: st.DataObject) -> None:
    # FINGERPRINT itself is covered by nothing: it might be taken away, or be made another attribute.
    bit = draw.draw(st.integers(0, 8 * (len(data) - 8) - 1))
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        message = _stun.parse(bytes(changed))
    except StunError:
        return
    assert not _stun.is_authentic(bytes(changed), message, PASSWORD)


@given(types, transactions, attributes, keys)
def test_what_is_built_is_parsed_again(
    kind: int, transaction: bytes, items: list[tuple[int, bytes]], key: bytes
) -> None:
    data = _stun.build(kind, transaction, items, key)
    message = _stun.parse(data)
    first: dict[int, bytes] = {}
    for number, value in items:
        first.setdefault(number, value)
    assert (message.type, message.transaction_id, message.attributes) == (kind, transaction, first)
    assert _stun.is_authentic(data, message, key)
    assert _stun.has_fingerprint(data, message)


@given(types, transactions, attributes, keys, keys)
def test_no_other_key_makes_it_authentic(
    kind: int, transaction: bytes, items: list[tuple[int, bytes]], key: bytes, other: bytes
) -> None:
    # HMAC (RFC 2104) fills a short key with zeros.
    assume(key.rstrip(b"\0") != other.rstrip(b"\0"))
    data = _stun.build(kind, transaction, items, key)
    assert not _stun.is_authentic(data, _stun.parse(data), other)


@given(st.ip_addresses(), st.integers(0, 65535), transactions)
def test_an_address_survives_packing_and_xor(ip: t.Any, port: int, transaction: bytes) -> None:
    packed = _stun.pack_address((str(ip), port))
    assert _stun.unpack_address(packed) == (str(ip), port)
    assert _stun.xor_address(_stun.xor_address(packed, transaction), transaction) == packed


def _parse_or_refuse(data: bytes) -> None:
    """Whatever comes, it is a message or a StunError, and asking about it never fails either."""
    try:
        message = _stun.parse(data)
    except StunError:
        return
    _stun.is_authentic(data, message, PASSWORD)
    _stun.has_fingerprint(data, message)


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    _parse_or_refuse(data)


@given(st.binary(max_size=120).map(lambda body: body[: len(body) // 4 * 4]))
def test_a_header_before_random_bytes_raises_nothing_else(body: bytes) -> None:
    _parse_or_refuse(REQUEST[:2] + len(body).to_bytes(2, "big") + REQUEST[4:20] + body)


@given(st.sampled_from(VECTORS), st.data())
def test_a_mutated_message_raises_nothing_else(data: bytes, draw: st.DataObject) -> None:
    mutated = bytearray(data)
    for place in draw.draw(st.lists(st.integers(0, len(data) - 1), max_size=4)):
        mutated[place] = draw.draw(st.integers(0, 255))
    mutated[2:4] = draw.draw(st.sampled_from((bytes(mutated[2:4]), (len(data) - 20).to_bytes(2, "big"))))
    _parse_or_refuse(bytes(mutated))


@given(st.sampled_from(VECTORS), st.data())
def test_a_cut_message_is_refused(data: bytes, draw: st.DataObject) -> None:
    with pytest.raises(StunError):
        _stun.parse(data[: draw.draw(st.integers(0, len(data) - 1))])


@given(st.sampled_from(VECTORS), st.binary(min_size=1, max_size=2000))
def test_a_message_with_something_behind_it_is_refused(data: bytes, more: bytes) -> None:
    with pytest.raises(StunError):
        _stun.parse(data + more)


def _with_attributes(*items: tuple[int, bytes]) -> bytes:
    body = b"".join(
        kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)
        for kind, value in items
    )
    return REQUEST[:2] + len(body).to_bytes(2, "big") + REQUEST[4:20] + body


@pytest.mark.parametrize(
    "items",
    [
        [(_stun.FINGERPRINT, bytes(4)), (_stun.USERNAME, b"a:b")],
        [(_stun.FINGERPRINT, bytes(8))],
        [(_stun.MESSAGE_INTEGRITY, bytes(16))],
    ],
    ids=["FINGERPRINT not last", "FINGERPRINT too long", "MESSAGE-INTEGRITY too short"],
)
def test_a_check_that_is_misplaced_is_refused(items: list[tuple[int, bytes]]) -> None:
    with pytest.raises(StunError):
        _stun.parse(_with_attributes(*items))


def test_an_attribute_that_is_longer_than_its_message_is_refused() -> None:
    with pytest.raises(StunError):
        _stun.parse(REQUEST[:2] + b"\x00\x04" + REQUEST[4:20] + b"\x00\x06\x00\x04")


def test_of_two_equal_attributes_the_first_counts() -> None:
    data = _with_attributes((_stun.USERNAME, b"first"), (_stun.USERNAME, b"second"))
    assert _stun.parse(data).attributes == {_stun.USERNAME: b"first"}


def test_what_follows_the_integrity_does_not_count() -> None:
    data = _with_attributes((_stun.MESSAGE_INTEGRITY, bytes(20)), (_stun.USERNAME, b"smuggled"))
    assert _stun.parse(data).attributes == {}


def test_a_message_without_integrity_is_not_authentic() -> None:
    data = _with_attributes((_stun.USERNAME, b"a:b"))
    assert not _stun.is_authentic(data, _stun.parse(data), PASSWORD)


def test_a_wrong_fingerprint_spoils_a_right_integrity() -> None:
    data = REQUEST[:-1] + bytes([REQUEST[-1] ^ 1])
    message = _stun.parse(data)
    assert not _stun.has_fingerprint(data, message)
    assert not _stun.is_authentic(data, message, PASSWORD)


@given(st.binary(max_size=30))
def test_a_value_that_is_no_address_is_refused(value: bytes) -> None:
    assume(len(value) not in (8, 20))
    with pytest.raises(StunError):
        _stun.unpack_address(_stun.xor_address(value, TRANSACTION))


@pytest.mark.parametrize("value", [b"\0\2" + bytes(6), b"\0\1" + bytes(18)])
def test_an_address_of_another_familys_length_is_refused(value: bytes) -> None:
    with pytest.raises(StunError):
        _stun.unpack_address(value)


def test_an_error_code_is_packed_as_class_and_number() -> None:
    assert _stun.pack_error(420, "Unknown Attribute") == b"\0\0\4\x14Unknown Attribute"
