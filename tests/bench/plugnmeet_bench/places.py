# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as the benchmark uses it: situations, processes in its places, and what went through the wire."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from plugnmeet_lab import network
from plugnmeet_lab.cgroup import Cgroup
from plugnmeet_lab.layout import SERVER, this_instance

from .paths import FIRST, LAST

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = Path(__file__).resolve().parent / "programs"
ADDRESS = SERVER.address4
# The one that Debian's machines have; the others that may be on this host were built by somebody else.
PYTHON = "/usr/bin/python3"
LAB = ROOT / "tests/lab/lab"

Command = Sequence[str | Path]


def lab(*arguments: str) -> str:
    """Run the lab's command and return what it prints."""
    return subprocess.run([LAB, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@contextlib.contextmanager
def free_server() -> Iterator[None]:
    """The lab, with nothing on the server that holds media ports; as it was, in the end."""
    lab("up")
    lab("firewall", "none")
    # What is started from here on ends with the lab, at the latest.
    Cgroup(this_instance().name).enter("commands")
    lab("exec", "server", "systemctl", "stop", "plugnmeet")
    try:
        yield
    finally:
        lab("firewall", "none")
        lab("exec", "server", "systemctl", "start", "plugnmeet")


def inside(place: str, command: Command) -> list[str]:
    """The command, in a place's network. Through nsenter alone: the lab's own command would take its time."""
    return [*network.inside(this_instance(), place), *map(str, command)]


@contextlib.contextmanager
def running(place: str, command: Command) -> Iterator[subprocess.Popen[str]]:
    """Have a program run meanwhile."""
    with subprocess.Popen(
        inside(place, command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def echo() -> Iterator[None]:
    """Have every media port bound on the server meanwhile, and answered with an echo."""
    with running("server", [PYTHON, PROGRAMS / "echo.py", f"{FIRST}-{LAST}"]) as process:
        if not process.stdout or not process.stdout.readline():
            raise RuntimeError("the echo does not start")
        yield


@dataclass(frozen=True)
class Wire:
    """The counters of the outside machine's network card."""

    bytes_sent: int
    packets: int

    @classmethod
    def read(cls) -> Wire:
        """As they are now."""
        shown = subprocess.run(
            inside("outside", ["ip", "-json", "-stats", "link", "show", "eth0"]), capture_output=True, check=True
        )
        counters = json.loads(shown.stdout)[0]["stats64"]
        return cls(counters["tx"]["bytes"], counters["tx"]["packets"] + counters["rx"]["packets"])

    def __sub__(self, before: Wire) -> Wire:
        """What went through between the two."""
        return Wire(self.bytes_sent - before.bytes_sent, self.packets - before.packets)


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    output: str
    seconds: float
    cpu: float
    wire: Wire
    over: bool


def measure(command: Command, limit: float, given: str = "") -> Done:
    """Run a command in the outside machine's network, for `limit` seconds at the most."""
    before, cpu = Wire.read(), children_cpu()
    start = time.perf_counter()
    process = subprocess.Popen(
        inside("outside", command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    over = False
    try:
        output, said = process.communicate(given, timeout=limit)
    except subprocess.TimeoutExpired:
        over = True
        os.killpg(process.pid, signal.SIGKILL)
        output, said = process.communicate()
    seconds = time.perf_counter() - start
    if process.returncode and not over:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{output}{said}")
    cpu, wire = children_cpu() - cpu, Wire.read() - before
    return Done(output, seconds, cpu, wire, over)


def children_cpu() -> float:
    """Seconds of a processor that the children took which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def provide(command: str, package: str) -> None:
    """Install the package that brings a command, if there is none."""
    if subprocess.run(["which", command], stdout=subprocess.DEVNULL, check=False).returncode:
        subprocess.run([ROOT / "tests/tools/install", package], check=True)
