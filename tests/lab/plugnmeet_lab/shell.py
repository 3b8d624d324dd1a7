# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running commands, and saying what is being done."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class LabError(Exception):
    """What the lab cannot do, in one sentence for a person."""


def say(text: str, end: str = "\n") -> None:
    """Progress goes to stderr, so that stdout holds only what was asked for."""
    sys.stderr.write(text + end)
    sys.stderr.flush()


@contextmanager
def step(what: str) -> Iterator[None]:
    """One line for one step, with its time where a person had to wait for it."""
    say(f"lab: {what}", end="")
    began = time.monotonic()
    try:
        yield
    except BaseException:
        say(" ... failed")
        raise
    took = time.monotonic() - began
    say(f" ... {took:.1f} s" if took >= 0.5 else "")


def run(command: Sequence[str | Path], given: str = "") -> str:
    """The command's stdout; a failure tells which command and the last thing that it said."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, input=given, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise LabError(f"there is no command {words[0]!r} on this machine") from error
    if done.returncode:
        raise LabError(f"`{shlex.join(words)}` failed: {reason(done.stderr or done.stdout)}")
    return done.stdout


def reason(text: str) -> str:
    """Why a tool failed, out of all that it said: apt's first error, or else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("E: ") for line in lines if line.startswith("E: ")]
    return (errors[:1] or lines[-1:] or ["it gave no reason"])[0]
