# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server and prober in the lab: what is on them, and commands in them."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LAB = ROOT / "tests/lab/lab"
LOOK = (ROOT / "extensions/molecule/shared/look-at-host.sh").read_text(encoding="utf-8")

Look = dict[str, str]


def lab(*words: str | Path, given: str = "") -> str:
    """What a command of the lab prints; one that finds nothing has nothing to say."""
    return subprocess.run([LAB, *words], input=given, capture_output=True, text=True, check=False).stdout


def shell(machine: str, script: str) -> str:
    """What a script prints in a machine."""
    return lab("exec", machine, "sh", "-c", script)


def look() -> Look:
    """Everything on server and prober that a preflight must leave as it is."""
    return {machine: lab("exec", machine, "sh", "-s", given=LOOK) for machine in ("server", "outside")}


def difference(before: Look, now: Look) -> str:
    """What is not as it was."""
    lines = []
    for machine, text in before.items():
        old, new = text.splitlines(), now[machine].splitlines()
        lines += [f"{machine} lacks: {line}" for line in old if line not in new]
        lines += [f"{machine} has: {line}" for line in new if line not in old]
    return "NOT as it was: " + "; ".join(lines or ["the same lines, another number of them"])


def say(text: str, end: str = "\n") -> None:
    """Print at once."""
    print(text, end=end, flush=True)
