# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._probe.pace import CEILING, FLOOR, START, Pace

ROUND_TRIP = 0.001
STEP = 0.001


class Path:
    """A way that carries `capacity` probes a second, of which the ports that are open answer `share`.

    They come in even steps, or with `seed` as chance has it.
    """

    def __init__(self, ceiling: float = 0, capacity: float = 1e9, share: float = 1.0, seed: int | None = None) -> None:
        self.now = 1000.0
        self.pace = Pace(ceiling, self.now)
        self.sent = 0
        self._capacity = capacity
        self._share = share
        self._chance = None if seed is None else random.Random(seed)

    def run(self, seconds: float) -> list[float]:
        """Send what the pace allows, and return the rates that it went through."""
        rates = [self.pace.rate]
        owed = room = 0.0
        for dummy in range(round(seconds / STEP)):
            self.now += STEP
            room = min(room + self._capacity * STEP, self._capacity * 0.02)
            for dummy_probe in range(self.pace.allowance(self.now, ROUND_TRIP)):
                window = self.pace.sent()
                self.sent += 1
                if room >= 1:
                    room -= 1
                    owed += self._share if self._chance is None else self._chance.random() < self._share
                if owed >= 1:
                    owed -= 1
                    self.pace.answered(window)
            if self.pace.rate != rates[-1]:
                rates.append(self.pace.rate)
        return rates


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_the_rate_grows_up_to_the_highest_while_the_share_holds(share: float) -> None:
    assert Path(share=share).run(0.3) == [START, 40_000, 160_000, CEILING]


@pytest.mark.parametrize("share", [1 / 200, 0.02, 0.3, 0.9])
@pytest.mark.parametrize("seed", [None, *range(5)])
def test_chance_is_no_reason_to_slow_down(share: float, seed: int | None) -> None:
    # At one open port in 200, a window has one answer at the start: now none, now three.
    assert Path(share=share, seed=seed).run(0.3) == [START, 40_000, 160_000, CEILING]


@pytest.mark.parametrize(
    ("sent", "before", "after", "falls"),
    [
        (200, 1, 0, False),
        (200, 16, 0, False),  # 4 deviations below 16 is nothing, and there is no less than that
        (200, 17, 0, True),
        (100, 100, 60, False),  # 4 deviations below 100
        (100, 100, 59, True),
        (1000, 1000, 800, False),  # a fifth below 1000
        (1000, 1000, 799, True),
        (1000, 0, 0, False),
        (1000, 0, 9, False),
    ],
)
def test_a_window_is_bad_only_if_chance_does_not_explain_it(sent: int, before: int, after: int, falls: bool) -> None:
    pace = Pace(0, 0.0)
    for window, answered in enumerate((before, after)):
        for dummy in range(sent):
            pace.sent()
        for dummy in range(answered):
            pace.answered(window)
        pace.allowance((window + 1) * 0.03, ROUND_TRIP)
    assert pace.rate == 4 * START  # the first one turned out well
    pace.allowance(0.09, ROUND_TRIP)
    assert pace.rate == (START / 2 if falls else 4 * START)


def test_without_a_round_trip_there_is_nothing_to_judge_and_the_rate_grows_after_a_moment() -> None:
    pace = Pace(0, 1000.0)
    rates = []
    for window in range(1, 15):
        pace.allowance(1000 + window * 0.03, 0)
        rates.append(pace.rate)
    assert rates == [START] * 8 + [40_000, 160_000, CEILING, CEILING, CEILING, CEILING]  # 0.24 s, then 0.27 s


def test_the_first_round_trip_ends_the_patience() -> None:
    pace = Pace(0, 0.0)
    for now, round_trip in ((0.03, 0.0), (0.06, 0.0), (0.09, ROUND_TRIP)):
        assert pace.rate == START
        pace.allowance(now, round_trip)
    assert pace.rate == 4 * START


@pytest.mark.parametrize("capacity", [12_000, 30_000, 100_000])
def test_the_rate_falls_with_the_share_and_never_rises_again(capacity: int) -> None:
    path = Path(capacity=capacity)
    rates = path.run(1.0)
    falling = rates[rates.index(max(rates)) :]
    assert len(falling) > 1
    assert falling == sorted(falling, reverse=True)
    assert path.run(1.0) == [path.pace.rate]


@pytest.mark.parametrize("capacity", [12_000, 30_000])
def test_the_rate_that_is_kept_is_one_that_the_way_carries(capacity: int) -> None:
    assert Path(capacity=capacity).run(1.0)[-1] <= capacity


@pytest.mark.parametrize("ceiling", [100, 5_000, 15_000])
def test_the_ceiling_is_respected(ceiling: int) -> None:
    path = Path(ceiling=ceiling)
    rates = path.run(2.0)
    assert max(rates) <= ceiling
    assert 0.9 * 2 * ceiling <= path.sent <= 2 * ceiling + 1


def test_the_ceiling_holds_after_a_pause_too() -> None:
    path = Path(ceiling=1000)
    path.run(0.1)
    path.now += 10
    assert path.pace.allowance(path.now, ROUND_TRIP) <= 0.02 * 1000


def test_silence_everywhere_is_no_reason_to_slow_down() -> None:
    assert Path(share=0.0).run(0.3)[-1] == CEILING


def test_backing_off_halves_down_to_the_lowest() -> None:
    pace = Pace(0, 0.0)
    rates = []
    for dummy in range(8):
        pace.back_off()
        rates.append(pace.rate)
    assert rates == [5000, 2500, 1250, 625, FLOOR, FLOOR, FLOOR, FLOOR]


@pytest.mark.parametrize("ceiling", [100, 499])
def test_a_ceiling_below_the_lowest_is_respected_when_backing_off(ceiling: int) -> None:
    pace = Pace(ceiling, 0.0)
    pace.back_off()
    assert pace.rate == ceiling


def test_after_backing_off_the_rate_does_not_rise_again() -> None:
    path = Path()
    path.pace.back_off()
    assert path.run(0.3) == [START / 2]
