# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import transactions
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.transactions import MOST_ANSWERS, Transactions

PROBER, OTHER = ("198.51.100.2", 40_000), ("198.51.100.2", 40_001)


def test_a_question_is_answered_where_it_came_first_and_there_a_few_times() -> None:
    known = Transactions()
    told = [known.is_replay(b"transaction1", PROBER, 443) for dummy in range(2 * MOST_ANSWERS)]
    assert told == [False] * MOST_ANSWERS + [True] * MOST_ANSWERS


@pytest.mark.parametrize(("source", "port"), [(OTHER, 443), (PROBER, 444), (OTHER, 444)])
def test_from_or_to_elsewhere_it_is_a_replay(source: tuple[str, int], port: int) -> None:
    known = Transactions()
    assert not known.is_replay(b"transaction1", PROBER, 443)
    assert known.is_replay(b"transaction1", source, port)
    assert not known.is_replay(b"transaction2", source, port)


def test_the_oldest_are_forgotten_and_not_too_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "_MOST_KNOWN", 10)
    known = Transactions()
    for number in range(1000):
        assert not known.is_replay(bytes([0, number >> 8, number & 255]), PROBER, 443)
        for earlier in range(max(0, number - 9), number + 1):
            assert known.is_replay(bytes([0, earlier >> 8, earlier & 255]), OTHER, 443)
    assert len(known._ends) + len(known._older) <= 20
    assert len(known._repeats) <= 20
