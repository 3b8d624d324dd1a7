# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The sweep under control: questions to known ports tell a rule from a way that takes no more.

A full connection table, and a firewall that shuts out who asks too much, look like closed ports. But they also silence
new questions to ports that are known to be open. A pause of the way, and a limit that lets through so many a second, do
so for a moment: whoever asks again later has answers.
"""

from __future__ import annotations

import random
import time

from .. import _evidence
from .sweep import TIME_OVER, Probe, Sweep

_SAMPLE = 16
_LATER_SAMPLE = 64  # of each path
_LATER = 1.0  # seconds
_SECONDS = 2.0
_BAD = 0.05  # a loss worth telling


def run(sweep: Sweep, seconds: float) -> None:
    """Run `sweep` for `seconds` at the most, and give up the paths that take no more, with evidence of it.

    The controls take up to eight seconds more for each path that is limited.
    """
    end = time.monotonic() + seconds
    while True:
        sweep.run(end - time.monotonic())
        for path in sorted({probe.path for probe in sweep.silent}):
            limit = _limit(sweep, path)
            if limit:
                answers = sum(probe.answered for probe in sweep.probes if probe.path == path)
                for probe in sweep.give_up(path):
                    sweep.see(_evidence.LIMITED, probe, limit=limit, after=answers)
        if not sweep.stalled or time.monotonic() >= end:
            return


def confirm(sweep: Sweep, end: float) -> bool:
    """Tell whether all silent ports were asked often enough, and are so a second after the last time, too.

    That many questions were lost is no matter of chance if all went in a moment, and the way was closed for it. If one
    is answered now, all that are silent over its path have to be asked anew. It takes that second, and the time for
    some questions and their answers: until `end`, or two seconds more.
    """
    doubtful = sweep.doubtful
    silent: dict[int, list[Probe]] = {}
    for probe in sweep.silent:
        if probe.path not in doubtful:
            silent.setdefault(probe.path, []).append(probe)
    if silent:
        last = max(probe.asked_at for probes in silent.values() for probe in probes)
        sweep.listen(last + _LATER - time.monotonic())
        samples = [random.sample(probes, min(_LATER_SAMPLE, len(probes))) for probes in silent.values()]
        sweep.ask([probe for sample in samples for probe in sample], max(end, time.monotonic() + _SECONDS))
        sweep.listen(sweep.patience)
    for path, probes in silent.items():
        if any(probe.answered for probe in probes):
            sweep.start_over(path)
    return not sweep.doubtful


def tell_doubts(sweep: Sweep) -> None:
    """Say of silent ports that were not asked often enough why their silence proves nothing."""
    for path in sweep.doubtful:
        lost = sweep.lost(path)
        lossy = f", and the way lost {lost:.0%} of what it asked" if lost > _BAD else ""
        for probe in sweep.silent:
            if probe.path == path and (path, probe.port) not in sweep.rejected:
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
        control.run(max(_SECONDS, 2 * control.patience))
    return len(control.silent) < len(control.probes)
