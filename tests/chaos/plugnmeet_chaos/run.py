# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One preflight over SSH, by the real ansible-playbook."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from .machines import LAB, ROOT, lab

CORE = os.environ.get("CHAOS_CORE") or "newest"
LOG = ROOT / ".cache/logs/chaos-playbook.log"
ENVIRONMENT = {
    "ANSIBLE_HOME": str(ROOT / ".cache/ansible"),
    "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache/collections"),
    "NO_COLOR": "1",
    "PYTHONUNBUFFERED": "1",
}
LONGEST = 180  # seconds


class Run:
    """One ansible-playbook, with the task that it is at."""

    def __init__(self, *arguments: str, core: str = CORE, controller: str = "", **environment: str) -> None:
        """Start it, as a terminal would: in a process group of its own, behind a script in a mount namespace."""
        self._mark = f"chaos_run={time.time_ns()}"
        playbook = ROOT / ".cache/venv" / core / "bin/ansible-playbook"
        command: list[str | Path] = [LAB, "run", playbook, "plugnmeet.server.preflight", "-i", lab("inventory").strip()]
        if controller:
            command = [
                "unshare",
                "--mount",
                "--propagation=slave",
                "sh",
                "-ec",
                f'{controller}\nexec "$@"',
                "sh",
                *command,
            ]
        self.process = subprocess.Popen(
            # The last one tells this run's processes from any other's.
            [*command, *arguments, "-e", self._mark],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            env={**os.environ, **ENVIRONMENT, **environment},
        )
        self.task = "before the first task"
        self.marked = (0.0, "")
        self.began: dict[str, float] = {}
        self.said: list[str] = []
        self._tasks: Queue[str] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.said.append(line)
            task = re.match(r"TASK \[(?:plugnmeet\.server\.preflight : )?(.*)\]", line)
            if task:
                self.task = task[1]
                self.began[task[1]] = time.monotonic()
                self._tasks.put(task[1])

    def reach(self, task: str) -> bool:
        """Wait until a task begins; false if the run ends without."""
        while True:
            try:
                if self._tasks.get(timeout=0.05) == task:
                    return True
            except Empty:
                if self.process.poll() is not None and self._tasks.empty():
                    return False

    def processes(self) -> list[int]:
        """Its process and all that came from it, by the arguments that they have in common."""
        found = []
        for folder in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                if self._mark.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def bury(self) -> None:
        """End what is left of it: Ansible's own workers stay when ansible-playbook is killed."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def mark(self) -> None:
        """Note the time, and the task that it is at."""
        self.marked = time.monotonic(), self.task

    def finish(self) -> int:
        """Wait for its end, and for that of its last word."""
        code = self.process.wait(timeout=LONGEST)
        self._reader.join(timeout=5)
        LOG.parent.mkdir(parents=True, exist_ok=True)
        LOG.write_text("".join(self.said), encoding="utf-8")
        return code
