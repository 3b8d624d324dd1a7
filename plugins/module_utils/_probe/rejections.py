# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Who refused: a second, slow look at the ports that were silent, because ICMP errors are rate limited."""

from __future__ import annotations

import time
import typing as t
from itertools import zip_longest

from .. import _evidence
from . import icmp, patience
from .sweep import OWN_FIREWALL, Probe, Sweep

_GAP = 1.05  # seconds between two questions that ask for an ICMP error: Linux sends one a second
_MOST_QUESTIONS = 3
_OF_THE_ADDRESS = (*icmp.NEIGHBOUR_MISSING, *icmp.NO_WAY)


def unreachable(sweep: Sweep, heard: t.AbstractSet[int]) -> dict[int, icmp.Rejection]:
    """Return, of each path where nothing was answered, the error that says that it leads to nobody, if one did.

    Such an error is about the address and not about the port that was asked (RFC 792, RFC 4443, section 3.1). But a
    firewall may send it for a port: over the paths in `heard` somebody answered otherwise.
    """
    answered = {probe.path for probe in sweep.probes if probe.answered} | heard
    return {
        path: rejection
        for (path, dummy), rejection in sweep.rejected.items()
        if path not in answered and rejection.by in _OF_THE_ADDRESS and not sweep.paths[path].is_own(rejection)
    }


def look_again(sweep: Sweep, heard: t.AbstractSet[int]) -> set[tuple[int, int]]:
    """Ask some of the silent ports again, slowly, for ICMP errors about them; return their paths and numbers.

    A rejected range shows as a few rejected ports among silent ones, of which the edges and the middle are asked; one
    without any may have had no luck, since TCP had used up the errors that there may be, and is asked first, in its
    middle. An address that does not reject even that rejects nothing. Nothing else may draw errors meanwhile. It takes
    as many seconds as there are questions to one address.
    """
    asked: set[tuple[int, int]] = set()
    if not sweep.silent:
        return asked
    sweep.listen(patience.SHORTEST)  # a router takes three seconds to find that nobody is there
    first: list[list[Probe]] = [[] for dummy in sweep.paths]
    then: list[list[Probe]] = [[] for dummy in sweep.paths]
    missing, doubtful = unreachable(sweep, heard), sweep.doubtful
    paths = {path for path, dummy in sweep.rejected}
    for run in sorted(_silent_runs(sweep), key=len, reverse=True):
        path, middle = run[0].path, run[len(run) // 2]
        if path in missing:
            continue
        if any((probe.path, probe.port) in sweep.rejected for probe in run):
            edges = {probe.port: probe for probe in (run[0], run[-1], middle)}
            then[path] += [probe for probe in edges.values() if (probe.path, probe.port) not in sweep.rejected]
        elif path not in doubtful or path in paths:  # of those that were not asked often enough it is said anyway
            first[path].append(middle)
    questions = [[*early[: _MOST_QUESTIONS - 1], *late] for early, late in zip(first, then)]
    # The limit holds for each destination, so that one question to each address can go at a time.
    for probes in list(zip_longest(*questions))[:_MOST_QUESTIONS]:
        rejecting = {path for path, dummy in sweep.rejected}
        promising = [probe for probe in probes if probe and (not asked or probe.path in rejecting)]
        if not promising:
            break
        sweep.listen(_GAP)
        for probe in promising:
            asked.add((probe.path, probe.port))
            sweep.send(probe, time.monotonic())
        sweep.listen(sweep.patience)
    return asked


def _silent_runs(sweep: Sweep) -> list[list[Probe]]:
    """The probes without an answer, as runs of neighbouring ports of one address."""
    runs: list[list[Probe]] = []
    for probe in sorted(sweep.silent, key=lambda probe: (probe.path, probe.port)):
        last = runs[-1][-1] if runs else None
        if last and last.path == probe.path and last.port == probe.port - 1:
            runs[-1].append(probe)
        else:
            runs.append([probe])
    return runs


def conclude(sweep: Sweep, asked: set[tuple[int, int]], heard: t.AbstractSet[int]) -> None:
    """Turn the rejections into evidence.

    Of a run with a rejected port the whole run was rejected, unless it was not always in the same way, or one of the
    ports that were `asked` slowly enough to get an ICMP error of their own stayed silent. If the address is
    unreachable, all of the path was.
    """
    missing = unreachable(sweep, heard)
    for run in _silent_runs(sweep):
        keys = [(probe.path, probe.port) for probe in run]
        rejections = [sweep.rejected[key] for key in keys if key in sweep.rejected]
        alike = len({(rejection.by, rejection.offender) for rejection in rejections}) == 1
        whole = alike and not any(key in asked and key not in sweep.rejected for key in keys)
        for key, probe in zip(keys, run):
            rejection = sweep.rejected.get(key) or missing.get(probe.path) or (rejections[0] if whole else None)
            if rejection and sweep.paths[probe.path].is_own(rejection):
                sweep.see(_evidence.UNSENT, probe, reason=OWN_FIREWALL)
            elif rejection:
                sweep.see(_evidence.REJECTED, probe, by=rejection.by, offender=rejection.offender)
