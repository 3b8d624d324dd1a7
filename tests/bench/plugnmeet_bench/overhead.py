# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole preflight over SSH, beside as many Ansible tasks that do nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from .places import LAB, PROGRAMS, ROOT, lab

PLAYBOOK = ROOT / ".cache/venv/newest/bin/ansible-playbook"


@dataclass
class Overhead:
    """What was measured, in seconds, each list in the order of the runs; and the listener's most memory, in bytes."""

    preflight: list[float] = field(default_factory=list)
    probing: list[float] = field(default_factory=list)
    nothing: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    asking: list[float] = field(default_factory=list)
    memory: int = 0

    @property
    def ratios(self) -> list[float]:
        """How much longer the preflight takes than tasks that do nothing."""
        return [ours / theirs for ours, theirs in zip(self.preflight, self.nothing, strict=True)]

    @property
    def down_longer(self) -> list[float]:
        """How much longer services are down than the prober asks and a bare stop and start take."""
        return [down - bare - asking for down, bare, asking in zip(self.down, self.bare, self.asking, strict=True)]


def measure_overhead(runs: int) -> Overhead:
    """Run both, one right after the other, so that whatever else this machine does hits both alike."""
    lab("up")
    lab("firewall", "none")
    found = Overhead()
    with tempfile.TemporaryDirectory() as reports:
        # With -v the prober's own result shows, which has how long it asked.
        preflight = ("plugnmeet.server.preflight", "-v", "-e", f"preflight_report_dir={reports}")
        play(PROGRAMS / "noop.yml")  # opens the SSH connections that both use
        for number in range(runs):
            print(f"whole preflight, run {number + 1} of {runs}", file=sys.stderr)
            found.bare.append(float(lasting(PROGRAMS / "restart.py").communicate()[0]))
            found.nothing.append(play(PROGRAMS / "noop.yml")[0])
            seconds, said = play(*preflight)
            report = json.loads((Path(reports) / "meet1.json").read_text(encoding="utf-8"))
            found.preflight.append(seconds)
            found.probing.append(report["seconds"])
            found.down.append(max(service["down_seconds"] for service in report["services"]))
            found.asking.append(asked_for(said))
        with lasting(PROGRAMS / "watch.py") as watch:
            play(*preflight)
            found.memory = int(watch.communicate()[0]) * 1024
    return found


def lasting(program: Path) -> subprocess.Popen[str]:
    """Run a program in the server, which has none of this host's files, beside what else is done."""
    text = program.read_text(encoding="utf-8")
    return subprocess.Popen([LAB, "exec", "server", "python3", "-c", text], stdout=subprocess.PIPE, text=True)


def asked_for(said: str) -> float:
    """How long the prober asked, in seconds, from what ansible-playbook printed."""
    found = re.search(r'"seconds": ([0-9.]+), "seconds_to_verdict": (?!0\.0\b)', said)
    if not found:
        raise RuntimeError("the preflight did not show how long the prober asked")
    return float(found[1])


def play(*arguments: str | Path) -> tuple[float, str]:
    """Run ansible-playbook in the lab and return how long it took, in seconds, and what it printed."""
    command = [LAB, "run", PLAYBOOK, "-i", lab("inventory"), *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, arguments))} failed:\n{done.stdout}{done.stderr}")
    return seconds, done.stdout
