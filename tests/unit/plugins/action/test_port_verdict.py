# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import time
import types
import typing as t

import pytest
from ansible.errors import AnsibleError

from ansible_collections.plugnmeet.server.plugins.action import port_verdict

Result = dict[str, t.Any]

OPEN = {"seen": "open", "protocol": "udp", "family": "ipv4", "vantage": 0, "ports": "1-3", "detail": {}}
PROBE = {
    "item": "ext",
    "unresolved": "",
    "addresses": {"ipv4": "203.0.113.10"},
    "source": {"ipv4": "198.51.100.2"},
    "local": {"ipv4": "192.0.2.7"},
    "destination": {"ipv4": "203.0.113.10"},
    "evidence": [OPEN],
}
STOPPED = {"running": True, "tap": {"usable": True, "lost": 0}, "evidence": [], "sources": []}
ARGUMENTS: Result = {
    "address": "meet.example.com",
    "ports": [{"name": "media", "protocol": "udp", "ports": "1-3"}],
    "probes": [PROBE],
    "listener": {"started": {"in_use": []}, "stopped": STOPPED},
    "services": {
        "quiesced": {
            "services": [{"unit": "haproxy", "was": "active", "now": "active"}],
            "stopped": ["haproxy.service"],
        },
        "restored": {"services": [{"unit": "haproxy", "was": "inactive", "now": "active", "down_seconds": 2.61}]},
    },
    "started": 1_700_000_000.7,
}


def run(check: bool = False, **more: t.Any) -> Result:
    """Run the action as a task of host meet1."""
    task = types.SimpleNamespace(args={**ARGUMENTS, **more}, async_val=0, check_mode=check, action="port_verdict")
    connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/nowhere"))
    nothing: t.Any = None
    action = port_verdict.ActionModule(
        t.cast("t.Any", task), t.cast("t.Any", connection), nothing, nothing, nothing, nothing
    )
    result: Result = action.run(None, {"inventory_hostname": "meet1"})
    return result


def test_what_is_proven_passes(screen: list[str]) -> None:
    result = run(started=time.time() - 5)
    report = result["ansible_facts"]["preflight_report"]
    assert (result["failed"], result["changed"]) == (False, False)
    assert (result["report_file"], result["report_error"]) == ("", "")
    assert result["msg"] == "meet1 passed: the one required entry is proven open from outside."
    assert (report["host"], report["address"], report["passed"]) == ("meet1", "meet.example.com", True)
    assert 5 <= report["seconds"] < 10
    assert report["services"] == [{"unit": "haproxy", "was": "active", "now": "active", "down_seconds": 2.61}]
    assert len(screen) == 1
    assert "1-3/udp  media  required  open" in screen[0]


def test_the_report_says_when_it_began_and_what_the_server_is_warned_of(screen: list[str]) -> None:
    report = run()["ansible_facts"]["preflight_report"]
    assert (report["started"], report["warnings"]) == ("2023-11-14T22:13:20Z", [])
    assert "Warning" not in screen[0]
    warned = run(outlook={"hairpin": {"203.0.113.10": False}})
    report = warned["ansible_facts"]["preflight_report"]
    assert [warning["about"] for warning in report["warnings"]] == ["hairpin"]
    assert report["passed"]
    assert "Warning: meet1 does not reach itself at 203.0.113.10" in screen[1]


def test_the_commands_of_a_warning_are_there_to_be_copied(screen: list[str]) -> None:
    report = run(outlook={"ephemeral": "1-3"})["ansible_facts"]["preflight_report"]
    (warning,) = report["warnings"]
    assert {type(step) for step in warning["remedy"] + warning["commands"]} == {str}
    assert len(warning["commands"]) == 2
    for command in warning["commands"]:
        assert f"     {command}" in screen[0].splitlines()


def test_what_is_not_proven_fails_with_a_report(screen: list[str], tmp_path: pathlib.Path) -> None:
    result = run(probes=[{**PROBE, "evidence": [{**OPEN, "ports": "1-2"}]}], report_dir=str(tmp_path))
    assert result["failed"]
    assert result["msg"] == "meet1 did not pass: 1 of 1 required entries not proven open: media (1-3/udp)."
    assert (result["report_file"], result["report_error"]) == (str(tmp_path / "meet1.json"), "")
    written = json.loads((tmp_path / "meet1.json").read_text(encoding="utf-8"))
    assert written == result["ansible_facts"]["preflight_report"]
    assert "blocked upstream (1 of 3)" in " ".join(screen[0].split())


def test_probers_are_told_apart_by_their_order(screen: list[str]) -> None:
    probes = [PROBE, {**PROBE, "item": "second"}]  # which proves nothing for vantage 1
    report = run(probes=probes)["ansible_facts"]["preflight_report"]
    assert [(check["vantage"], check["verdict"]) for check in report["checks"]] == [
        ("ext", "passed"),
        ("second", "failed"),
    ]
    assert screen


@pytest.mark.parametrize(
    "probe", [{"item": "ext", "unreachable": True, "msg": "no route"}, {"item": "ext", "failed": True, "msg": "x"}]
)
def test_a_prober_that_could_not_probe_makes_it_inconclusive(screen: list[str], probe: Result) -> None:
    result = run(probes=[probe])
    (check,) = result["ansible_facts"]["preflight_report"]["checks"]
    assert result["failed"]
    assert (check["verdict"], check["results"][0]["state"]) == ("inconclusive", "untested")
    assert screen


def test_a_listener_that_was_never_there_makes_it_inconclusive(screen: list[str]) -> None:
    result = run(probes=[{**PROBE, "evidence": []}], listener={"started": {"failed": True}, "stopped": {}})
    (check,) = result["ansible_facts"]["preflight_report"]["checks"]
    assert (result["failed"], check["verdict"]) == (True, "inconclusive")
    assert screen


def test_without_probers_nothing_passes(screen: list[str]) -> None:
    assert run(probes=[])["failed"]
    assert screen


def test_check_mode_shows_the_plan_writes_nothing_and_does_not_fail(screen: list[str], tmp_path: pathlib.Path) -> None:
    result = run(check=True, probes=[{**PROBE, "evidence": []}], report_dir=str(tmp_path))
    assert not result.get("failed")
    assert (result["changed"], result["report_file"], result["report_error"]) == (False, "", "")
    assert result["msg"] == "check mode: nothing was tested on meet1."
    assert list(tmp_path.iterdir()) == []
    assert "would stop and start again: haproxy" in screen[0]
    assert "would ask 1-3/udp (media) from ext" in screen[0]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"ports": []}, "ports is an empty list; name at least one port to test."),
        (
            {"probes": [{**PROBE, "evidence": [{**OPEN, "seen": "paradise"}]}]},
            "the evidence is not what this version writes; use one version everywhere.",
        ),
        (
            {"probes": [{**PROBE, "addresses": {"ipv4": "nowhere"}}]},
            "\"{'ipv4': 'nowhere'}\" came back where addresses should be; use one version everywhere.",
        ),
    ],
)
def test_a_mistake_is_one_sentence_without_a_report(screen: list[str], wrong: Result, sentence: str) -> None:
    result = run(**wrong)
    assert (result["failed"], result["msg"]) == (True, sentence)
    assert "ansible_facts" not in result
    assert screen == []


def test_a_report_that_cannot_be_written_is_said_and_the_verdict_is_shown_all_the_same(
    screen: list[str], tmp_path: pathlib.Path
) -> None:
    place = tmp_path / "file"
    place.write_text("", encoding="utf-8")
    result = run(report_dir=str(place))
    sentence = f'preflight_report_dir "{place}" cannot be written to: File exists; name another one.'
    assert result["failed"]
    assert (result["report_file"], result["report_error"]) == ("", sentence)
    assert result["msg"] == f"meet1 passed: the one required entry is proven open from outside. {sentence}"
    assert result["ansible_facts"]["preflight_report"]["passed"] is True
    assert len(screen) == 1
    assert "1-3/udp  media  required  open" in screen[0]
    assert "Report: " not in screen[0]


def test_an_option_that_nobody_knows_is_refused() -> None:
    with pytest.raises(AnsibleError, match="prots"):
        run(prots=[])


def test_when_the_run_began_has_to_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ARGUMENTS, "started")
    with pytest.raises(AnsibleError, match="missing required arguments: started"):
        run()


def test_the_screen_says_when_and_who_asked_whom(screen: list[str]) -> None:
    run()
    assert screen[0].splitlines()[1:3] == [
        "PLUGNMEET PREFLIGHT of meet1 (meet.example.com), 2023-11-14 22:13:20 UTC",
        "  from ext: 198.51.100.2 (NAT of 192.0.2.7) to 203.0.113.10",
    ]


@pytest.mark.parametrize("services", ["broken", {"services": ["haproxy"]}, {"services": [{"unit": "haproxy"}]}])
def test_services_that_came_back_broken_are_no_crash(screen: list[str], services: t.Any) -> None:
    result = run(services={"quiesced": services, "restored": services})
    assert result["ansible_facts"]["preflight_report"]["services"] == []
    assert result["failed"] is False
    assert screen
