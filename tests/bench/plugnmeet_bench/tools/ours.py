# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's own probe, against its own listener."""

from __future__ import annotations

import json
import os
import secrets
import string
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..answer import Answer, Run
from ..paths import FIRST, LAST, MEDIA
from ..paths import Path as NetworkPath
from ..places import ADDRESS, PROGRAMS, PYTHON, ROOT, inside, measure

PORTS = f"{FIRST}-{LAST}"
# With its bytecode kept, as an installed program's is. Ansible's modules come without; that is in the whole preflight.
IMPORTABLE = [
    *("env", "-u", "PYTHONDONTWRITEBYTECODE", f"PYTHONPYCACHEPREFIX={ROOT / '.cache/bytecode'}"),
    *(f"PYTHONPATH={ROOT / '.cache/importable'}", PYTHON),
]
LIMIT = 60.0
STRANGE = ("foreign", "moved")
UNDECIDED = ("unsent", "limited")
TICKS = os.sysconf("SC_CLK_TCK")


class Ours:
    """Start a listener, probe, stop the listener."""

    name = "this collection"
    setting = "its probe against its own listener, at the pace that it finds"
    sample = 0
    once = False
    speaks_udp = True

    def ask(self, path: NetworkPath) -> Run:
        """One run; the time is the prober's whole process, but for that in which it looks for reasons."""
        session = new_session()
        with listening(session) as pid:
            done = measure([*IMPORTABLE, PROGRAMS / "probe.py", ADDRESS, PORTS], LIMIT, session)
            listener_cpu, listener_memory = look_at(pid)
        facts = {"listener cpu": listener_cpu, "listener memory": listener_memory, "cpu": done.cpu}
        answer = Answer(untold=MEDIA)
        explaining = 0.0
        if not done.over:
            said = json.loads(done.output)
            answer = read(said["evidence"])
            explaining = said["seconds"] - said["seconds_to_verdict"]
            facts.update({key: said[key] for key in ("memory", "rounds", "sent")})
            facts.update(probing=said["seconds_to_verdict"], explaining=explaining)
        return Run(
            seconds=done.seconds - explaining,
            wrong=answer.wrong(path, MEDIA),
            undecided=answer.undecided(path),
            bytes_sent=done.wire.bytes_sent,
            packets=done.wire.packets,
            over=done.over,
            facts=facts,
        )


def read(evidence: list[dict[str, str]]) -> Answer:
    """The answer that the evidence amounts to: silence means closed."""
    seen: dict[str, set[int]] = {}
    for row in evidence:
        seen.setdefault(row["seen"], set()).update(numbers(row["ports"]))
    proven = seen.get("open", set())
    unsettled = set().union(*(seen.get(kind, set()) for kind in UNDECIDED)) - proven
    strange = set().union(*(seen.get(kind, set()) for kind in STRANGE))
    return Answer(open=frozenset(proven), untold=frozenset(unsettled), strange=frozenset(strange))


def numbers(ports: str) -> Iterator[int]:
    """The ports in `50000-54999,55003`."""
    for part in ports.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


@contextmanager
def listening(session: str) -> Iterator[int]:
    """Have a listener meanwhile; its process id."""
    pid: int = control(session, "start", PORTS)["pid"]
    try:
        yield pid
    finally:
        control(session, "stop")


def control(session: str, *words: str) -> dict[str, int]:
    """Start or stop the listener in the server's network."""
    command = inside("server", [*IMPORTABLE, PROGRAMS / "listen.py", *words])
    done = subprocess.run(command, input=session, capture_output=True, text=True, check=True)
    said: dict[str, int] = json.loads(done.stdout)
    return said


def look_at(pid: int) -> tuple[float, int]:
    """The seconds of a processor that a process has taken, and the most memory that it had, in bytes."""
    time.sleep(0.1)  # for what is still in its queue
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return (int(fields[11]) + int(fields[12])) / TICKS, int(status.split("VmHWM:")[1].split()[0]) * 1024


def new_session() -> str:
    """The credentials of a run, in JSON."""
    return json.dumps({"id": characters(16), "secret": characters(32)})


def characters(count: int) -> str:
    """Letters and digits that nobody can guess."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for dummy in range(count))
