# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools that say which ports are open, one file each."""

from __future__ import annotations

from typing import Protocol

from ..answer import Run
from ..paths import Path


class Tool(Protocol):
    """What the benchmark asks of a tool."""

    name: str
    setting: str
    sample: int
    """How many ports stand for all of them; 0 if all are asked."""
    once: bool
    """Whether one run on a path has to do, since it takes so long."""
    speaks_udp: bool

    def ask(self, path: Path) -> Run:
        """One run on a path, which has been set up."""
