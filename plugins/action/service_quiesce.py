# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import multiprocessing
import os
import select
import signal
import time
import typing as t

from ansible import constants
from ansible.plugins.action import ActionBase

from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import printable
from ansible_collections.plugnmeet.server.plugins.module_utils._services import RESTORE

_LOOK = 0.5  # seconds between looks, where the kernel does not tell
_TRIES, _PAUSE = 10, 2.0  # the module may still be at work on the target; seconds between tries


class ActionModule(ActionBase):
    """Runs the module, and has somebody wait beside ansible-playbook while the services are stopped.

    Ansible runs nothing when it is interrupted or killed. So a process of its own waits for the end of
    ansible-playbook, and then starts the service that the module armed, which does all the rest on the target. The next
    task with `restored` ends it. It keeps nothing but its number, in Ansible's own folder for this run.
    """

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the module's result."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        session, ttl = str(self._task.args.get("session")), str(self._task.args.get("ttl", 120))
        quiesces = self._task.args.get("state") in ("armed", "quiesced")
        if quiesces and not self._task.check_mode and session.isalnum() and ttl.isdecimal():
            self._wait_beside(session, int(ttl))
        outcome = "nothing was stopped" if quiesces else "what was stopped comes back by its own timer"
        result.update(_said_plainly(self._execute_module(task_vars=task_vars), outcome))
        if not result.get("armed") and (quiesces or not result.get("failed")):
            _end(_number_file(session))
        return result

    def _wait_beside(self, session: str, seconds: int) -> None:
        """Start the process that waits, and note its number."""
        parent = multiprocessing.parent_process()
        if parent is None or not parent.pid:
            return
        playbook = parent.pid  # and not getppid(): it may be dead already
        child = os.fork()
        if child == 0:
            # The middle process ends at once, so that the one that waits is nobody's child.
            try:
                os.setsid()
                waiting = os.fork()
                if waiting:
                    with open(_number_file(session), "w", encoding="ascii") as file:
                        file.write(str(waiting))
                else:
                    self._outlive(playbook, session, seconds)
            finally:
                os._exit(0)
        os.waitpid(child, 0)

    def _outlive(self, playbook: int, session: str, seconds: int) -> None:
        """Wait for the end of `playbook`, then start the services; nobody is left to be told how that went."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):  # who reads what ansible-playbook prints does not have to wait for us
            os.dup2(nowhere, descriptor)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)  # then the target's own timer has done it
        _wait_for_end(playbook)
        ours = f"systemctl show --property=Environment {RESTORE}.service | grep -q PREFLIGHT_SESSION={session}"
        restore = f"{ours} && systemctl start {RESTORE}.service"
        for dummy in range(_TRIES):
            with contextlib.suppress(Exception):  # no connection
                if self._low_level_execute_command(restore)["rc"] == 0:
                    return
            time.sleep(_PAUSE)


def _said_plainly(result: dict[str, t.Any], outcome: str) -> dict[str, t.Any]:
    """A module's result; of one that could not even begin, the last line that Python or the shell said of it."""
    if not result.get("failed") or "module_stderr" not in result:
        return result
    lines = f"{result.get('module_stdout')}\n{result['module_stderr']}".strip().splitlines()
    why = printable(
        next((line for line in reversed(lines) if "rror" in line or "not found" in line), "no reason is given")
    )
    return {
        "failed": True,
        "changed": False,
        "msg": f"Ansible cannot run modules on the target: {why}; {outcome}. It needs Python there, and a "
        "temporary folder, such as /tmp, with some room in it.",
    }


def _wait_for_end(pid: int) -> None:
    end = select.poll()  # select() knows no descriptor above 1023, of which many hosts at once may use more
    try:
        end.register(os.pidfd_open(pid), select.POLLIN)
        end.poll()
    except ProcessLookupError:
        return
    except (AttributeError, OSError):  # no such thing on this system
        with contextlib.suppress(ProcessLookupError):
            while True:
                os.kill(pid, 0)
                time.sleep(_LOOK)


def _number_file(session: str) -> str:
    return os.path.join(constants.DEFAULT_LOCAL_TMP, f"plugnmeet-{session}.pid")  # type: ignore[attr-defined]


def _end(number_file: str) -> None:
    """End the process that waits, if there is one."""
    with contextlib.suppress(OSError, ValueError):
        with open(number_file, encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGKILL)
        os.unlink(number_file)
