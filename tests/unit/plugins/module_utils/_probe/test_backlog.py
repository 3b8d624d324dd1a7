# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._probe.backlog import Backlog

STEP = 0.001


class Target:
    """A target that answers `capacity` questions a second, one after the other, at the end of a way."""

    def __init__(self, capacity: int, way: float, jitter: float = 0.0) -> None:
        self.longest = 0.0
        self._capacity = capacity
        self._way = way
        self._jitter = jitter
        self._chance = random.Random(1)

    def asked(self, rate: int, questions: int) -> float:
        """Be asked so many a second, but for the pauses; return how many seconds all of it takes."""
        backlog = Backlog()
        now = free = 0.0
        owed = 0.0
        answers: list[tuple[float, float]] = []  # when they come, and when was asked
        while questions or answers:
            now += STEP
            for arrives, asked_at in [answer for answer in answers if answer[0] <= now]:
                self.longest = max(self.longest, arrives - asked_at)
                backlog.answered(asked_at, arrives - asked_at)
            answers = [answer for answer in answers if answer[0] > now]
            if backlog.pauses(now):
                continue
            owed += rate * STEP
            while owed >= 1 and questions:
                owed -= 1
                questions -= 1
                arrived = now + self._way / 2
                free = max(free, arrived) + 1 / self._capacity
                answers.append((free + self._way / 2 + self._chance.uniform(0, self._jitter), now))
        return now


@pytest.mark.parametrize("way", [0.001, 0.05])
def test_who_asks_faster_than_is_answered_waits_and_the_target_stays_busy(way: float) -> None:
    target = Target(20_000, way)
    seconds = target.asked(30_000, 10_000)
    assert target.longest < way + 0.1  # without pauses the last one waits for a sixth of a second
    assert seconds < 1.1 * (10_000 / 20_000 + way)


@pytest.mark.parametrize("jitter", [0.0, 0.03])
def test_who_asks_no_faster_never_waits(jitter: float) -> None:
    target = Target(20_000, 0.02, jitter)
    assert target.asked(15_000, 5_000) == pytest.approx(5_000 / 15_000 + 0.02, abs=jitter + 0.01)


def test_a_few_late_answers_are_chance() -> None:
    backlog = Backlog()
    for number in range(100):
        backlog.answered(0.0, 0.001 if number % 16 == 0 else 0.3)
        assert not backlog.pauses(1.0)


def test_a_pause_is_as_long_as_the_queue_and_what_was_asked_before_it_starts_no_other() -> None:
    backlog = Backlog()
    backlog.answered(0.0, 0.001)
    for dummy in range(16):
        backlog.answered(0.5, 0.041)
    assert backlog.pauses(1.0)
    for dummy in range(16):
        backlog.answered(0.9, 0.061)
    assert backlog.pauses(1.039)
    assert not backlog.pauses(1.041)
    for dummy in range(16):
        backlog.answered(1.041, 0.041)
    assert backlog.pauses(1.1)


def test_silence_is_no_queue() -> None:
    assert not Backlog().pauses(0.0)
