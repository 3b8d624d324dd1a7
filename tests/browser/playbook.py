# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of a visit and of a preflight, as an admin runs them, and what their reports have."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from outside import CONTROLLER, LAB

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "203.0.113.10"
PLAYBOOK = ROOT / ".cache/venv" / os.environ.get("CORE", "newest") / "bin/ansible-playbook"

Report = dict[str, object]
# Ports, by the name of the entry and the address family
Found = dict[str, str]


RUNNING: list[Visit] = []
LATEST: list[Visit] = []


class NotRightError(Exception):
    """What is not as it shall be."""


class Visit:
    """The playbook, run in the lab's controller, on a terminal of its own or without any."""

    def __init__(
        self, folder: Path, *arguments: str, address: str = ADDRESS, visitors: int = 1, terminal: bool = True
    ) -> None:
        self.folder = folder
        self.page = folder / "visit-meet1.html"
        self.screen = b""
        inventory = subprocess.run([LAB, "inventory"], check=True, capture_output=True, text=True).stdout.strip()
        command: list[str | Path] = [
            *(*CONTROLLER, PLAYBOOK, "plugnmeet.server.visit", "-i", inventory),
            *("-e", f"preflight_address={address}", "-e", f"visit_page_dir={folder}"),
            *("-e", f"preflight_report_dir={folder}", "-e", f"visit_minutes={min(55, 4 * visitors)}"),
            *("-e", f"visit_visitors={visitors}", *arguments),
        ]
        words = [str(word) for word in command]
        if terminal:
            self.pid, self.terminal = pty.fork()
            if self.pid == 0:
                os.execv(words[0], words)  # noqa: S606  (there is to be no shell)
        else:
            self.terminal, end = os.pipe()
            nothing = os.open(os.devnull, os.O_RDONLY)
            places = [(os.POSIX_SPAWN_DUP2, one, other) for one, other in ((nothing, 0), (end, 1), (end, 2))]
            self.pid = os.posix_spawn(words[0], words, os.environ, file_actions=places)
            os.close(end)
            os.close(nothing)
        RUNNING.append(self)
        LATEST[:] = [self]
        self.wait_for("Without anything typed", 60)

    def wait_for(self, words: str, seconds: float) -> None:
        """Read the screen until it has `words`."""
        end = time.monotonic() + seconds
        while words.encode() not in self.screen:
            if time.monotonic() > end or not self.read():
                raise NotRightError(f"{words!r} is not on the screen: {self.text()[-1500:]}")

    def wait_for_count(self, words: str, times: int, seconds: float) -> None:
        """Read the screen until it has `words` so many times."""
        end = time.monotonic() + seconds
        while self.screen.count(words.encode()) < times:
            if time.monotonic() > end or not self.read():
                raise NotRightError(f"{words!r} is not {times} times on the screen: {self.text()[-1500:]}")

    def read(self, seconds: float = 1.0) -> bool:
        """Take what the screen shows; tell whether there may be more."""
        if not select.select([self.terminal], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.terminal, 65536)
        except OSError:
            return False
        self.screen += data
        return bool(data)

    def type(self, words: str) -> None:
        """Type or paste."""
        data = words.encode()
        while data:
            data = data[os.write(self.terminal, data) :]

    def enter(self) -> None:
        """Press ENTER until it is taken: Ansible forgets what comes between two of its prompts."""
        for _ in range(5):
            time.sleep(0.7)  # what is read last is the line with which a prompt begins, and that forgets what was typed
            self.type("\r")
            with suppress(NotRightError):
                self.wait_for("End the listener", 4)
                return

    def link(self) -> str:
        """The link to the page."""
        return next(word for word in self.text().split() if word.startswith("http://"))

    def text(self) -> str:
        """The screen, without the terminal's own signs."""
        return self.screen.decode("utf-8", "replace").replace("\r", "")

    def finish(self) -> Report:
        """Wait for the end, and return the report."""
        end = time.monotonic() + 90
        while self.read() and time.monotonic() < end:
            pass
        if time.monotonic() >= end:
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        RUNNING.remove(self)
        found: Report = json.loads((self.folder / "meet1.json").read_text(encoding="utf-8"))
        return found


def same(what: str, one: object, other: object) -> None:
    """Raise NotRightError unless both are the same."""
    if one != other:
        raise NotRightError(f"{what}: {one!r} is not {other!r}")


def open_ports(report: Report, vantage: int = 0) -> Found:
    """What a report has as open for a vantage, by the name of the entry and the address family."""
    host = report["vantages"][vantage]["host"]  # type: ignore[index]
    found = {}
    for check in report["checks"]:  # type: ignore[attr-defined]
        if check["vantage"] == host:
            ports = next((r["ports"] for r in check["results"] if r["state"] == "open"), "")
            found[f"{check['name']}/{check['family']}"] = ports
    return found


def prober_says(folder: Path, address: str = ADDRESS) -> Found:
    """What a prober on the browser's host finds open."""
    inventory = subprocess.run([LAB, "inventory"], check=True, capture_output=True, text=True).stdout.strip()
    where = folder / "prober"
    command: list[str | Path] = [*CONTROLLER, PLAYBOOK, "plugnmeet.server.preflight", "-i", inventory]
    command += ["-e", f"preflight_address={address}", "-e", f"preflight_report_dir={where}"]
    subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
    return open_ports(json.loads((where / "meet1.json").read_text(encoding="utf-8")))
