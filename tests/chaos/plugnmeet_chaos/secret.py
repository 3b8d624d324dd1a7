# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look for a session's secret wherever somebody else could: a session that is known beforehand, and where it shows."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path

from .machines import ROOT, lab
from .run import ENVIRONMENT, Run

FOLDER = ROOT / ".cache/chaos-secret"
SESSION, REPORTS = FOLDER / "session.json", FOLDER / "reports"
MAKE = """\
import json, sys
from ansible_collections.plugnmeet.server.plugins.lookup.session import LookupModule
json.dump({"_preflight_session": LookupModule().run([])[0]}, sys.stdout)
"""
# What to look for is read from a file: as an argument it would be found in ps.
MEANWHILE = """\
grep -l -a -F -f /run/secret /proc/[0-9]*/cmdline /proc/[0-9]*/environ
find /tmp /var/tmp /run /home /root -xdev -type f -perm /044 -not -path /run/secret \
    -exec grep -l -a -F -f /run/secret {} + 2>/dev/null
"""
AFTER = """\
journalctl --boot --output=export | grep -a -F -f /run/secret | head -c 200
grep -r -l -a -F -f /run/secret / --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev --exclude=secret 2>/dev/null
"""


def make_session() -> None:
    """Make a session, and put it where the run takes it from, and what must not show where the machines look for it."""
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    python, path = ROOT / ".cache/venv/newest/bin/python", str(ROOT / ".cache/importable")
    made = subprocess.run([python, "-c", MAKE], env={**os.environ, "PYTHONPATH": path}, capture_output=True, check=True)
    SESSION.write_bytes(made.stdout)
    text = "\n".join(needles())
    for machine in ("server", "outside"):
        lab("exec", machine, "sh", "-c", "umask 077; cat > /run/secret", given=f"{text}\n")


def needles() -> list[str]:
    """The secret, and the lines of the private key but those that every key has."""
    session = json.loads(SESSION.read_text(encoding="utf-8"))["_preflight_session"]
    return [session["secret"], *(line for line in session["private_key"].splitlines() if line and line[0] != "-")]


def look_for_it(run: Run) -> None:
    """Look all the time while the run lasts, and everywhere after it; what is found is said, and so is the session."""
    looks = 0
    while run.process.poll() is None:
        looks += 1
        for machine in ("server", "outside"):
            tell(run, machine, lab("exec", machine, "sh", "-c", MEANWHILE))
        for pid in run.processes():
            with suppress(OSError):
                in_text(run, f"process {pid}", Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8"))
    run.finish()
    in_text(run, "what ansible-playbook printed", "".join(run.said))
    for machine in ("server", "outside"):
        tell(run, machine, lab("exec", machine, "sh", "-c", AFTER))
    for folder in (REPORTS, Path(ENVIRONMENT["ANSIBLE_HOME"])):
        for path in folder.rglob("*"):
            if path.is_file():
                in_text(run, str(path), path.read_text(encoding="utf-8", errors="replace"))
    run.said.append(f"looked for the secret {'often' if looks > 2 else 'TOO SELDOM'}")


def in_text(run: Run, where: str, text: str) -> None:
    """Say where it is, if it is."""
    if any(needle in text for needle in needles()):
        tell(run, "the controller", where)


def tell(run: Run, machine: str, found: str) -> None:
    """Say where it is, if there is anything to say."""
    if found.strip():
        run.said.append(f"THE SECRET SHOWS on {machine}: {found}\n")
