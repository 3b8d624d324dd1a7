# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a visit has on record of what only the taps saw."""

from __future__ import annotations

import time

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._listener.tap import Frame
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.visiting import VisitRecord
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.visits import Visits
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.browser import check, result

TARGET = "203.0.113.10"
MEDIA = range(50_000, 60_001)


def seen(record: VisitRecord) -> list[tuple[str, str, str]]:
    return [(row["seen"], row["protocol"], row["ports"]) for row in record.finish()["evidence"]]


def test_what_is_stopped_behind_the_network_card_is_known_to_have_arrived(session: Session) -> None:
    book = Visits(session, time.monotonic)
    record = VisitRecord(session, {("udp", 7), ("tcp", 8)}, book)
    peer, target = ("198.51.100.2", 5), "203.0.113.10"
    record.frame(Frame("udp", peer, (target, 7), "arrived", check(session, "aaaaaaaa", session.visit_secret), 0))
    record.frame(Frame("syn", peer, (target, 8), "arrived", b"", 1460))
    record.frame(Frame("syn", ("198.51.100.9", 5), (target, 8), "arrived", b"", 1460))
    assert record.finish()["evidence"] == []  # nobody whom we know
    assert book.result(result(session, "aaaaaaaa").encode())
    seen = [(row["seen"], row["protocol"], row["ports"], row["vantage"]) for row in record.finish()["evidence"]]
    assert seen == [("arrived", "tcp", "8", 0), ("arrived", "udp", "7", 0)]
    assert record.finish()["sources"] == [{"vantage": 0, "address": "198.51.100.2"}]


def test_each_port_that_a_router_gives_a_source_port_of_its_own_is_kept(session: Session) -> None:
    book = Visits(session, time.monotonic)
    record = VisitRecord(session, {("udp", port) for port in MEDIA}, book)
    question = check(session, "aaaaaaaa", session.visit_secret)
    for number, port in enumerate(MEDIA):
        for where in ("arrived", "passed"):
            record.frame(Frame("udp", ("198.51.100.2", 1024 + number), (TARGET, port), where, question, 0))
    assert book.result(result(session, "aaaaaaaa").encode())
    assert seen(record) == [("arrived", "udp", "50000-60000"), ("passed", "udp", "50000-60000")]


@pytest.mark.parametrize("cut", [None, 100])
def test_who_does_not_have_the_secret_is_no_visitor(session: Session, cut: int | None) -> None:
    book = Visits(session, time.monotonic)
    record = VisitRecord(session, {("udp", 7)}, book)
    secret = "x" * 32 if cut is None else session.visit_secret
    for name in ("aaaaaaaa", *(f"made{number:04d}" for number in range(100))):  # more than there can be
        question = check(session, name, secret)[:cut]
        record.frame(Frame("udp", ("10.0.0.9", 9), (TARGET, 7), "arrived", question, 0))
    question = check(session, "aaaaaaaa", session.visit_secret)
    record.frame(Frame("udp", ("198.51.100.2", 5), (TARGET, 7), "arrived", question, 0))
    assert book.result(result(session, "aaaaaaaa").encode())
    assert seen(record) == [("arrived", "udp", "7")]
    assert record.finish()["sources"] == [{"vantage": 0, "address": "198.51.100.2"}]


def flood(record: VisitRecord) -> None:
    for number in range(20_000):
        source = (f"100.{number >> 16}.{number >> 8 & 255}.{number & 255}", 5)
        record.frame(Frame("syn", source, (TARGET, 7881), "arrived", b"", 1460))


def test_in_a_flood_of_connections_those_of_a_visitor_who_is_known_are_kept(session: Session) -> None:
    book = Visits(session, time.monotonic)
    record = VisitRecord(session, {("tcp", 7881), ("udp", 7)}, book)
    flood(record)
    question = check(session, "aaaaaaaa", session.visit_secret)
    record.frame(Frame("udp", ("198.51.100.2", 5), (TARGET, 7), "arrived", question, 0))
    record.frame(Frame("syn", ("198.51.100.2", 5), (TARGET, 7881), "arrived", b"", 1460))
    assert book.result(result(session, "aaaaaaaa").encode())
    assert seen(record) == [("arrived", "tcp", "7881"), ("arrived", "udp", "7")]


def test_where_a_flood_may_hide_a_connection_nobody_says_that_none_came(session: Session) -> None:
    book = Visits(session, time.monotonic)
    record = VisitRecord(session, {("tcp", 7881), ("udp", 7)}, book)
    flood(record)
    record.frame(Frame("syn", ("198.51.100.2", 5), (TARGET, 7881), "arrived", b"", 1460))
    assert book.result(result(session, "aaaaaaaa").encode())
    assert seen(record) == [("claimed", "tcp", "7881")]
