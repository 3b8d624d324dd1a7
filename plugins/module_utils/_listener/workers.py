# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""More processes for the ports that one may not hold, since the host limits open files (RLIMIT_NOFILE, getrlimit(2)).

A worker serves a share of the ports as the listener serves its own. They talk over a pair of sockets, a line of JSON at
a time: the worker says what it bound, and when it is asked, what it saw. Each ends when the other one is gone.
"""

from __future__ import annotations

import json
import os
import socket
import typing as t

from .._errors import PreflightError
from .binding import Port

_SECONDS = 10.0  # to wait for a line

Facts = t.Dict[str, t.Any]


class LostError(Exception):
    """A worker is gone, and with it what it saw."""


class Worker:
    """A worker as the listener sees it; `work` is what it does with its end of the link, and its share."""

    def __init__(self, share: t.Sequence[Port], work: t.Callable[[socket.socket, t.Sequence[Port]], None]) -> None:
        self._link, other = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                work(other, share)
            finally:
                os._exit(0)
        other.close()
        self._link.settimeout(_SECONDS)
        self._lines = self._link.makefile("rb")

    def fileno(self) -> int:
        return self._link.fileno()

    def started(self) -> Facts:
        """Return what it bound; raises PreflightError."""
        try:
            return self._read()
        except LostError as error:
            raise PreflightError(
                "a part of the listener died while it started; the target's kernel log may say why"
            ) from error

    def finish(self) -> Facts:
        """End it, and return what it saw; raises LostError."""
        try:
            self._link.sendall(b"\n")
        except OSError as error:
            raise LostError from error
        facts = self._read()
        self.end()
        return facts

    def end(self) -> None:
        """Return when it is gone, and with it the last of its sockets."""
        self._lines.close()
        self._link.close()
        os.waitpid(self._pid, 0)

    def _read(self) -> Facts:
        try:
            line = self._lines.readline()
        except OSError as error:
            raise LostError from error
        if not line:
            raise LostError
        facts: Facts = json.loads(line)
        if "error" in facts:
            raise PreflightError(facts["error"])
        return facts


def tell(link: socket.socket, facts: Facts) -> None:
    """Write a line, from the worker's end."""
    link.sendall(json.dumps(facts).encode("utf-8") + b"\n")
