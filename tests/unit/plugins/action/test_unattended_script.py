# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
import typing as t

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.plugnmeet.server.plugins.action import unattended_script

Result = dict[str, t.Any]

GOING = {
    "running": True,
    "seconds": 75.2,
    "answered": 5,
    "last": "Setting up redis",
    "log": "/var/log/i",
    "changed": True,
}
DONE = {**GOING, "running": False, "code": 0, "reason": "", "seconds": 412.3, "tail": ["Installation completed!"]}


class Target:
    """Answers a call of the module with the next of `answers`; exceptions are raised."""

    def __init__(self, *answers: Result | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[Result] = []

    def __call__(self, dummy: str, arguments: Result, **dummies: t.Any) -> Result:  # noqa: ARG002 - Ansible gives them
        self.calls.append(arguments)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is shown to the user; nobody sleeps."""
    shown: list[str] = []
    monkeypatch.setattr(unattended_script, "display", types.SimpleNamespace(display=shown.append))
    monkeypatch.setattr(unattended_script.time, "sleep", lambda dummy: None)
    return shown


def run(target: Target, check: bool = False) -> Result:
    action = unattended_script.ActionModule.__new__(unattended_script.ActionModule)
    action._task = types.SimpleNamespace(args={"script": "/i"}, async_val=0, check_mode=check, diff=False)
    action._execute_module = target
    action._connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None))
    monkey: t.Any = action
    monkey._supports_async = False
    return action.run(None, {"inventory_hostname": "meet1"})


def test_it_shows_signs_of_life_until_the_end(screen: list[str]) -> None:
    target = Target(GOING, {**GOING, "last": "x" * 200}, GOING, DONE)
    result = run(target)
    assert (result["failed"], result["msg"]) == (False, "It ended well after 6:52.")
    assert screen[1] == "  meet1: 1:15  Setting up redis"
    assert all(len(line) <= 79 for line in screen)
    assert target.calls == [{"script": "/i"}, *[{"script": "/i", "follow": True}] * 3]


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ({"code": 1}, "The script ended with 1 after 6:52. The end of /var/log/i:\nInstallation completed!"),
        ({"code": -15, "reason": "it asks"}, "The script was ended after 6:52: it asks. The end of /var/log/i:\n"),
        ({"code": None, "reason": "killed", "seconds": None}, "The script was ended: killed. The end"),
        ({"code": 0, "reason": "it did not end"}, "The script was ended after 6:52: it did not end."),
    ],
)
def test_how_it_failed_is_said_with_the_end_of_the_log(screen: list[str], end: Result, words: str) -> None:  # noqa: ARG001
    result = run(Target(GOING, {**DONE, **end}))
    assert result["failed"]
    assert words in result["msg"]


def test_a_lost_connection_is_no_end(screen: list[str]) -> None:
    result = run(Target(GOING, AnsibleConnectionFailure("no route"), GOING, AnsibleConnectionFailure("no route"), DONE))
    assert not result["failed"]
    assert [line for line in screen if "cannot be reached, and the script goes on there" in line]


def test_a_target_that_stays_away_is_unreachable(screen: list[str]) -> None:
    with pytest.raises(AnsibleConnectionFailure):
        run(Target(GOING, *[AnsibleConnectionFailure("no route")] * 40))
    assert len(screen) == 30


def test_what_is_there_already_is_no_run(screen: list[str]) -> None:
    result = run(Target({"running": False, "changed": False}))
    assert not result.get("failed")
    assert not screen


def test_what_fails_before_it_starts_is_told_as_it_is(screen: list[str]) -> None:  # noqa: ARG001
    assert run(Target({"failed": True, "msg": "script is …"}))["msg"] == "script is …"


def test_in_check_mode_nobody_waits_for_the_end(screen: list[str]) -> None:
    assert run(Target(GOING), check=True)["running"]
    assert screen == []
