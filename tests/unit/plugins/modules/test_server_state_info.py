# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments, _server, _services
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._unattended import run
from ansible_collections.plugnmeet.server.plugins.modules import name_addresses_info, server_state_info


def test_the_server_is_looked_at(run_module: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_services, "is_booted", lambda: False)
    monkeypatch.setattr(_server, "installed", lambda dummy, names: names[:1])
    seen = run_module(
        server_state_info, check=True, packages=["nginx", "apache2"], units=["haproxy"], directory="/nowhere/at/all"
    )
    assert (seen["packages"], seen["units"]) == (["nginx"], {"haproxy": "no systemd"})
    assert (seen["directory"], seen["installing"], seen["changed"]) == (False, False, False)
    assert seen["memory"] > 0
    assert seen["disk_free"] > 0
    assert set(seen["distribution"]) == {"id", "name", "version"}


def test_without_dpkg_no_package_is_there(
    run_module: t.Any, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr(_services, "is_booted", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_module(server_state_info, packages=["nginx"], directory="/nowhere")["packages"] == []


def test_of_systemds_programs_the_journal_may_be_missing(
    run_module: t.Any, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    def look(module: AnsibleModule) -> _arguments.Result:
        system = _arguments.system(module)
        assert system.journal("haproxy.service") == []
        with pytest.raises(PreflightError, match=r"^systemctl does not show haproxy\.service: systemctl: No such file"):
            system.states(["haproxy.service"])
        return {"changed": False}

    monkeypatch.setattr(server_state_info, "look", look)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "failed" not in run_module(server_state_info, directory="/nowhere")


def test_an_installer_under_way_is_seen(run_module: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "look", lambda: {"running": True})
    assert run_module(server_state_info, directory="/nowhere")["installing"]


def test_names_keep_their_order(run_module: t.Any) -> None:
    seen = run_module(name_addresses_info, names=["127.0.0.1", "not a name", "::1"])
    assert [name["name"] for name in seen["names"]] == ["127.0.0.1", "not a name", "::1"]
    assert [bool(name["reason"]) for name in seen["names"]] == [False, True, False]
