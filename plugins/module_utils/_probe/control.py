# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The sweep under control: questions to known ports tell a rule from a way that takes no more.

A full connection table, and a firewall that shuts out who asks too much, look like closed ports. But they also silence
new questions to ports that are known to be open.
"""

from __future__ import annotations

import random
import time

from .. import _evidence
from .sweep import TIME_OVER, Sweep

_SAMPLE = 16
_SECONDS = 2.0
_BAD = 0.05  # a loss worth telling


def run(sweep: Sweep, seconds: float) -> None:
    """Run `sweep` for `seconds` at the most, and say of silent ports why their silence proves nothing, if it does not.

    The controls take up to four seconds more for each path that is limited.
    """
    end = time.monotonic() + seconds
    while True:
        sweep.run(end - time.monotonic())
        for path in sorted({probe.path for probe in sweep.silent}):
            limit = _limit(sweep, path)
            if limit:
                answers = sum(probe.answered for probe in sweep.probes)
                for probe in sweep.give_up(path):
                    sweep.see(_evidence.LIMITED, probe, limit=limit, after=answers)
        if not sweep.stalled or time.monotonic() >= end:
            break
    if not sweep.sure:
        lossy = f", and the way lost {sweep.lost:.0%} of what it asked" if sweep.lost > _BAD else ""
        for probe in sweep.silent:
            if (probe.path, probe.port) not in sweep.rejected:
                sweep.see(_evidence.UNSENT, probe, reason=TIME_OVER + lossy)


def _limit(sweep: Sweep, path: int) -> str:
    """What the way takes no more of: new `flows`, or any `questions`; empty if it takes both, or if nothing tells."""
    known = sorted(sweep.evidence.all(_evidence.OPEN, "udp", sweep.paths[path].name, sweep.vantage))
    sample = random.sample(known, min(_SAMPLE, len(known)))
    if not sample or _answers(sweep.again(path, sample)):
        return ""
    return "flows" if _answers(sweep.again(path, sample, same_source=True)) else "questions"


def _answers(control: Sweep) -> bool:
    with control:
        control.run(_SECONDS)
    return len(control.silent) < len(control.probes)
