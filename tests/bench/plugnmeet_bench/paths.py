# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths that every tool goes, and the truth about each of them."""

from __future__ import annotations

from dataclasses import dataclass

FIRST, LAST = 50000, 60000
MEDIA = frozenset(range(FIRST, LAST + 1))
# As in five-holes.router.nft.
HOLES = frozenset(port for hole in (50000, 52345, 55000, 57777, 59901) for port in range(hole, hole + 100))


@dataclass(frozen=True)
class Path:
    """A situation of the lab, and which of the media ports are open in it."""

    situation: str
    title: str
    open: frozenset[int] = MEDIA


PATHS = (
    Path("none", "clean, below 1 ms"),
    Path("delay-50ms", "50 ms there and back, 1 % lost each way"),
    Path("loss-10", "10 % lost each way"),
    Path("five-holes", "five holes of 100 ports, dropped", MEDIA - HOLES),
    Path("closed-all", "everything dropped", frozenset()),
    Path("rejected-all", "everything rejected by the router", frozenset()),
    Path("flow-limit", "a router that takes 4,096 flows"),
    Path("policer-2000", "a policer of 2,000 packets a second"),
)
