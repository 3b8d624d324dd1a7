# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our exchange against somebody else's: aioice, a STUN and ICE library with which aiortc speaks to browsers."""

from __future__ import annotations

import ipaddress

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import Outcome
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

peer = pytest.importorskip("aioice.stun", reason="aioice is not installed")

SESSION = Session("3YbqWm0c8PdTzVnA", "QpN4vX7k2LsWc9RfTz1BdYh6MgJ8aEuK")
TARGET = ("203.0.113.10", 50_000)
PROBERS = [("198.51.100.2", 40_000), ("2001:db8::2", 40_000)]


@pytest.mark.parametrize("prober", PROBERS)
def test_their_question_is_answered_as_they_understand_it(prober: tuple[str, int]) -> None:
    question = peer.Message(message_method=peer.Method.BINDING, message_class=peer.Class.REQUEST)
    question.attributes["USERNAME"] = f"{SESSION.id}:abcd"
    question.attributes["PRIORITY"] = 1845501695
    question.attributes["ICE-CONTROLLING"] = 1234567890
    question.attributes["USE-CANDIDATE"] = None
    question.add_message_integrity(SESSION.key)
    answered = stun.answer(bytes(question), SESSION, prober, TARGET)
    assert answered is not None
    answer = peer.parse_message(answered[0])
    assert answer.check_message_integrity(SESSION.key)
    assert answer.message_class is peer.Class.RESPONSE
    assert answer.transaction_id == question.transaction_id
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == prober


def test_they_understand_our_question() -> None:
    data = stun.ask(SESSION, 7, TARGET[1], b"transaction1", b"tie-brkr")
    question = peer.parse_message(data)
    assert question.check_message_integrity(SESSION.key)
    assert not question.check_message_integrity(b"0" * 32)
    assert (question.message_method, question.message_class) == (peer.Method.BINDING, peer.Class.REQUEST)
    assert question.attributes["USERNAME"] == f"{SESSION.id}:v07p50000"
    assert {"PRIORITY", "ICE-CONTROLLING", "FINGERPRINT"} <= set(question.attributes)


@pytest.mark.parametrize("prober", PROBERS)
def test_their_answer_is_proof(prober: tuple[str, int]) -> None:
    answer = peer.Message(
        message_method=peer.Method.BINDING, message_class=peer.Class.RESPONSE, transaction_id=b"transaction1"
    )
    answer.attributes["XOR-MAPPED-ADDRESS"] = prober
    answer.add_message_integrity(SESSION.key)
    reply = stun.check(bytes(answer), SESSION, TARGET[1], b"transaction1")
    assert reply.outcome is Outcome.PROVEN
    assert reply.mapped is not None
    assert ipaddress.ip_address(reply.mapped[0]) == ipaddress.ip_address(prober[0])


def test_they_understand_our_refusal() -> None:
    items = [(_stun.USERNAME, SESSION.username(0, 1)), (_stun.PRIORITY, bytes(4)), (0x7FFE, bytes(8))]
    question = _stun.build(_stun.BINDING_REQUEST, b"transaction1", items, SESSION.key)
    answered = stun.answer(question, SESSION, PROBERS[0], TARGET)
    assert answered is not None
    refusal = peer.parse_message(answered[0])
    assert refusal.check_message_integrity(SESSION.key)
    assert refusal.message_class is peer.Class.ERROR
    assert refusal.attributes["ERROR-CODE"] == (420, "")
