# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""One unattended run of a script, in the background of the target: it outlives the connection that started it.

What is known of it is in RECORD, on which the process that drives the script holds an exclusive lock (flock(2)) as long
as it lives: so nobody starts a second one, and whoever comes back finds the first. Who looks has a shared one for a
moment, which nobody else who looks minds. The record is gone after a reboot.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import fcntl
import json
import os
import signal
import stat
import time
import typing as t

from .._detached import detach
from .._errors import PreflightError
from .dialogue import NOTE, Dialogue, Question, tail
from .terminal import Terminal

RECORD = "/run/plugnmeet-unattended.json"

# Nobody is there to answer what apt, dpkg and needrestart would ask; without a kind of terminal clear(1) fails.
ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "a", "TERM": "xterm"}

_SETTLED = 0.3  # seconds of silence after which a line that stands open is a question
_PATIENCE = 2.0  # and after which a question that nobody knows is one
_TICK = 0.2
_TRIES = 5
_GLANCE = 0.1  # seconds for who has the record's lock only to look at it
_TAIL_LINES = 20
_TAIL_BYTES = 1 << 16

Facts = t.Dict[str, t.Any]


class EndedEarlyError(Exception):
    """Why a run was ended before its time, as one sentence without its full stop."""


def start(script: str, questions: t.Sequence[Question], log: str, timeout: float) -> bool:
    """Start the run in the background; False if one is under way. Raises PreflightError if it cannot be started."""
    said = detach(lambda pipe: _live(pipe, script, questions, log, timeout))
    if said == "busy":
        return False
    if said != "started":
        raise PreflightError(said or "the process that drives the script died at once; see dmesg on the target")
    return True


def look() -> Facts | None:
    """Return how far the run is, None if there was none since the last reboot.

    `running`, `seconds`, `answered` (questions), `last` (line) and `log`; when it has ended also `code`, `reason`
    (empty if it ended by itself) and `tail`.
    """
    read = _read_record()
    if read is None:
        return None
    running, known = read
    said = _read_tail(known["log"], known["offset"])
    if not running and "code" not in known:
        known.update(code=None, reason="the process that drove it was killed, and with it the script", seconds=None)
    seconds = time.monotonic() - known["since"] if running else known["seconds"]
    return {
        "running": running,
        "seconds": None if seconds is None else round(seconds, 1),
        "answered": known["answered"],
        "last": (said or [""])[-1],
        "log": known["log"],
        **({} if running else {"code": known["code"], "reason": known["reason"], "tail": said}),
    }


def _read_record() -> tuple[bool, Facts] | None:
    """Whether somebody drives a script, and what is known; None without a record."""
    for dummy in range(_TRIES):
        try:
            with open(RECORD, encoding="utf-8") as file:
                driven = _is_driven(file.fileno())  # before it is read: what is read of a run that has ended is all
                text = file.read()
                return (driven, json.loads(text)) if text else None
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise PreflightError(
                f"{RECORD} on the target, which tells of a run, is root's to read; run with become: true"
            ) from error
        except ValueError:  # it was being written
            time.sleep(_TICK)
    raise PreflightError(f"{RECORD} on the target cannot be read; remove it if nothing is being installed")


def _live(pipe: t.BinaryIO, script: str, questions: t.Sequence[Question], log: str, timeout: float) -> None:
    """The run's whole life, from the side of the process that drives it."""
    os.umask(0o022)
    with pipe:
        try:
            record = os.open(RECORD, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            if not _lock(record):
                pipe.write(b"busy")
                return
            output = _open_log(log)
            offset = os.lseek(output, 0, os.SEEK_END)
            _note(output, f"{script} begins")
            known: Facts = {
                "log": log,
                "offset": offset,
                "since": time.monotonic(),
                "pid": os.getpid(),
                "answered": 0,
            }
            _write(record, known)
        except OSError as error:
            pipe.write(f"{error.filename or log} on the target cannot be written to: {error.strerror}".encode())
            return
        pipe.write(b"started")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _refuse)
    dialogue = Dialogue(questions)
    known["reason"] = ""
    terminal: Terminal | None = None
    try:
        terminal = Terminal(["/bin/bash", script], {**os.environ, **ENVIRONMENT}, os.path.dirname(script))
        _drive(terminal, dialogue, output, known, timeout, lambda: _count(record, known, dialogue))
    except EndedEarlyError as reason:
        known["reason"] = str(reason)
    except Exception as error:  # noqa: BLE001 - whatever it was, who looks at the record shall know
        known["reason"] = f"the script could not be driven: {error}"
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # what is ending already need not be ended again
    if terminal and known["reason"]:
        terminal.end()
    if terminal:
        terminal.close()
    code = terminal.code if terminal else None
    known.update(code=code, seconds=time.monotonic() - known["since"], answered=dialogue.answered)
    _write(record, known)
    how = known["reason"] or f"exit code {code}"
    with contextlib.suppress(OSError):  # a full disk may be what ended it
        _note(output, f"{script} ended after {known['seconds']:.0f} s: {how}")


def _open_log(log: str) -> int:
    """Open a file to go on with, readable for its owner alone; raises OSError for a device or a pipe."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    if not stat.S_ISREG(os.fstat(output).st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", log)
    os.fchmod(output, 0o600)
    return output


def _drive(
    terminal: Terminal,
    dialogue: Dialogue,
    output: int,
    known: Facts,
    timeout: float,
    changed: t.Callable[[], None],
) -> None:
    """Keep what the script says and answer what it asks until it ends; raises EndedEarlyError if it has to go."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    heard = time.monotonic()
    ended = False
    while True:
        data = terminal.read(_TICK)
        now = time.monotonic()
        if data:
            _keep(output, data)
            dialogue.hear(decoder.decode(data))
            heard = now
        elif ended:
            return
        ended = ended or terminal.has_ended()  # then what it said last is still to be read
        if now > known["since"] + timeout:
            raise EndedEarlyError(f"it did not end within {timeout:g} seconds")
        if ended or now - heard < _SETTLED:
            continue
        answer = dialogue.reply()
        if answer is not None:
            terminal.type(answer)
            heard = now
            changed()
        elif now - heard > _PATIENCE and (dialogue.asked() or not dialogue.is_over) and terminal.awaits_input():
            raise EndedEarlyError(f'it asks "{dialogue.said()}", to which no answer is known, and none was typed')


def _refuse(number: int, dummy: t.Any) -> None:
    raise EndedEarlyError(f"somebody ended it with {signal.Signals(number).name}")


def _count(record: int, known: Facts, dialogue: Dialogue) -> None:
    known["answered"] = dialogue.answered
    _write(record, known)


def _lock(descriptor: int) -> bool:
    """Take the lock of who drives a script; false if somebody does."""
    for dummy in range(_TRIES):
        if _flock(descriptor, fcntl.LOCK_EX):
            return True
        time.sleep(_GLANCE)
    return False


def _is_driven(descriptor: int) -> bool:
    """Tell whether somebody drives a script."""
    return not _flock(descriptor, fcntl.LOCK_SH)


def _flock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(record: int, known: Facts) -> None:
    """Write the record anew in its place, since the lock is on this file; raises OSError, which names it."""
    data = json.dumps(known).encode("utf-8")
    try:
        os.pwrite(record, data.ljust(os.fstat(record).st_size), 0)
    except OSError as error:
        raise OSError(error.errno, error.strerror, RECORD) from error


def _keep(output: int, data: bytes) -> None:
    try:
        _append(output, data)
    except OSError as error:
        raise EndedEarlyError(f"its log cannot be written to: {error.strerror}") from error


def _append(output: int, data: bytes) -> None:
    while data:
        data = data[os.write(output, data) :]


def _note(output: int, text: str) -> None:
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    _append(output, f"\n{NOTE}{when}: {text} ==\n".encode())


def _read_tail(log: str, offset: int) -> list[str]:
    """The last lines of this run, as a person sees them."""
    try:
        with open(log, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(offset, size - _TAIL_BYTES))
            return tail(file.read().decode("utf-8", "replace"), _TAIL_LINES)
    except OSError:
        return []
