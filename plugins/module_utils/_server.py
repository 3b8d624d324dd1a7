# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What there is on this server: its system, its packages, its room and its memory."""

from __future__ import annotations

import os
import shlex
import typing as t

from ._errors import PreflightError

OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")  # os-release(5): the first that is there

Run = t.Callable[[t.List[str]], t.Tuple[int, str, str]]


def distribution(paths: t.Sequence[str] = OS_RELEASE) -> dict[str, str]:
    """Return the system's `id`, `name` and `version`; each is empty if it is not said."""
    values: dict[str, str] = {}
    for path in paths:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = [line.partition("=") for line in file if "=" in line and not line.startswith("#")]
        except OSError:
            continue
        values = {key.strip(): _unquoted(value) for key, dummy, value in lines}
        break
    return {key: values.get(name, "") for key, name in (("id", "ID"), ("name", "NAME"), ("version", "VERSION_ID"))}


def installed(run: Run, packages: t.Sequence[str]) -> list[str]:
    """Return those Debian packages that are installed; none without dpkg, which has no say then."""
    found = set()
    for name in packages:
        dummy_code, output, dummy_error = run(["dpkg-query", "--show", "--showformat=${db:Status-Status}", name])
        if output.strip() == "installed":
            found.add(name)
    return [name for name in packages if name in found]


def room(path: str) -> int:
    """Return the bytes that a user may still write where `path` is, or would be made."""
    path = os.path.abspath(path)  # of a relative one the last parent is empty, and never there
    while not os.path.exists(path):
        path = os.path.dirname(path)
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def memory(path: str = "/proc/meminfo") -> int:
    """Return the bytes of memory that there are (proc(5)); raises PreflightError if the kernel does not say."""
    try:
        with open(path, encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("MemTotal:")) * 1024
    except (OSError, StopIteration, ValueError, IndexError) as error:
        raise PreflightError(f"{path} on the target does not say how much memory there is") from error


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value.strip()
