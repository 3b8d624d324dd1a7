# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._probe.loss import MOST_DOUBT, Sends, doubt


def enough(silent: int, asked: int, sends: int, answered: int) -> bool:
    return doubt(silent, asked, Sends(sends, answered).feared) < MOST_DOUBT


def test_the_share_that_was_lost() -> None:
    assert Sends(0, 0).lost == 0
    assert Sends(1000, 640).lost == pytest.approx(0.36)


@pytest.mark.parametrize(
    ("silent", "rounds"), [(1, 4), (100, 5), (10_001, 6)], ids=["one port", "a hundred ports", "all media ports"]
)
def test_where_nothing_answers_two_percent_of_loss_are_assumed(silent: int, rounds: int) -> None:
    assert not enough(silent, rounds - 1, 0, 0)
    assert enough(silent, rounds, 0, 0)


@pytest.mark.parametrize(("answered", "rounds"), [(1000, 4), (640, 18)], ids=["no loss", "20 % each way"])
def test_rounds_follow_from_the_loss_that_was_seen(answered: int, rounds: int) -> None:
    assert not enough(100, rounds - 1, 1000, answered)
    assert enough(100, rounds, 1000, answered)


@pytest.mark.parametrize(("answered", "rounds"), [(1, 6), (10, 6), (100, 5)])
def test_of_a_few_answers_little_is_concluded(answered: int, rounds: int) -> None:
    assert not enough(1, rounds - 1, answered, answered)
    assert enough(1, rounds, answered, answered)


def test_nothing_silent_is_always_enough() -> None:
    assert enough(0, 0, 0, 0)


@given(st.integers(1, 20_000), st.integers(1, 30), st.integers(0, 20_000), st.data())
def test_more_silence_or_loss_never_needs_less(silent: int, asked: int, sends: int, draw: t.Any) -> None:
    answered = draw.draw(st.integers(0, sends))
    if enough(silent, asked, sends, answered):
        assert enough(silent, asked + 1, sends, answered)
        assert enough(silent - 1, asked, sends, answered)
        assert not 0 < answered < sends or enough(silent, asked, sends, answered + 1)
