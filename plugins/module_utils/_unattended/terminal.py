# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""A terminal of our own (pty(7)) with a script in it: read, type, see whether somebody waits for input, end it all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import select
import signal
import struct
import termios
import time
import typing as t

# read(2)'s number (the kernel's tables in arch/*/): the first word of /proc/PID/syscall (proc(5)).
_READ = {"x86_64": "0", "aarch64": "63", "riscv64": "63", "armv7l": "3", "i686": "3", "ppc64le": "3", "s390x": "3"}
_ROWS, _COLUMNS = 40, 120
_GRACE = 10.0  # seconds between asking to end and ending
_CHUNK = 1 << 16


class Terminal:
    """A script that runs in a session of its own, with this terminal as the controlling one."""

    def __init__(self, command: t.Sequence[str], environment: t.Mapping[str, str], folder: str) -> None:
        self._master, slave = os.openpty()
        self._name = os.ttyname(slave)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _take(slave)
                os.chdir(folder)
                os.execve(command[0], list(command), dict(environment))  # noqa: S606 - it is a shell already
            except OSError as error:
                os.write(2, f"{command[0]} does not run in {folder}: {error.strerror}\n".encode())
            finally:
                os._exit(127)
        os.close(slave)
        self.code: int | None = None

    def read(self, seconds: float) -> bytes:
        """Return what came within that time, as soon as something does."""
        try:
            if select.select([self._master], [], [], seconds)[0]:
                return os.read(self._master, _CHUNK)
        except OSError as error:
            if error.errno != errno.EIO:  # nobody has the other end open any more
                raise
            time.sleep(min(seconds, 0.05))
        return b""

    def type(self, line: str) -> None:
        """Type a line, and press return."""
        data = f"{line}\n".encode()
        while data:
            data = data[os.write(self._master, data) :]

    def has_ended(self) -> bool:
        """Whether the script is gone; then `code` is its exit code, or minus the signal that ended it."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return self.code is not None

    def awaits_input(self) -> bool:
        """Whether one of the script's processes is in the middle of reading this terminal.

        False, too, where the kernel does not let us see that.
        """
        number = _READ.get(platform.machine())
        return any(number is not None and self._reads(pid, number) for pid in self._session())

    def end(self) -> None:
        """End the script and whatever of its session is left: politely, and then not."""
        for number, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
            until = time.monotonic() + patience
            for pid in self._session():
                _send(pid, number)
            while time.monotonic() < until:
                self.read(0.1)  # one that cannot write does not end
                if self.has_ended() and not self._session():
                    return

    def close(self) -> None:
        """Hang up."""
        os.close(self._master)

    def _reads(self, pid: int, number: str) -> bool:
        try:
            with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
                words = file.read().split()
            if len(words) < 2 or words[0] != number:
                return False
            return os.readlink(f"/proc/{pid}/fd/{int(words[1], 16)}") in (self._name, "/dev/tty")
        except (OSError, ValueError):
            return False

    def _session(self) -> list[int]:
        """The processes of the script's session (credentials(7)) that are not dead."""
        found = []
        for name in filter(str.isdecimal, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    state, dummy, dummy, session = file.read().rpartition(")")[2].split()[:4]
            except (OSError, ValueError):
                continue
            if int(session) == self.pid and state not in "ZX":
                found.append(int(name))
        return found


def _take(slave: int) -> None:
    """Begin a session with this terminal, as login_tty(3) does, and with the signals as they are by default."""
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for descriptor in (0, 1, 2):
        os.dup2(slave, descriptor)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
