# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nmap, against an echo on every port."""

from __future__ import annotations

from xml.etree import ElementTree

from ..answer import Answer, Run, run_of
from ..paths import FIRST, LAST, MEDIA, Path
from ..places import ADDRESS, echo, measure, provide
from .ours import numbers

SCAN = ("nmap", "-sU", "-n", "-Pn", "-p", f"{FIRST}-{LAST}", "-oX", "-")
# The one that did best of some fifteen that were tried on these paths. Lower rates and patience (-T4) take longer, a
# higher rate gains nothing, fewer retries miss open ports where a tenth is lost, and more of them find no more.
BEST = ("-T5", "--min-rate", "40000", "--max-retries", "6")


class Nmap:
    """One setting of nmap."""

    sample = 0
    speaks_udp = True

    def __init__(self, name: str, options: tuple[str, ...], limit: float, once: bool = False) -> None:
        """`limit` is in seconds, after which it is stopped."""
        provide("nmap", "nmap")
        self.name = name
        self.setting = f"`{' '.join([*SCAN[:4], *options])}` against an echo on every port"
        self.once = once
        self._options = options
        self._limit = limit

    def ask(self, path: Path) -> Run:
        """One run."""
        with echo():
            done = measure([*SCAN, *self._options, ADDRESS], self._limit)
        # It says nothing before it is through.
        answer = Answer(untold=MEDIA) if done.over else read(done.output)
        return run_of(done, answer, path)


def read(report: str) -> Answer:
    """The answer in nmap's XML, where ports of a state with many are written as ranges."""
    host = ElementTree.fromstring(report)  # noqa: S314  (nmap's own)
    states: dict[str, set[int]] = {}
    for port in host.iter("port"):
        state = port.find("state")
        if state is not None:
            states.setdefault(state.get("state", ""), set()).add(int(port.get("portid", "0")))
    for extra in host.iter("extraports"):
        for reason in extra.iter("extrareasons"):
            states.setdefault(extra.get("state", ""), set()).update(numbers(reason.get("ports", "")))
    seen = {name: frozenset(ports) for name, ports in states.items()}
    told = frozenset().union(*seen.values())
    return Answer(
        open=seen.get("open", frozenset()), ambiguous=seen.get("open|filtered", frozenset()), untold=MEDIA - told
    )
