# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the listener makes of the frames that its tap shows it; the rest is tested with a real one, in test_serving."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import stun
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.record import Record
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.tap import Frame
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

PROBER = ("198.51.100.2", 40_000)
TARGET = "203.0.113.10"
UDP, TCP = 50_000, 443


@pytest.fixture
def record(session: Session) -> Record:
    return Record(session, {("udp", UDP), ("tcp", TCP)})


def question(session: Session, port: int, arrived: int = UDP) -> Frame:
    payload = stun.ask(session, 5, port, bytes(12), bytes(8))
    return Frame("udp", PROBER, (TARGET, arrived), "arrived", payload, 0)


def syn(session: Session, port: int = TCP) -> Frame:
    return Frame("syn", PROBER, (TARGET, port), "arrived", b"", session.mark(5))


def answer(kind: str, port: int) -> Frame:
    return Frame(kind, (TARGET, port), PROBER, "left", b"", 0)


def seen(record: Record) -> list[tuple[str, str, int, str]]:
    rows: list[dict[str, t.Any]] = record.finish()["evidence"]
    return [(row["seen"], row["protocol"], row["vantage"], row["ports"]) for row in rows]


def test_a_question_on_the_card_has_arrived(record: Record, session: Session) -> None:
    record.frame(question(session, UDP))
    record.frame(syn(session))
    assert seen(record) == [("arrived", "tcp", 5, "443"), ("arrived", "udp", 5, "50000")]
    assert record.finish()["sources"] == [{"vantage": 5, "address": PROBER[0]}]


def test_the_addresses_to_which_questions_came_are_told(record: Record, session: Session) -> None:
    record.frame(question(session, UDP))
    record.frame(syn(session)._replace(destination=("203.0.113.99", TCP)))
    record.frame(syn(session)._replace(destination=("203.0.113.98", TCP), mss=1460))
    assert record.finish()["destinations"] == [{"vantage": 5, "address": ip} for ip in (TARGET, "203.0.113.99")]


def test_answers_to_a_vantage_have_left(record: Record, session: Session) -> None:
    record.frame(question(session, UDP))
    record.frame(syn(session))
    record.frame(answer("udp", UDP))
    record.frame(answer("syn-ack", TCP))
    assert ("left", "udp", 5, "50000") in seen(record)
    assert ("left", "tcp", 5, "443") in seen(record)


def test_what_strangers_send_and_get_is_no_evidence(record: Record, session: Session, stranger: Session) -> None:
    record.frame(question(stranger, UDP))
    record.frame(Frame("udp", PROBER, (TARGET, UDP), "arrived", b"", 0))
    record.frame(Frame("syn", PROBER, (TARGET, TCP), "arrived", b"", session.mark(0) - 1))
    record.frame(Frame("syn", PROBER, (TARGET, TCP), "arrived", b"", 1460))
    record.frame(answer("udp", UDP))
    record.frame(answer("syn-ack", TCP))
    assert seen(record) == []
    assert record.finish()["sources"] == []


def test_a_question_that_meant_another_port_has_moved(record: Record, session: Session) -> None:
    record.frame(question(session, 50_007, arrived=UDP))
    assert seen(record) == [("moved", "udp", 5, "50007")]
    assert record.finish()["evidence"][0]["detail"] == {"to": "50000"}


def test_a_syn_that_came_to_a_port_that_nobody_asked_is_told_with_its_source(record: Record, session: Session) -> None:
    record.frame(syn(session, 22))
    record.frame(syn(session, UDP))  # there TCP is asked on purpose
    (found,) = record.finish()["evidence"]
    assert (found["seen"], found["ports"], found["detail"]) == ("stray", "22", {"source": str(PROBER[1])})


def test_a_connection_of_a_known_prober_has_been_received(record: Record, session: Session) -> None:
    record.frame(syn(session))
    record.accepted(PROBER, TCP)
    record.accepted(("198.51.100.9", 40_000), TCP)
    assert seen(record) == [("arrived", "tcp", 5, "443"), ("received", "tcp", 5, "443")]


def test_who_passes_a_question_on_is_not_the_vantage(record: Record, session: Session) -> None:
    record.passed_on("tcp", ("203.0.113.1", 40_001), 5, TCP, TCP)
    record.frame(syn(session))
    assert seen(record) == [("arrived", "tcp", 5, "443"), ("received", "tcp", 5, "443")]
    assert record.finish()["sources"] == [{"vantage": 5, "address": PROBER[0]}]


def from_elsewhere(frame: Frame, number: int = 1) -> Frame:
    return frame._replace(source=(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1))


def test_who_asked_what_nobody_can_guess_is_believed_in_its_syns_and_nobody_else(
    record: Record, session: Session
) -> None:
    record.frame(syn(session))
    record.frame(from_elsewhere(syn(session, 8080)))
    record.frame(question(session, UDP))
    record.accepted(PROBER, TCP)
    assert seen(record) == [
        ("arrived", "tcp", 5, "443"),
        ("arrived", "udp", 5, "50000"),
        ("claimed", "tcp", 5, "8080"),
        ("received", "tcp", 5, "443"),
    ]
    assert record.finish()["sources"] == [{"vantage": 5, "address": PROBER[0]}]


@pytest.mark.parametrize("forged", ["another address", "another mark"])
def test_where_nobody_did_a_guess_is_no_evidence(record: Record, session: Session, forged: str) -> None:
    record.frame(syn(session))
    other = from_elsewhere(syn(session, 80))
    record.frame(other if forged == "another address" else syn(session)._replace(mss=session.mark(0) - 1))
    record.accepted(PROBER, TCP)
    assert {row[0] for row in seen(record)} == {"claimed"}
    assert record.finish()["sources"] == []


def test_a_flood_of_syns_fills_no_memory_forges_nothing_and_hides_no_prober(record: Record, session: Session) -> None:
    record.frame(question(session, UDP))
    for number in range(30_000):
        flood = from_elsewhere(syn(session, TCP + number % 3), number)
        record.frame(flood)
        record.accepted(flood.source, TCP)
        record.frame(flood._replace(destination=(flood.source[0], flood.destination[1])))
    assert len(record._syns) == len(record._handshakes) == len(record._accepted) == 20_000
    assert len(record._destinations) == 64
    record.frame(syn(session))  # which has its place all the same
    assert seen(record) == [
        ("arrived", "tcp", 5, "443"),
        ("arrived", "udp", 5, "50000"),
        ("claimed", "tcp", 5, "443-445"),
    ]
    assert record.finish()["destinations"] == [{"vantage": 5, "address": TARGET}]


def test_whoever_sees_the_id_fills_no_memory_either(record: Record, session: Session) -> None:
    for number in range(60_000):
        record.frame(
            question(session, 1 + number, arrived=1 + number * 7 % 60_000)._replace(source=("10.0.0.1", number))
        )
    assert len(record._evidence) <= 50_001
