# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Yes, no, and cannot tell, of all ports at once: a set of ports is the bits of one integer."""

from __future__ import annotations

import re
import typing as t

from .._ports import HIGHEST

ALL = (1 << (HIGHEST + 1)) - 1

_ONES = re.compile("1+")


class Truth(t.NamedTuple):
    """The ports for which something is so, and those for which it may be; for all others it is not."""

    yes: int
    maybe: int


YES = Truth(ALL, 0)
NO = Truth(0, 0)
UNKNOWN = Truth(0, ALL)


def so(known: bool) -> Truth:
    """What does not depend on the port."""
    return YES if known else NO


def negated(truth: Truth) -> Truth:
    """Not."""
    return Truth(ALL & ~(truth.yes | truth.maybe), truth.maybe)


def both(truths: t.Iterable[Truth]) -> Truth:
    """And; of nothing it is YES."""
    yes, possible = ALL, ALL
    for truth in truths:
        yes &= truth.yes
        possible &= truth.yes | truth.maybe
        if not possible:
            break
    return Truth(yes, possible & ~yes)


def either(truths: t.Iterable[Truth]) -> Truth:
    """Or; of nothing it is NO."""
    yes = maybe = 0
    for truth in truths:
        yes |= truth.yes
        maybe |= truth.maybe
    return Truth(yes, maybe & ~yes)


def bits(first: int, last: int) -> int:
    """The ports from `first` to `last`."""
    first, last = max(first, 0), min(last, HIGHEST)
    return ((1 << (last - first + 1)) - 1) << first if first <= last else 0


def bits_of(ranges: t.Iterable[tuple[int, int]]) -> int:
    """The ports of inclusive ranges."""
    found = 0
    for first, last in ranges:
        found |= bits(first, last)
    return found


def ports_of(ports: int) -> t.Iterator[int]:
    """The inverse of bits_of."""
    for match in _ONES.finditer(f"{ports:b}"[::-1]):
        yield from range(match.start(), match.end())
