# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""How fast to ask: found from the answers, not assumed."""

from __future__ import annotations

import math

START = 10_000.0  # probes a second
CEILING = 200_000.0  # more than an interpreter sends
FLOOR = 500.0
_WINDOW = 0.01  # seconds in which the rate stays as it is
_GROWTH = 4
_FALLEN = 0.8
_DEVIATIONS = 4
_PATIENCE = 0.25  # seconds in which the first answer may come
_STALLED = 50  # answers in a row that were expected and did not come


class _Window:
    """A stretch of time with one rate, and what became of the probes that were sent in it."""

    def __init__(self, start: float, rate: float) -> None:
        self.start = start
        self.rate = rate
        self.sent = 0
        self.answered = 0


class Pace:
    """The rate of a sweep in shuffled order.

    Since the order is shuffled, the share of probes that are answered is the same all the time, whatever the firewall
    does to some of the ports. If it falls, it is our own rate that something on the way cannot stand. So the rate
    grows when a window at that rate turned out well, until one's share falls behind that of those before it; then half
    of that window's rate is tried, and half of that again. While nothing is answered there is nothing to judge, and
    after a moment the rate grows all the same.
    `ceiling` is in probes a second, 0 for none.
    """

    def __init__(self, ceiling: float, now: float) -> None:
        self._ceiling = ceiling or CEILING
        self.rate = min(START, self._ceiling)
        self._windows = [_Window(now, self.rate)]
        self._judged = 0  # windows that have been
        self._sent = self._answered = 0  # in those that were judged good
        self._settled = False
        self._missed = 0.0  # answers expected since the last window that had one
        self._credit = 0.0
        self._last = now

    def new_round(self, now: float) -> None:
        """From here on other ports are asked, of which another share may answer."""
        self._windows = [_Window(now, self.rate)]
        self._judged = self._sent = self._answered = 0
        self._missed = 0.0

    @property
    def stalled(self) -> bool:
        """Whether answers that came all the time come no more, however slowly it goes."""
        return self._missed >= _STALLED

    def allowance(self, now: float, round_trip: float) -> int:
        """How many probes may be sent now; `round_trip` is the longest of late, in seconds, 0 if none is known."""
        over = now - self._windows[-1].start >= _WINDOW
        silent = now - self._windows[0].start
        well = self._judge(now - 1.5 * round_trip) if round_trip else over and silent > _PATIENCE
        if well and not self._settled:
            self.rate = min(self.rate * _GROWTH, self._ceiling)
        if over or self.rate != self._windows[-1].rate:
            self._windows.append(_Window(now, self.rate))
        self._credit = min(self._credit + (now - self._last) * self.rate, max(1.0, self.rate * _WINDOW))
        self._last = now
        return int(self._credit)

    def sent(self) -> int:
        """A probe was sent; return the window that it belongs to."""
        self._credit -= 1
        self._windows[-1].sent += 1
        return len(self._windows) - 1

    def answered(self, window: int) -> None:
        """A probe that was sent in `window` of this round was answered."""
        self._windows[window].answered += 1

    def back_off(self) -> None:
        """Something was lost that a slower pace might have saved."""
        self._slow_down(self.rate / 2)

    def _slow_down(self, rate: float) -> None:
        self._settled = True
        self.rate = min(self._ceiling, max(FLOOR, rate))

    def _judge(self, mature: float) -> bool:
        """Judge the windows that ended before `mature`: their answers are here, if there are any.

        Tell whether one at the present rate turned out well.
        """
        well = False
        while self._judged < len(self._windows) - 1 and self._windows[self._judged + 1].start <= mature:
            window = self._windows[self._judged]
            self._judged += 1
            expected = window.sent * self._answered / self._sent if self._sent else 0.0
            self._missed = 0.0 if window.answered else self._missed + expected
            # Fewer by a fifth, and by more than chance does: the deviation of a count is about its root.
            if window.answered < min(_FALLEN * expected, expected - _DEVIATIONS * math.sqrt(expected)):
                self._slow_down(min(self.rate, window.rate / 2))
            else:
                self._sent += window.sent
                self._answered += window.answered
                well = well or window.rate >= self.rate
        return well
