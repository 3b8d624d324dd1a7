# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Port sets: parse, compress.

Written form: ports and inclusive ranges, separated by commas, as in `80,443,50000-60000`.
"""

from __future__ import annotations

import re
import typing as t

from ._errors import PreflightError, as_given

LOWEST, HIGHEST = 1, 65535

_ITEM = re.compile(r"([0-9]{1,9})(?:\s*-\s*([0-9]{1,9}))?", re.ASCII)


def parse_ports(text: str | int) -> frozenset[int]:
    """Return the ports that `text` names.

    Raises PreflightError, saying what is wrong with which part, for anything but a non-empty port set.
    """
    ports: set[int] = set()
    named = 0
    for item in str(text).split(","):
        match = _ITEM.fullmatch(item.strip())
        if not match:
            raise PreflightError(f"{as_given(text)} is not a port set; write it as 443, 50000-60000 or 80,443")
        first = int(match.group(1))
        last = int(match.group(2) or first)
        if not (LOWEST <= first <= HIGHEST and LOWEST <= last <= HIGHEST):
            raise PreflightError(f"{as_given(text)} has a port outside {LOWEST}-{HIGHEST}; name ports that exist")
        if first > last:
            raise PreflightError(f"{as_given(text)} has a range that ends before it starts; write {last}-{first}")
        named += last - first + 1
        if named > HIGHEST:
            raise PreflightError(f"{as_given(text)} names more ports than there are; name each once")
        ports.update(range(first, last + 1))
    return frozenset(ports)


def ranges(ports: t.Iterable[int]) -> list[tuple[int, int]]:
    """Return `ports` as sorted, disjoint, inclusive ranges, as few as possible."""
    found: list[tuple[int, int]] = []
    for port in sorted(set(ports)):
        if found and found[-1][1] == port - 1:
            found[-1] = (found[-1][0], port)
        else:
            found.append((port, port))
    return found


def format_ports(ports: t.Iterable[int]) -> str:
    """Return the one compressed and sorted way to write `ports`; an empty string for none."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges(ports))


def read_ports(text: str) -> frozenset[int]:
    """The inverse of format_ports: unlike parse_ports it takes an empty string for no ports."""
    return parse_ports(text) if text else frozenset()
