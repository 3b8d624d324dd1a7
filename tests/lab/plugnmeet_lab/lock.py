# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One at a time, without lock files: a folder that is there anyway is locked, and a dead holder's lock goes with it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .shell import say


@contextmanager
def locked(folder: Path, waiting_for: str = "") -> Iterator[None]:
    """Hold the folder's lock, and say what it has to wait for unless that is over in a moment."""
    holder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting_for:
                say(f"lab: waiting for {waiting_for}")
            fcntl.flock(holder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(holder)
