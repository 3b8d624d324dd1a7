# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No tool, but the least that proofs can take in Python: the collection's questions and checks, and its listener."""

from __future__ import annotations

import json

from ..answer import Answer, Run, run_of
from ..paths import MEDIA, Path
from ..places import ADDRESS, PROGRAMS, measure
from .ours import IMPORTABLE, PORTS, listening, new_session

LIMIT = 60.0


class ProvingLoop:
    """Ask each port, and check what comes back."""

    name = "the same proofs in a bare loop"
    setting = (
        "the collection's questions and checks alone, without pace, each silent port three times, or six where none "
        "answers, against its listener"
    )
    sample = 0
    once = False
    speaks_udp = True

    def ask(self, path: Path) -> Run:
        """One run."""
        session = new_session()
        with listening(session):
            done = measure([*IMPORTABLE, PROGRAMS / "proving_loop.py", ADDRESS, PORTS], LIMIT, session)
        answer = Answer(untold=MEDIA) if done.over else Answer(open=frozenset(json.loads(done.output)))
        return run_of(done, answer, path)
