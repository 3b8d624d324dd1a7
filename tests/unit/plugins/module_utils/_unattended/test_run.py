# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import os
import pathlib
import resource
import signal
import stat
import sys
import threading
import time
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._unattended import run
from ansible_collections.plugnmeet.server.plugins.module_utils._unattended.dialogue import parse_questions

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="targets are Linux")

QUESTIONS = parse_questions(
    [{"question": r"domain: *$", "answer": "meet.example.com"}, {"question": "y/n", "answer": "n"}]
)
ASKS = 'echo -n "Your domain: "; read -r a; echo -n "Recorder? y/n: "; read -r b; echo "$a and $b"\n'


class Host:
    """A place to run scripts in."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.log = folder / "log"

    def start(self, text: str, timeout: float = 30) -> bool:
        script = self.folder / "script.sh"
        script.write_text(text)
        return run.start(str(script), QUESTIONS, str(self.log), timeout)

    def finish(self) -> run.Facts:
        for dummy in range(400):
            known = run.look()
            assert known is not None
            if not known["running"]:
                return known
            time.sleep(0.05)
        raise AssertionError("it does not end")

    def driver(self) -> int:
        record = run._read_record()
        assert record is not None
        return int(record[1]["pid"])


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Host]:
    monkeypatch.setattr(run, "RECORD", str(tmp_path / "record.json"))
    monkeypatch.setattr(run, "_PATIENCE", 0.6)
    made = Host(tmp_path)
    yield made
    known = run.look()
    if known and known["running"]:
        os.kill(made.driver(), signal.SIGKILL)


def test_questions_are_answered_on_a_terminal_and_all_is_kept(host: Host) -> None:
    assert host.start(ASKS + "test -t 0 && test -t 1 && clear && exit 3")
    known = host.finish()
    assert (known["code"], known["reason"], known["answered"]) == (3, "", 2)
    assert known["tail"] == ["Your domain: meet.example.com", "Recorder? y/n: n", "meet.example.com and n"]
    assert "meet.example.com and n" in host.log.read_text()
    assert stat.S_IMODE(host.log.stat().st_mode) == 0o600


@pytest.fixture
def small_files() -> t.Iterator[int]:
    """No file gets longer than so many bytes, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    yield 2000
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_without_room_for_its_log_nothing_is_started(host: Host, small_files: int) -> None:
    host.log.write_bytes(b"." * small_files)
    with pytest.raises(PreflightError, match=r"log on the target cannot be written to: File too large"):
        host.start(f"touch {host.folder}/ran")
    assert run.look() is None
    assert not (host.folder / "ran").exists()


def test_without_room_for_its_record_nothing_is_started(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*dummy: t.Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(
        PreflightError, match=r"record\.json on the target cannot be written to: No space left on device"
    ):
        host.start(f"touch {host.folder}/ran")
    assert run.look() is None
    assert not (host.folder / "ran").exists()


def test_without_a_terminal_it_ends_and_that_is_what_is_told(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*dummy: t.Any) -> t.Any:
        raise OSError("out of pty devices")

    monkeypatch.setattr(run, "Terminal", refuse)
    assert host.start(f"touch {host.folder}/ran")
    known = host.finish()
    assert (known["code"], known["reason"]) == (None, "the script could not be driven: out of pty devices")
    assert not (host.folder / "ran").exists()


def test_a_log_that_is_a_device_or_a_pipe_is_refused_and_left_as_it_is(host: Host) -> None:
    os.mkfifo(host.log)
    for path, reason in ((host.log, "No such device or address"), (pathlib.Path("/dev/null"), "it is no regular file")):
        mode, host.log = path.stat().st_mode, path
        with pytest.raises(PreflightError, match=f"{path} on the target cannot be written to: {reason}"):
            host.start(f"touch {host.folder}/ran")
        assert path.stat().st_mode == mode
    assert not (host.folder / "ran").exists()


def test_a_disk_that_gets_full_ends_it_and_that_is_what_is_told(host: Host, small_files: int) -> None:
    assert host.start(f"seq {small_files}; sleep 30")
    known = host.finish()
    assert known["code"] == -signal.SIGTERM
    assert known["reason"] == "its log cannot be written to: File too large"


def test_an_unknown_question_ends_it_and_nothing_is_typed(host: Host) -> None:
    host.start('echo -n "The livekit server: "; read -r a; echo "it was told $a"; sleep 30')
    known = host.finish()
    assert known["code"] == -signal.SIGTERM
    assert known["reason"] == 'it asks "The livekit server:", to which no answer is known, and none was typed'
    assert known["tail"] == ["The livekit server:"]


def test_a_question_that_nobody_knows_of_ends_it_after_the_others_too(host: Host) -> None:
    host.start(ASKS + 'echo -n "Really? "; read -r a')
    known = host.finish()
    assert known["answered"] == 2
    assert 'it asks "Really?"' in known["reason"]


def test_silence_is_no_question_and_neither_is_a_reader_that_asks_nothing(host: Host) -> None:
    host.start(ASKS + 'echo -n "0% [Waiting for headers]"; sleep 1.2; echo; timeout 1.2 cat; exit 0')
    known = host.finish()
    assert (known["code"], known["reason"]) == (0, "")


def test_time_is_bounded_and_what_was_started_is_ended(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.plugnmeet.server.plugins.module_utils._unattended.terminal._GRACE", 0.5)
    host.start(f'sleep 61 & echo $! > {host.folder}/child; trap "" TERM; sleep 62', timeout=1)
    known = host.finish()
    assert (known["code"], known["reason"]) == (-signal.SIGKILL, "it did not end within 1 seconds")
    assert not alive(int((host.folder / "child").read_text()))


def test_who_ends_the_driver_ends_the_script(host: Host) -> None:
    host.start(f"echo $$ > {host.folder}/child; sleep 60")
    wait_for(host.folder / "child")
    os.kill(host.driver(), signal.SIGTERM)
    known = host.finish()
    assert known["reason"] == "somebody ended it with SIGTERM"
    assert not alive(int((host.folder / "child").read_text()))


def test_a_killed_driver_leaves_no_script_and_is_told(host: Host) -> None:
    host.start(f"echo $$ > {host.folder}/child; sleep 60")
    wait_for(host.folder / "child")
    os.kill(host.driver(), signal.SIGKILL)
    known = host.finish()
    assert (known["code"], known["reason"]) == (None, "the process that drove it was killed, and with it the script")
    child = int((host.folder / "child").read_text())
    for dummy in range(100):
        if not alive(child):
            return
        time.sleep(0.05)
    raise AssertionError("the script goes on without anybody who answers")


def test_a_second_one_is_not_started_and_after_the_first_it_may_be(host: Host) -> None:
    script = f"echo > {host.folder}/begun; sleep 2; echo first"
    assert host.start(script)
    wait_for(host.folder / "begun")
    assert not host.start(script)
    assert host.finish()["tail"] == ["first"]
    assert host.start("echo second")
    assert host.finish()["tail"] == ["second"], "the tail is of this run only"
    assert host.log.read_text().count(" begins ==") == 2


def test_who_only_looks_is_no_run_that_is_under_way(host: Host) -> None:
    host.start("echo first")
    host.finish()
    with open(run.RECORD, encoding="utf-8") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        known = run.look()
        assert known is not None
        assert not known["running"]
        threading.Timer(0.2, looking.close).start()
        assert host.start("echo second")
    assert host.finish()["tail"] == ["second"]


def test_what_it_leaves_in_the_background_is_left_alone(host: Host) -> None:
    host.start(f'trap "" HUP; sleep 5 & echo $! > {host.folder}/child')
    assert host.finish()["code"] == 0
    child = int((host.folder / "child").read_text())
    assert alive(child)
    os.kill(child, signal.SIGKILL)


def test_a_log_that_cannot_be_written_is_said(host: Host) -> None:
    host.log = host.folder / "nowhere/log"
    with pytest.raises(PreflightError, match="nowhere/log on the target cannot be written to: No such file"):
        host.start("true")


def test_without_a_record_nothing_is_known(host: Host) -> None:  # noqa: ARG001 - its record is missing
    assert run.look() is None


def test_a_record_that_is_none_is_said(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_TICK", 0)
    (host.folder / "record.json").write_text("{")
    with pytest.raises(PreflightError, match="cannot be read; remove it if nothing is being installed"):
        run.look()
    (host.folder / "record.json").unlink()


def test_who_may_not_read_the_record_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, **dummy: str) -> t.IO[str]:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(run, "open", refuse, raising=False)
    with pytest.raises(PreflightError, match=r"which tells of a run, is root's to read; run with become: true$"):
        run.look()


def alive(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_for(path: pathlib.Path) -> None:
    for dummy in range(100):
        if path.exists() and path.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} does not come")
