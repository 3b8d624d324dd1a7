# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Who runs us on this host: the user who logged in, and from where."""

from __future__ import annotations

import os
import pwd
import re
import typing as t

_MOST_ANCESTORS = 20


class Caller(t.NamedTuple):
    """The user, and the address and port at the other end of the SSH connection, empty and 0 if there is none."""

    user: str
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.user} from {self.address}" if self.address else self.user


def caller(proc: str = "/proc") -> Caller:
    """Find out by the environment of this process and of its ancestors: sudo has what it keeps from us."""
    pid = str(os.getpid())
    for dummy in range(_MOST_ANCESTORS):
        environment = _environment(proc, pid)
        address, port = ([*environment.get("SSH_CONNECTION", "").split(), "", ""])[:2]
        if port.isdecimal():
            return Caller(_plain(environment.get("USER", "")) or "somebody", _plain(address), int(port))
        pid = _parent(proc, pid)
        if pid in ("", "0"):
            break
    try:
        return Caller(_plain(pwd.getpwuid(os.getuid()).pw_name), "", 0)
    except KeyError:
        return Caller(f"user {os.getuid()}", "", 0)


def _environment(proc: str, pid: str) -> dict[str, str]:
    try:
        with open(f"{proc}/{pid}/environ", encoding="utf-8", errors="replace") as file:
            return dict(item.split("=", 1) for item in file.read().split("\0") if "=" in item)
    except OSError:  # it is gone, or not ours to read
        return {}


def _parent(proc: str, pid: str) -> str:
    try:
        with open(f"{proc}/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[1]
    except (OSError, IndexError):
        return ""


def _plain(text: str) -> str:
    """A name or address as it may stand in a sentence."""
    return re.sub(r"[^A-Za-z0-9_.:@%-]", "", text)[:60]
