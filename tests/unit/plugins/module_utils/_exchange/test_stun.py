# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils import _stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import Asked, Outcome, Reply, foreign
from ansible_collections.plugnmeet.server.plugins.module_utils._session import ICE_CHARS, VANTAGES, Session

PROBER = ("198.51.100.2", 40_000)
TARGET = ("203.0.113.10", 50_000)
TRANSACTION = b"transaction1"
TIE_BREAKER = b"tie-brkr"

sessions = st.builds(
    Session,
    st.text(string.ascii_letters + string.digits, min_size=16, max_size=16),
    st.text(ICE_CHARS, min_size=22, max_size=40),
)
vantages = st.integers(0, VANTAGES - 1)
ports = st.integers(1, 65535)
addresses = st.tuples(st.ip_addresses().map(str), ports)
transactions = st.binary(min_size=12, max_size=12)


def ask(session: Session, port: int = TARGET[1]) -> bytes:
    return stun.ask(session, 3, port, TRANSACTION, TIE_BREAKER)


def answer(
    question: bytes, session: Session, source: _stun.Address = PROBER, target: _stun.Address = TARGET
) -> tuple[bytes, Asked]:
    answered = stun.answer(question, session, source, target)
    assert answered is not None
    return answered


def attributes(session: Session, *more: tuple[int, bytes], username: bytes = b"") -> list[tuple[int, bytes]]:
    return [(_stun.USERNAME, username or session.username(3, TARGET[1])), *more]


@given(sessions, vantages, addresses, addresses, transactions)
def test_both_ends_prove_each_other(
    session: Session, vantage: int, source: _stun.Address, target: _stun.Address, transaction: bytes
) -> None:
    question = stun.ask(session, vantage, target[1], transaction, TIE_BREAKER)
    data, asked = answer(question, session, source, target)
    assert asked == Asked(vantage, target[1])
    assert stun.check(data, session, target[1], transaction) == Reply(Outcome.PROVEN, source, target)


@given(sessions, vantages, addresses, addresses, transactions)
def test_no_answer_is_longer_than_its_question(
    session: Session, vantage: int, source: _stun.Address, target: _stun.Address, transaction: bytes
) -> None:
    question = stun.ask(session, vantage, target[1], transaction, TIE_BREAKER)
    assert len(answer(question, session, source, target)[0]) <= len(question)


@given(
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=12)), max_size=30),
    addresses,
    addresses,
)
def test_no_answer_to_a_third_party_is_longer_than_its_question(
    more: list[tuple[int, bytes]], source: _stun.Address, target: _stun.Address
) -> None:
    session = Session("3YbqWm0c8PdTzVnA", "x" * 32)
    items = attributes(session, *more, username=b"3YbqWm0c8PdTzVnA:ab")
    question = _stun.build(_stun.BINDING_REQUEST, TRANSACTION, items, session.key)
    answered = stun.answer(question, session, source, target)
    assert answered is None or len(answered[0]) <= len(question)


def test_a_third_partys_agent_is_answered_without_being_taken_for_a_vantage(session: Session) -> None:
    items = attributes(session, (_stun.PRIORITY, bytes(4)), username=session.id.encode("ascii") + b":browser7")
    question = _stun.build(_stun.BINDING_REQUEST, TRANSACTION, items, session.key)
    data, asked = answer(question, session)
    assert asked == Asked(None, None)
    assert stun.check(data, session, TARGET[1], TRANSACTION).outcome is Outcome.PROVEN


def test_a_short_question_gets_the_answer_without_the_origin(session: Session) -> None:
    items = attributes(session, username=session.id.encode("ascii") + b":b")
    question = _stun.build(_stun.BINDING_REQUEST, TRANSACTION, items, session.key)
    prober, target = ("2001:db8::2", 40_000), ("2001:db8::10", 50_000)
    data = answer(question, session, prober, target)[0]
    assert stun.check(data, session, TARGET[1], TRANSACTION) == Reply(Outcome.PROVEN, prober, None)


@pytest.mark.parametrize("change", ["id", "secret"])
def test_another_sessions_question_is_met_with_silence(session: Session, change: str) -> None:
    other = session._replace(id="0" * 16) if change == "id" else session._replace(secret="0" * 32)
    assert stun.answer(ask(other), session, PROBER, TARGET) is None


def test_a_session_whose_id_only_begins_alike_is_another(session: Session) -> None:
    items = attributes(session, username=session.id.encode("ascii") + b"x:v00p50000")
    question = _stun.build(_stun.BINDING_REQUEST, TRANSACTION, items, session.key)
    assert stun.answer(question, session, PROBER, TARGET) is None


@pytest.mark.parametrize("kind", [0x0011, _stun.BINDING_SUCCESS, _stun.BINDING_ERROR, 0x0003])
def test_nothing_but_a_binding_request_is_answered(session: Session, kind: int) -> None:
    message = _stun.build(kind, TRANSACTION, attributes(session), session.key)
    assert stun.answer(message, session, PROBER, TARGET) is None


def test_an_unsigned_question_is_met_with_silence(session: Session) -> None:
    body = ask(session)[20:-32]  # MESSAGE-INTEGRITY and FINGERPRINT are the last 32 bytes
    unsigned = ask(session)[:2] + len(body).to_bytes(2, "big") + ask(session)[4:20] + body
    assert _stun.parse(unsigned).attributes[_stun.USERNAME] == session.username(3, TARGET[1])
    assert stun.answer(unsigned, session, PROBER, TARGET) is None


@given(st.binary(max_size=300))
def test_random_bytes_are_met_with_silence(data: bytes) -> None:
    assert stun.answer(data, Session("3YbqWm0c8PdTzVnA", "x" * 32), PROBER, TARGET) is None


@given(st.integers(0, 103), st.integers(1, 255))
def test_a_question_with_a_byte_changed_is_met_with_silence(place: int, change: int) -> None:
    session = Session("3YbqWm0c8PdTzVnA", "x" * 32)
    question = bytearray(ask(session))
    assert len(question) == 104
    question[place] ^= change
    # A FINGERPRINT that was made another attribute is one that is not there (RFC 8489, section 14.7).
    if not 96 <= place < 98:
        assert stun.answer(bytes(question), session, PROBER, TARGET) is None


def test_an_unknown_attribute_that_must_be_understood_is_refused_signed(session: Session) -> None:
    items = attributes(session, (_stun.PRIORITY, bytes(4)), (0x7FF0, b""), (0x0003, bytes(4)), (0xC001, b""))
    question = _stun.build(_stun.BINDING_REQUEST, TRANSACTION, items, session.key)
    data = answer(question, session)[0]
    error = _stun.parse(data)
    assert _stun.is_authentic(data, error, session.key)
    assert (error.type, error.transaction_id) == (_stun.BINDING_ERROR, TRANSACTION)
    assert error.attributes[_stun.ERROR_CODE][:4] == _stun.pack_error(420, "")
    assert error.attributes[_stun.UNKNOWN_ATTRIBUTES] == bytes.fromhex("7ff00003")
    assert stun.check(data, session, TARGET[1], TRANSACTION).outcome is Outcome.FOREIGN


@pytest.mark.parametrize("kind", [_stun.USE_CANDIDATE, _stun.ICE_CONTROLLED, _stun.SOFTWARE, 0xFFFF])
def test_what_browsers_add_is_no_obstacle(session: Session, kind: int) -> None:
    question = _stun.build(_stun.BINDING_REQUEST, TRANSACTION, attributes(session, (kind, b"")), session.key)
    assert _stun.parse(answer(question, session)[0]).type == _stun.BINDING_SUCCESS


def reply(session: Session, target: _stun.Address = TARGET) -> bytes:
    return answer(ask(session), session, PROBER, target)[0]


def test_a_reply_from_another_port_has_moved(session: Session) -> None:
    found = stun.check(reply(session, (TARGET[0], 50_001)), session, TARGET[1], TRANSACTION)
    assert found == Reply(Outcome.MOVED, PROBER, (TARGET[0], 50_001))


@given(sessions, addresses, addresses, ports, transactions)
def test_an_earlier_reply_in_hand_changes_no_verdict(
    session: Session, source: _stun.Address, target: _stun.Address, port: int, transaction: bytes
) -> None:
    like = stun.check(answer(ask(session, port), session, source, (target[0], port))[0], session, port, TRANSACTION)
    question = stun.ask(session, 3, target[1], transaction, TIE_BREAKER)
    data = answer(question, session, source, target)[0]
    assert stun.check(data, session, target[1], transaction, like) == Reply(Outcome.PROVEN, source, target)


@pytest.mark.parametrize(
    ("source", "target", "outcome"),
    [
        (("198.51.100.3", 1), TARGET, Outcome.PROVEN),
        (PROBER, ("203.0.113.11", TARGET[1]), Outcome.PROVEN),
        (PROBER, (TARGET[0], 50_001), Outcome.MOVED),
    ],
    ids=["mapped otherwise", "another address", "another port"],
)
def test_a_reply_that_differs_from_the_one_before_says_what_it_says(
    session: Session, source: _stun.Address, target: _stun.Address, outcome: Outcome
) -> None:
    like = stun.check(reply(session), session, TARGET[1], TRANSACTION)
    data = answer(ask(session), session, source, target)[0]
    assert stun.check(data, session, TARGET[1], TRANSACTION, like) == Reply(outcome, source, target)


@pytest.mark.parametrize("source", [PROBER, ("2001:db8::2", 40_000)], ids=["ipv4", "ipv6"])
def test_what_is_as_expected_is_not_taken_apart(
    session: Session, source: _stun.Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = answer(ask(session), session, source)[0]
    like = stun.check(data, session, TARGET[1], TRANSACTION)
    monkeypatch.delattr(_stun, "parse")
    assert answer(ask(session), session, source) == (data, Asked(3, TARGET[1]))
    assert stun.check(data, session, TARGET[1], TRANSACTION, like) == like


def test_a_question_that_was_moved_tells_the_port_that_was_meant(session: Session) -> None:
    assert answer(ask(session, 50_007), session)[1].intended_port == 50_007


def test_a_reply_to_another_transaction_is_foreign(session: Session) -> None:
    assert stun.check(reply(session), session, TARGET[1], b"transaction2").outcome is Outcome.FOREIGN


def test_a_reply_with_another_secret_is_foreign(session: Session) -> None:
    other = session._replace(secret="0" * 32)
    assert stun.check(reply(other), session, TARGET[1], TRANSACTION).outcome is Outcome.FOREIGN


def test_the_question_sent_back_is_foreign(session: Session) -> None:
    assert stun.check(ask(session), session, TARGET[1], TRANSACTION) == foreign("the question itself, sent back")


def test_an_empty_packet_is_told_as_that(session: Session) -> None:
    assert stun.check(b"", session, TARGET[1], TRANSACTION) == foreign("an empty packet")


@pytest.mark.parametrize(
    "items",
    [
        [],
        [(_stun.XOR_MAPPED_ADDRESS, b"")],
        [(_stun.XOR_MAPPED_ADDRESS, bytes(40))],
        [
            (_stun.XOR_MAPPED_ADDRESS, _stun.xor_address(_stun.pack_address(PROBER), TRANSACTION)),
            (_stun.RESPONSE_ORIGIN, b"\0"),
        ],
    ],
)
def test_a_signed_reply_without_proper_addresses_is_foreign(session: Session, items: list[tuple[int, bytes]]) -> None:
    data = _stun.build(_stun.BINDING_SUCCESS, TRANSACTION, items, session.key)
    assert stun.check(data, session, TARGET[1], TRANSACTION).outcome is Outcome.FOREIGN


@given(st.binary(max_size=300))
def test_random_bytes_are_foreign(data: bytes) -> None:
    session = Session("3YbqWm0c8PdTzVnA", "x" * 32)
    assert stun.check(data, session, TARGET[1], TRANSACTION).outcome is Outcome.FOREIGN


@given(st.data(), st.booleans())
def test_a_reply_with_a_byte_changed_is_foreign(draw: st.DataObject, again: bool) -> None:
    session = Session("3YbqWm0c8PdTzVnA", "x" * 32)
    data = bytearray(reply(session))
    like = stun.check(bytes(data), session, TARGET[1], TRANSACTION) if again else None
    data[draw.draw(st.integers(0, len(data) - 9))] ^= draw.draw(st.integers(1, 255))
    assert stun.check(bytes(data), session, TARGET[1], TRANSACTION, like).outcome is Outcome.FOREIGN


def test_a_question_is_the_same_when_sent_again(session: Session) -> None:
    transaction = os.urandom(12)
    assert stun.ask(session, 0, 1, transaction, bytes(8)) == stun.ask(session, 0, 1, transaction, bytes(8))
