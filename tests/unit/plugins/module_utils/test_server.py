# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _names, _server
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError


def test_the_distribution_is_read_as_a_shell_would(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "os-release"
    file.write_text('# a comment = none\nID=ubuntu\nNAME="Ubuntu Linux"\nVERSION_ID=\'24.04\'\nBROKEN="x\n')
    assert _server.distribution(["/nowhere", str(file)]) == {"id": "ubuntu", "name": "Ubuntu Linux", "version": "24.04"}
    assert _server.distribution(["/nowhere"]) == {"id": "", "name": "", "version": ""}


def test_only_what_is_installed_counts() -> None:
    states = {
        "nginx": (0, "installed", ""),
        "apache2": (0, "config-files", ""),
        "haproxy": (1, "", "no packages found"),
    }
    assert _server.installed(lambda command: states[command[-1]], ["apache2", "haproxy", "nginx"]) == ["nginx"]


def test_memory_is_in_bytes(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemFree: 1 kB\nMemTotal:       2048 kB\n")
    assert _server.memory(str(file)) == 2 << 20
    file.write_text("nothing\n")
    with pytest.raises(PreflightError, match="does not say how much memory there is"):
        _server.memory(str(file))


def test_room_is_looked_for_where_it_will_be(tmp_path: pathlib.Path) -> None:
    assert abs(_server.room(str(tmp_path / "a/b/c")) - _server.room(str(tmp_path))) < 1 << 30
    assert _server.room("/") > 0


def test_room_of_a_relative_path_is_looked_for_from_here(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter(range(10))  # which may never end
    monkeypatch.setattr(os.path, "exists", lambda path: next(looks) >= 0 and os.path.lexists(path))
    monkeypatch.chdir(tmp_path)
    assert _server.room("a/b") > 0


def test_a_name_has_addresses_or_a_reason() -> None:
    assert _names.look_up("127.0.0.1") == ("127.0.0.1", ["127.0.0.1"], [], "")
    assert _names.look_up("::1").ipv6 == ["::1"]
    nothing = _names.look_up("a" * 64 + ".invalid")
    assert (nothing.ipv4, nothing.ipv6) == ([], [])
    assert nothing.reason
