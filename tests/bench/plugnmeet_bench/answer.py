# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tool said about the ports, and how much of it is true."""

from __future__ import annotations

from dataclasses import dataclass, field

from .paths import MEDIA, Path
from .places import Done

NONE: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Answer:
    """What a tool said. Ports in none of the sets it called closed."""

    open: frozenset[int] = NONE
    untold: frozenset[int] = NONE
    """It said that it does not know, or never said anything."""
    ambiguous: frozenset[int] = NONE
    """It said "open or filtered"."""
    strange: frozenset[int] = NONE
    """It said that somebody else answers, which is nowhere the case here."""

    def wrong(self, path: Path, asked: frozenset[int]) -> int:
        """Ports that are called open and are not, or are open and were not called so."""
        missed = asked & path.open - self.open - self.untold
        return len(self.open - path.open | missed | self.strange)

    def undecided(self, path: Path) -> int:
        """Ports about which it decided nothing; where the port is open, "open or filtered" misleads and is wrong."""
        return len(self.untold | self.ambiguous - path.open)


@dataclass(frozen=True)
class Run:
    """One run of a tool on one path."""

    seconds: float
    wrong: int
    undecided: int
    bytes_sent: int
    packets: int
    """There and back."""
    over: bool = False
    """It was stopped when its time was over."""
    facts: dict[str, float] = field(default_factory=dict)
    """What only this tool is measured for."""


def run_of(done: Done, answer: Answer, path: Path) -> Run:
    """The run of a tool that asked every port, and whose whole time counts."""
    return Run(
        seconds=done.seconds,
        wrong=answer.wrong(path, MEDIA),
        undecided=answer.undecided(path),
        bytes_sent=done.wire.bytes_sent,
        packets=done.wire.packets,
        over=done.over,
    )
