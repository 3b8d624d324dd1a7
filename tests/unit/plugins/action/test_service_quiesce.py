# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import multiprocessing
import os
import pathlib
import resource
import signal
import subprocess
import time
import typing as t

import pytest
from ansible import constants

from ansible_collections.plugnmeet.server.plugins.action import service_quiesce

SESSION = "sessionONE012345"


class Task:
    """What the action asks of its task."""

    check_mode = False
    async_val = 0

    def __init__(self, **arguments: t.Any) -> None:
        self.args = arguments


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Ansible's own folder for this run."""
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path), raising=False)
    return tmp_path


def action(folder: pathlib.Path, result: dict[str, t.Any], **arguments: t.Any) -> service_quiesce.ActionModule:
    """The action of a task, with the result that its module will have; what it runs later goes to a file."""
    made = object.__new__(service_quiesce.ActionModule)
    made._task = Task(session=SESSION, ttl=30, **arguments)
    made._execute_module = lambda **dummy: dict(result)

    def command(text: str) -> dict[str, int]:
        with open(folder / "ran", "a", encoding="utf-8") as file:
            file.write(text + "\n")
        return {"rc": 0}

    made._low_level_execute_command = command
    return made


def run(folder: pathlib.Path, result: dict[str, t.Any], **arguments: t.Any) -> None:
    """Do what the action does but the part of Ansible's own base class."""
    service_quiesce.ActionBase.run, kept = (lambda *dummy: {}), service_quiesce.ActionBase.run
    try:
        action(folder, result, **arguments).run()
    finally:
        service_quiesce.ActionBase.run = kept


def in_a_worker(folder: pathlib.Path, *rounds: tuple[dict[str, t.Any], str]) -> None:
    """Run the action in a process whose parent, the playbook, is one of its own; that ends when it has done so."""

    def playbook() -> None:
        for result, state in rounds:
            worker = multiprocessing.get_context("fork").Process(
                target=run, args=(folder, result), kwargs={"state": state}
            )
            worker.start()
            worker.join()
        (folder / "waits").write_text("\n".join(path.read_text() for path in folder.glob("*.pid")), encoding="ascii")
        os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=playbook)
    process.start()
    process.join(20)
    assert process.exitcode == -signal.SIGKILL


def wait_for(path: pathlib.Path) -> str:
    for dummy in range(100):
        if path.exists() and path.read_text(encoding="utf-8").endswith("\n"):
            return path.read_text(encoding="utf-8")
        time.sleep(0.05)
    return ""


def test_when_the_playbook_is_killed_its_services_are_started(folder: pathlib.Path) -> None:
    in_a_worker(folder, ({"armed": True}, "quiesced"))
    assert (folder / "waits").read_text(encoding="ascii").isdecimal()
    command = wait_for(folder / "ran")
    assert f"grep -q PREFLIGHT_SESSION={SESSION} && systemctl start plugnmeet-preflight-restore.service" in command


@pytest.mark.parametrize(
    "rounds",
    [
        [({"armed": True}, "quiesced"), ({"changed": True}, "restored")],
        [({"failed": True}, "quiesced")],
        [({"armed": False}, "quiesced")],
        [({"changed": False}, "restored")],
    ],
)
def test_nobody_waits_when_there_is_nothing_to_start(folder: pathlib.Path, rounds: t.Any) -> None:
    in_a_worker(folder, *rounds)
    assert (folder / "waits").read_text(encoding="ascii") == ""
    time.sleep(0.3)
    assert not (folder / "ran").exists()


def test_who_could_not_start_the_services_leaves_that_to_who_waits(folder: pathlib.Path) -> None:
    in_a_worker(folder, ({"armed": True}, "quiesced"), ({"failed": True}, "restored"))
    assert wait_for(folder / "ran")


def test_the_end_is_seen_however_many_files_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2048), hard))
    pidfd_open = os.pidfd_open
    monkeypatch.setattr(os, "pidfd_open", lambda pid: fcntl.fcntl(pidfd_open(pid), fcntl.F_DUPFD, 1024))
    try:
        with subprocess.Popen(["sleep", "0.2"]) as process:
            service_quiesce._wait_for_end(process.pid)
            assert process.poll() == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_module_that_cannot_begin_is_told_in_one_sentence() -> None:
    trace = "Traceback (most recent call last):\n  File x\nOSError: [Errno 28] No space left on device\n"
    result = service_quiesce._said_plainly(
        {"failed": True, "msg": "MODULE FAILURE", "module_stderr": trace, "module_stdout": "", "exception": trace},
        "nothing was stopped",
    )
    assert result == {
        "failed": True,
        "changed": False,
        "msg": "Ansible cannot run modules on the target: OSError: [Errno 28] No space left on device; nothing was "
        "stopped. It needs Python there, and a temporary folder, such as /tmp, with some room in it.",
    }


@pytest.mark.parametrize("result", [{"changed": True}, {"failed": True, "msg": "haproxy does not stop."}])
def test_what_the_module_says_stays_as_it_is(result: dict[str, t.Any]) -> None:
    assert service_quiesce._said_plainly(result, "") is result
