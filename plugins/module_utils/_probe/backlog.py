# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Questions that wait on the way or at the target: to ask faster than they are answered is no gain.

It makes the queue longer, which may be somebody else's, too, and then it takes as long to know that a port is silent.
"""

from __future__ import annotations

import collections
import math

_LONGEST = 0.01  # seconds to wait in a queue
_LATEST = 16  # answers


class Backlog:
    """How much longer answers take than the way itself does, and the pauses in which the queue becomes shorter.

    The shortest of the latest tells: chance makes some answers late, and a queue all (RFC 6817, section 2.4.2).
    """

    def __init__(self) -> None:
        self._shortest = math.inf
        self._latest: collections.deque[float] = collections.deque(maxlen=_LATEST)
        self._until = -math.inf

    def answered(self, asked_at: float, took: float) -> None:
        """The answer to a question that was sent `asked_at` took so many seconds."""
        self._shortest = min(self._shortest, took)
        if asked_at >= self._until:  # what was asked before the pause saw the queue that was there before
            self._latest.append(took)

    def pauses(self, now: float) -> bool:
        """Tell whether nothing shall be asked now."""
        if len(self._latest) == _LATEST:
            waits = min(self._latest) - self._shortest
            if waits > _LONGEST:
                self._until = now + waits
                self._latest.clear()
        return now < self._until
