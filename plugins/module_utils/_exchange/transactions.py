# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Which questions were answered already: who records one gets nothing by sending it again.

A question is answered to its first source and on its first port only, and there as often as a peer that hears nothing
may send it again. So what is recorded is worth nothing elsewhere, and moves no more than a few answers to anybody.
"""

from __future__ import annotations

from .shapes import Address

MOST_ANSWERS = 7  # of one transaction: Rc of RFC 8489, section 6.2.1
_MOST_KNOWN = 100_000  # of a generation; a sweep with much loss makes so many


class Transactions:
    """The transactions that were answered, the last hundred thousand of them at the least."""

    def __init__(self) -> None:
        self._ends: dict[bytes, int] = {}
        self._older: dict[bytes, int] = {}
        self._repeats: dict[bytes, int] = {}

    def is_replay(self, transaction_id: bytes, source: Address, port: int) -> bool:
        """Tell whether this question of the session, which came from `source` to `port`, shall get no answer."""
        ends = hash((source, port))  # with a seed of this process alone
        known = self._ends.get(transaction_id) or self._older.get(transaction_id)
        if known is None:
            if len(self._ends) >= _MOST_KNOWN:
                self._older, self._ends, self._repeats = self._ends, {}, {}
            self._ends[transaction_id] = ends
            return False
        if known != ends:
            return True
        answers = self._repeats.get(transaction_id, 1)
        self._repeats[transaction_id] = answers + 1
        return answers >= MOST_ANSWERS
