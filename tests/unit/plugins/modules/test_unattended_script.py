# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import time
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._unattended import run
from ansible_collections.plugnmeet.server.plugins.modules import unattended_script

Arguments = dict[str, t.Any]


@pytest.fixture
def arguments(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Arguments:
    monkeypatch.setattr(run, "RECORD", str(tmp_path / "record.json"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    script = tmp_path / "script.sh"
    script.write_text(f'#!/bin/bash\necho -n "Domain: "; read -r a; echo "$a" > {tmp_path}/made\n')
    return {
        "script": str(script),
        "questions": [{"question": "domain", "answer": "meet.example.com"}],
        "creates": [str(tmp_path / "made")],
        "log": str(tmp_path / "log"),
    }


def test_it_is_started_and_followed_to_its_end(run_module: t.Any, arguments: Arguments) -> None:
    assert run_module(unattended_script, **arguments)["changed"]
    for dummy in range(200):
        seen = run_module(unattended_script, **arguments, follow=True)
        if not seen["running"]:
            break
        time.sleep(0.05)
    assert (seen["code"], seen["reason"], seen["answered"]) == (0, "", 1)
    assert pathlib.Path(arguments["creates"][0]).read_text() == "meet.example.com\n"
    again = run_module(unattended_script, **arguments)
    assert (again["changed"], again["running"]) == (False, False)
    assert "code" not in again


def test_in_check_mode_nothing_is_started(run_module: t.Any, arguments: Arguments) -> None:
    seen = run_module(unattended_script, check=True, **arguments)
    assert (seen["changed"], seen["running"]) == (True, False)
    assert run.look() is None


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"script": "/nowhere/install.sh"}, 'script is "/nowhere/install.sh", which is no file on the target; copy it'),
        ({"timeout": 0}, "timeout is 0; take at least a second."),
        ({"questions": [{"question": "(", "answer": ""}]}, "which is no regular expression"),
        ({"follow": True}, "nothing is known of a run on the target; it was restarted"),
    ],
)
def test_what_cannot_be_done_is_said(run_module: t.Any, arguments: Arguments, more: Arguments, complaint: str) -> None:
    seen = run_module(unattended_script, **{**arguments, **more})
    assert seen["failed"]
    assert complaint in seen["msg"]


def test_what_is_no_script_is_not_run(run_module: t.Any, arguments: Arguments) -> None:
    pathlib.Path(arguments["script"]).write_text("<!DOCTYPE html>\n<p>Log in first\n")
    seen = run_module(unattended_script, **arguments)
    assert seen["failed"]
    assert 'which begins with "<!DOCTYPE html>" and not with #!, and so is no script' in seen["msg"]
    assert run.look() is None


def test_who_is_not_root_is_told(run_module: t.Any, arguments: Arguments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "needs root on the target" in run_module(unattended_script, **arguments)["msg"]
