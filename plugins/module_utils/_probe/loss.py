# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the way loses, and what a port's silence is worth on such a way."""

from __future__ import annotations

import typing as t

MOST_DOUBT = 1e-6

_UNKNOWN = 0.02  # where nothing answered
# Little was measured where few answered: as many questions more are assumed, of which some were lost.
_ASSUMED_SENDS, _ASSUMED_LOST = 50, 5


class Sends(t.NamedTuple):
    """How many questions went to ports that did answer, and how many ports these are."""

    sends: int
    answered: int

    @property
    def lost(self) -> float:
        """The share of the questions that were lost, or whose answers were."""
        return (self.sends - self.answered) / self.sends if self.sends else 0.0

    @property
    def feared(self) -> float:
        """The share that has to be reckoned with, given how few were sent."""
        if not self.answered:
            return _UNKNOWN
        return (self.sends - self.answered + _ASSUMED_LOST) / (self.sends + _ASSUMED_SENDS)


def doubt(silent: int, asked: int, feared: float) -> float:
    """The chance that one of so many silent ports is open, and that the `asked` questions to it were all lost.

    It may be above one, since the chances of all of them are added.
    """
    return silent * feared**asked
