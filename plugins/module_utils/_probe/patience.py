# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""How long the answer to a question may take over one path: found from those that came."""

from __future__ import annotations

import math

# Seconds to wait where nothing was answered yet. It takes four rounds and more to believe that, and so a second.
UNKNOWN = 0.25
SHORTEST = 0.02
LONGEST = 2.0  # what comes later counts, but nobody waits for it
_LONGER = 1.5
_FADES = 0.9
_REORDERING = 0.25  # of the shortest round trip (RFC 8985, section 6.2, step 4)
_SHORTEST_REORDERING = 0.01  # seconds; a listener of several processes answers in more than one order


class Patience:
    """What the answers over one path tell of those to come; `round_trip` is the longest of late, 0 before the first.

    Until then an answer may take `least` seconds, or longer.
    """

    def __init__(self, least: float = 0.0) -> None:
        self.round_trip = 0.0
        self._unknown = max(UNKNOWN, least)
        self._shortest = math.inf
        self._newest = -math.inf  # when the last question was asked that was answered

    def answered(self, asked_at: float, took: float) -> None:
        """The answer to a question that was sent `asked_at` took so many seconds."""
        self.round_trip = max(_FADES * self.round_trip, took)
        self._shortest = min(self._shortest, took)
        self._newest = max(self._newest, asked_at)

    @property
    def wait(self) -> float:
        """How many seconds an answer may take."""
        return min(LONGEST, max(SHORTEST, _LONGER * self.round_trip)) if self.round_trip else self._unknown

    def overdue(self, now: float) -> float:
        """Return how old a question must be for its answer to be overdue: when it was sent, at the latest.

        Behind a queue all answers take long. But one whose turn was before that of another, which is here, does not
        come any more (RFC 8985, section 6.2, step 5).
        """
        disorder = max(_SHORTEST_REORDERING, _REORDERING * self._shortest)
        return max(now - self.wait, min(self._newest, now - self.round_trip - disorder))
