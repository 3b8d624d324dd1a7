# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's control group: the kernel's own list of every process that the lab started.

Nothing else has to be remembered about processes: no pid that could belong to somebody else by now, no daemon that
slipped away by forking. `cgroup.kill` ends them all at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .shell import LabError


def hierarchies() -> list[Path]:
    """The mounted hierarchies in which systemd keeps track of processes: version 2's first, then version 1's if any."""
    unified: list[Path] = []
    named: list[Path] = []
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        mount, _, filesystem = line.partition(" - ")
        kind, _, options = filesystem.split(" ", 2)
        if kind == "cgroup2":
            unified.append(Path(mount.split()[4]))
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            named.append(Path(mount.split()[4]))
    if not unified:
        raise LabError("this kernel has no cgroup2 mounted, which the lab keeps its processes in")
    return unified[:1] + named[:1]


class Cgroup:
    """A control group by its name, in each hierarchy that matters."""

    def __init__(self, name: str) -> None:
        """Nothing is created yet."""
        self.folders = [hierarchy / name for hierarchy in hierarchies()]

    def create(self, part: str) -> None:
        """Make a part of the group, in which processes can be put."""
        for folder in self.folders:
            (folder / part).mkdir(parents=True, exist_ok=True)

    def enter(self, part: str, pid: int | None = None) -> None:
        """Put a process into a part of the group: the calling one, if no other is named."""
        self.create(part)
        for folder in self.folders:
            (folder / part / "cgroup.procs").write_text(str(pid or os.getpid()), encoding="ascii")

    def holds_me(self) -> bool:
        """Whether the calling process is in the group."""
        return os.getpid() in self.pids()

    def pids(self, part: str = "") -> Iterator[int]:
        """Every process in the group, or in one part of it."""
        for procs in (self.folders[0] / part).rglob("cgroup.procs"):
            try:
                yield from map(int, procs.read_text(encoding="ascii").split())
            except OSError:
                continue  # that part of the group went away while we were looking

    def remove(self, part: str = "") -> None:
        """End all its processes and take the group away, or one part of it."""
        folders = [folder / part for folder in self.folders]
        if folders[0].is_dir():
            (folders[0] / "cgroup.kill").write_text("1", encoding="ascii")
        patience = time.monotonic() + 10
        while not all(removed(folder) for folder in folders):
            if time.monotonic() > patience:
                raise LabError(f"processes {sorted(self.pids(part))} of the lab do not end, although killed")
            time.sleep(0.01)


def removed(folder: Path) -> bool:
    """Remove a group with its parts; false while one of them still has a process."""
    for part, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            Path(part).rmdir()
    return not folder.exists()
