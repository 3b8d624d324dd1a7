# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own wait_for in a loop: TCP only, so it says nothing of the media ports but how long it would take."""

from __future__ import annotations

import json

from ..answer import Run
from ..paths import MEDIA, Path
from ..places import ADDRESS, PROGRAMS, PYTHON, ROOT, Done, echo, measure

PLAYBOOK = ROOT / ".cache/venv/newest/bin/ansible-playbook"


class WaitFor:
    """One port after the other, of which only some are done; the rest is reckoned."""

    name = "wait_for in a loop"
    once = True
    speaks_udp = False

    def __init__(self, sample: int) -> None:
        """`sample` ports."""
        self.sample = sample
        self.setting = f"`wait_for` with `timeout: 3`, for {sample} TCP ports one after the other"

    def ask(self, path: Path) -> Run:  # noqa: ARG002  (whatever the truth is, this says nothing about UDP)
        """One run: the difference between one port and some more."""
        with echo():
            one, more = play(1), play(1 + self.sample)
        share = len(MEDIA) / self.sample
        return Run(
            seconds=(more.seconds - one.seconds) * share,
            wrong=0,
            undecided=len(MEDIA),
            bytes_sent=round((more.wire.bytes_sent - one.wire.bytes_sent) * share),
            packets=round((more.wire.packets - one.wire.packets) * share),
        )


def play(count: int) -> Done:
    """Run the playbook for as many ports."""
    given = {"address": ADDRESS, "count": count, "ansible_python_interpreter": PYTHON}
    playbook = [str(PLAYBOOK), str(PROGRAMS / "wait_for.yml")]
    return measure([*playbook, "-i", "localhost,", "-e", json.dumps(given)], 120)
