# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import typing as t
from pathlib import Path

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.look import look
from ansible_collections.plugnmeet.server.plugins.modules import host_firewall_info

Result = dict[str, t.Any]
TABLE: list[Result] = [{"name": "media", "protocol": "udp", "ports": "50000-60000"}]


def ask(run_module: t.Any, **more: t.Any) -> Result:
    result: Result = run_module(host_firewall_info, **{"ports": TABLE, **more})
    return result


@pytest.mark.parametrize("check", [False, True])
def test_it_looks_at_this_machine_and_changes_nothing(run_module: t.Any, tmp_path: Path, check: bool) -> None:
    (tmp_path / "sys_vendor").write_text("Hetzner\n", encoding="utf-8")
    result = ask(run_module, check=check, dmi=str(tmp_path))
    assert not result.get("changed")
    assert result["cloud"] == "hetzner"
    assert {"in_force", "managers", "rules", "interfaces", "complaints"} <= set(result)


def test_what_is_given_is_passed_on(run_module: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[t.Any] = []

    def note(*arguments: t.Any) -> Result:
        seen.extend(arguments)
        return look(*arguments)

    monkeypatch.setattr(host_firewall_info, "look", note)
    name = socket.if_nameindex()[0][1]
    ask(run_module, interface=name, sources=["198.51.100.2", "2001:db8::1"], destinations=["203.0.113.10"])
    assert [row.name for row in seen[0]] == ["media"]
    assert seen[1:3] == [(name, ["198.51.100.2", "2001:db8::1"], ["203.0.113.10"]), "/sys/class/dmi/id"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"interface": "eth99"}, 'interface is "eth99", which is not there; leave it out to have it found.'),
        ({"sources": ["ext"]}, 'sources has "ext", which is no address; take IP addresses.'),
        ({"destinations": ["1.2.3"]}, 'destinations has "1.2.3", which is no address; take IP addresses.'),
        ({"ports": []}, "ports is an empty list; name at least one port to test."),
        ({"ports": None}, "missing required arguments: ports"),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_a_mistake_is_one_sentence(run_module: t.Any, wrong: Result, sentence: str, check: bool) -> None:
    result = ask(run_module, check=check, **wrong)
    assert result["failed"]
    assert result["msg"].startswith(sentence)
    assert "\n" not in result["msg"]
