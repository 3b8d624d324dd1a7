# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._probe.patience import (
    LONGEST,
    SHORTEST,
    UNKNOWN,
    Patience,
)


def test_without_an_answer_there_is_nothing_to_go_by() -> None:
    patience = Patience()
    assert (patience.round_trip, patience.wait) == (0.0, UNKNOWN)
    assert patience.overdue(10.0) == 10.0 - UNKNOWN


def test_it_takes_half_as_long_again_as_the_longest_of_late() -> None:
    patience = Patience()
    patience.answered(10.0, 0.2)
    assert patience.wait == pytest.approx(0.3)
    for number in range(50):
        patience.answered(10.0 + number, 0.1)
    assert patience.wait == pytest.approx(0.15)


def test_who_holds_answers_back_does_not_hold_up_the_sweep() -> None:
    patience = Patience()
    patience.answered(10.0, 20.0)
    assert patience.wait == LONGEST


def test_a_short_way_is_given_its_time_too() -> None:
    patience = Patience()
    patience.answered(10.0, 0.0001)
    assert patience.wait == SHORTEST
    assert patience.overdue(11.0) == 11.0 - SHORTEST


def test_what_was_overtaken_is_overdue_sooner() -> None:
    patience = Patience()
    patience.answered(10.0, 0.05)
    patience.answered(10.5, 0.25)  # behind a queue
    # A quarter of the shortest round trip later than the answer that came would have come.
    assert patience.overdue(10.7) == pytest.approx(10.7 - 0.25 - 0.0125)
    # But what was asked after it has half as long again.
    assert patience.overdue(10.85) == 10.5
    assert patience.overdue(10.9) == pytest.approx(10.9 - 0.375)


def test_an_answer_to_an_older_question_tells_nothing_of_the_order() -> None:
    patience = Patience()
    patience.answered(10.5, 0.05)
    patience.answered(10.0, 0.05)
    assert patience.overdue(10.57) == 10.5


def test_a_moment_of_disorder_is_no_loss() -> None:
    patience = Patience()
    patience.answered(10.0, 0.0001)
    assert patience.overdue(10.005) == pytest.approx(10.005 - 0.0101)
