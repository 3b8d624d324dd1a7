# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import pwd

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._caller import Caller, caller


def process(proc: pathlib.Path, pid: int, parent: int, **environment: str) -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "stat").write_text(f"{pid} (a (b) c) S {parent} 1 1", encoding="utf-8")
    text = "".join(f"{name}={value}\0" for name, value in environment.items())
    (proc / str(pid) / "environ").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("depth", [0, 1, 4])
def test_who_logged_in_is_known_through_sudo(tmp_path: pathlib.Path, depth: int) -> None:
    pids = [os.getpid(), *range(500, 500 + depth)]
    for pid, parent in zip(pids, [*pids[1:], 400]):
        process(tmp_path, pid, parent, USER="root")
    last = tmp_path / str(pids[-1]) / "environ"
    last.write_text("USER=ann\0SSH_CONNECTION=2001:db8::7 50022 2001:db8::1 443\0", encoding="utf-8")
    found = caller(str(tmp_path))
    assert found == Caller("ann", "2001:db8::7", 50022)
    assert str(found) == "ann from 2001:db8::7"


@pytest.mark.parametrize("connection", ["", "nonsense", "198.51.100.7 port 1 2"])
def test_without_ssh_it_is_the_user_of_this_process(tmp_path: pathlib.Path, connection: str) -> None:
    process(tmp_path, os.getpid(), 0, SSH_CONNECTION=connection, USER="ann")
    assert str(caller(str(tmp_path))) == pwd.getpwuid(os.getuid()).pw_name


def test_what_another_user_writes_into_an_environment_is_no_sentence(tmp_path: pathlib.Path) -> None:
    process(tmp_path, os.getpid(), 0, SSH_CONNECTION="1.2.3.4\x1b[2J 7 x 22", USER="ann, and $(reboot)\n" + "x" * 90)
    found = caller(str(tmp_path))
    assert found.address == "1.2.3.42J"
    assert found.user == "annandreboot" + "x" * 48


def test_processes_that_are_their_own_ancestors_are_left(tmp_path: pathlib.Path) -> None:
    process(tmp_path, os.getpid(), os.getpid())
    assert caller(str(tmp_path)).address == ""
