# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module's main() as Ansible does, in this process."""

from __future__ import annotations

import json
import types
import typing as t

import pytest
from ansible.module_utils import basic

Result = dict[str, t.Any]
RunModule = t.Callable[..., Result]


@pytest.fixture
def run_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunModule:
    """Run a module with these arguments but those that are None, and return what it prints."""

    def run(module: types.ModuleType, check: bool = False, **arguments: t.Any) -> Result:
        said = {key: value for key, value in arguments.items() if value is not None}
        given = {"ANSIBLE_MODULE_ARGS": {**said, "_ansible_check_mode": check}}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps(given).encode("utf-8"))
        # From ansible-core 2.19 on, a module is told how its caller wants its data.
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        capsys.readouterr()
        with pytest.raises(SystemExit) as raised:
            module.main()
        result: Result = json.loads(capsys.readouterr().out)
        assert bool(raised.value.code) is bool(result.get("failed"))
        return result

    return run


@pytest.fixture
def session() -> dict[str, t.Any]:
    """The session option, as the lookup makes it."""
    return {"id": "3YbqWm0c8PdTzVnA", "secret": "QpN4vX7k2LsWc9RfTz1BdYh6MgJ8aEuK", "started": 1767182400.0}
