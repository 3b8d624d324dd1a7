# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No tool, but the least that one in Python can take: a datagram to each port, against the echo that nmap has."""

from __future__ import annotations

import json

from ..answer import Answer, Run, run_of
from ..paths import FIRST, LAST, MEDIA, Path
from ..places import ADDRESS, PROGRAMS, PYTHON, echo, measure

LIMIT = 60.0


class BareLoop:
    """Ask each port once, and believe what comes back."""

    name = "a bare loop in Python"
    setting = "one datagram to each port, without pace, proof or second try, against an echo on every port"
    sample = 0
    once = False
    speaks_udp = True

    def ask(self, path: Path) -> Run:
        """One run."""
        with echo():
            done = measure([PYTHON, PROGRAMS / "bare_loop.py", ADDRESS, f"{FIRST}-{LAST}"], LIMIT)
        answer = Answer(untold=MEDIA) if done.over else Answer(open=frozenset(json.loads(done.output)))
        return run_of(done, answer, path)
