# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target and a prober that lie: what they say is data, to the controller and to whoever uses the report."""

from __future__ import annotations

import json
import os
import pathlib
import shlex
import subprocess
import sys
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.tests.unit.plugins.action.test_port_verdict import OPEN, PROBE, STOPPED, run

ROOT = pathlib.Path(__file__).parents[4]

# What a host may say in the place of anything: for a terminal, for a template, for a reader of numbers
WORDS: list[t.Any] = [
    "\x1b[2J\x1b[31m\r\n\x00\x07",
    "\u202etxet\u2066\u200b\u2028\ud800\ufeff",
    "{{ 1 / 0 }}{% raw %}{#",
    "!unsafe x",
    "x" * 100_000,
    10**4000,
    -1,
    float("nan"),
    float("inf"),
    True,
    None,
    [[[[]]]],
    {"a": {"b": {"c": "\x1b"}}},
    "1-65535," * 50 + "1",
]
words = st.sampled_from(WORDS) | st.text(max_size=5)
SEEN = ["open", "moved", "foreign", "accepted", "rejected", "unsent", "limited", "asked", "last_hop"]
HEARD = ["arrived", "passed", "stray", "claimed", "received", "answered", "unanswered", "left", "moved"]
KEYS = ["what", "to", "via", "by", "offender", "reason", "limit", "after", "kind", "server", "route", "certificate"]
KEYS += ["hop", "router", "next", "of", "instead", "source"]


def rows(seen: list[str]) -> st.SearchStrategy[list[dict[str, t.Any]]]:
    row = st.fixed_dictionaries(
        {
            "seen": st.sampled_from(seen),
            "protocol": st.just("udp"),
            "family": st.just("ipv4"),
            "vantage": st.just(0),
            "ports": st.sampled_from(("1", "1-2", "2-3", "3")) | words,
            "detail": st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), words, max_size=4),
        }
    )
    return st.lists(row, max_size=5)


RULE = {
    "protocol": "udp", "family": "ipv4", "ports": "1-3", "action": "drop", "hook": "input", "manager": "nftables",
    "zone": "", "table": "inet filter", "chain": "input", "rule": "drop", "before": "", "position": 1, "handle": 2,
    "certain": True,
}  # fmt: skip


def spoilt(good: t.Mapping[str, t.Any]) -> st.SearchStrategy[dict[str, t.Any]]:
    return st.fixed_dictionaries({key: st.just(value) | words for key, value in good.items()})


def is_plain(text: str) -> bool:
    return all(letter.isprintable() or letter == "\n" for letter in text)


def texts(value: t.Any) -> t.Iterator[str]:
    """All keys and texts in a report."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    asked=rows(SEEN),
    heard=rows(HEARD),
    probe=spoilt({key: PROBE[key] for key in ("unresolved", "source", "local", "destination")}),
    tap=spoilt({"usable": True, "reason": "", "lost": 0}),
    more=spoilt({"strangers": {"datagrams": 1}, "sources": []}),
    rule=spoilt(RULE),
    unit=spoilt({"unit": "haproxy", "was": "active", "now": "inactive", "process": "nginx", "pid": 7}),
)
def test_whatever_they_say_the_screen_and_the_report_stay_whole(
    screen: list[str],
    asked: t.Any,
    heard: t.Any,
    probe: t.Any,
    tap: t.Any,
    more: t.Any,
    rule: t.Any,
    unit: t.Any,
) -> None:
    screen.clear()
    in_use = [{"protocol": "udp", "port": 3, "holder": unit}]
    result = run(
        probes=[{**PROBE, **probe, "evidence": asked}],
        listener={"started": {"in_use": in_use}, "stopped": {**STOPPED, **more, "tap": tap, "evidence": heard}},
        firewall={"in_force": "nftables", "rules": [rule], "cloud": ""},
        services={"quiesced": {"services": [unit]}, "restored": {"services": [unit]}},
    )
    assert is_plain(result["msg"])
    assert len(result["msg"]) < 1000
    for shown in screen:
        assert is_plain(shown)
        assert len(shown) < 60_000
    if not screen:  # it was no evidence at all
        assert result["failed"]
        return
    report = result["ansible_facts"]["preflight_report"]
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert all(is_plain(text) and len(text) < 3000 for text in texts(report))


@pytest.mark.parametrize("kind", ["rejected", "unsent", "foreign", "moved"])
def test_a_prober_that_says_another_thing_of_each_port_fills_no_screen(screen: list[str], kind: str) -> None:
    evidence = [
        {
            **OPEN,
            "seen": kind,
            "ports": str(port),
            "detail": {"what": f"x{port}", "by": f"y{port}", "reason": "z" * port},
        }
        for port in range(1, 5000)
    ]
    run(probes=[{**PROBE, "evidence": evidence}], ports=[{"name": "media", "protocol": "udp", "ports": "1-5000"}])
    assert len(screen[0]) < 40_000


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=spoilt({"name": "meet.example.com", "ipv4": ["192.0.2.1"], "ipv6": [], "reason": ""}),
    outlook=spoilt({"stun": {"a:1": ""}, "hairpin": {"203.0.113.10": False}, "ephemeral": "1-3"}),
)
def test_whatever_the_server_says_of_its_outlook_is_a_warning_or_nothing(
    screen: list[str], name: t.Any, outlook: t.Any
) -> None:
    screen.clear()
    report = run(outlook={**outlook, "names": [name]})["ansible_facts"]["preflight_report"]
    assert report["passed"]
    assert all(is_plain(text) and len(text) < 3000 for text in texts(report))
    assert is_plain(screen[0])


def test_a_server_that_saw_more_than_it_was_asked_fills_no_screen(screen: list[str]) -> None:
    outlook = {
        "stun": {f"{number}:1": "" for number in range(5000)},
        "hairpin": {"203.0.113.10": False, **{f"x{number}": False for number in range(5000)}},
        "names": [{"name": "x" * 999, "ipv4": ["y"] * 5000, "ipv6": [], "reason": ""}] * 5000,
        "ephemeral": ",".join(str(port) for port in range(1, 20000, 2)),
    }
    result = run(outlook=outlook, ports=[{"name": "media", "protocol": "udp", "ports": "1-20000"}])
    kinds = {warning["about"] for warning in result["ansible_facts"]["preflight_report"]["warnings"]}
    assert kinds == {"stun", "hairpin", "names", "ephemeral"}
    assert len(screen[0]) < 40_000


def test_more_ports_than_there_are_cost_nothing(screen: list[str]) -> None:
    result = run(probes=[{**PROBE, "evidence": [{**OPEN, "ports": "1-65535," * 100_000 + "1"}]}])
    assert result["msg"] == "the evidence is not what this version writes; use one version everywhere."
    result = run(probes=[{**PROBE, "evidence": [{**OPEN, "ports": "1-65535", "detail": {"a": n}} for n in range(200)]}])
    assert result["failed"]
    assert screen == []


def test_a_command_to_copy_has_nothing_in_it_that_a_shell_would_run(screen: list[str]) -> None:
    evil = "x; touch /tmp/evil # $(evil) `evil` 'evil"
    for spoil in ({"chain": evil}, {"table": f"inet {evil}"}, {"zone": evil}, {"manager": evil}):
        heard = [{**OPEN, "seen": seen} for seen in ("arrived", "passed")]
        result = run(
            probes=[{**PROBE, "evidence": []}],
            listener={"started": {"in_use": []}, "stopped": {**STOPPED, "evidence": heard}},
            firewall={"in_force": "nftables", "rules": [{**RULE, **spoil}], "cloud": ""},
        )
        outcome = result["ansible_facts"]["preflight_report"]["checks"][0]["results"][0]
        assert not any("evil" in step for step in outcome["remedy"])
    evil += ".service"
    in_use = [{"protocol": "udp", "port": 1, "holder": {"process": "x", "pid": 7, "unit": evil}}]
    result = run(probes=[{**PROBE, "evidence": []}], listener={"started": {"in_use": in_use}, "stopped": STOPPED})
    outcome = result["ansible_facts"]["preflight_report"]["checks"][0]["results"][0]
    assert outcome["remedy"][1] == f"systemctl disable --now {shlex.quote(evil)}"
    assert screen


PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - says:
      register: target
    - plugnmeet.server.port_verdict:
        address: meet.example.com
        ports: [{name: media, protocol: udp, ports: 1-3}]
        probes: ["{{ target.probe }}"]
        listener: {started: "{{ target.started }}", stopped: "{{ target.stopped }}"}
        firewall: "{{ target.firewall }}"
        services: {quiesced: "{{ target.services }}", restored: "{{ target.services }}"}
        started: 1700000000.0
        report_dir: "{{ place }}"
      register: verdict
      failed_when: verdict.ansible_facts is not defined
    - set_fact:
        preflight_report: "{{ verdict.ansible_facts.preflight_report }}"
    - debug:
        msg: "{{ preflight_report }} {{ verdict.msg }}"
    - debug:
        msg: "{{ item.explanation | default('') }} {{ item.remedy | default([]) | join(' ') }}"
      loop: "{{ preflight_report.checks | map(attribute='results') | flatten }}"
    - copy:
        dest: "{{ place }}/users"
        content: "{{ preflight_report | to_json }}"
      delegate_to: localhost
    - fail:
        msg: "{{ verdict.msg }}"
      ignore_errors: true
"""
TEMPLATE = "{{ lookup('ansible.builtin.pipe', 'touch PLACE/evil') }}"


OLDEST = ROOT / ".cache/venv/oldest/bin"


@pytest.mark.parametrize("core", ["newest", "oldest"])  # which have different template engines
def test_no_template_of_theirs_is_ever_one(tmp_path: pathlib.Path, core: str) -> None:
    binaries = pathlib.Path(sys.executable).parent if core == "newest" else OLDEST
    if not (binaries / "ansible-playbook").exists():
        pytest.skip("the oldest core is not there: tests/tools/venv oldest")
    template = TEMPLATE.replace("PLACE", str(tmp_path))
    row = {"protocol": "udp", "family": "ipv4", "vantage": 0}
    told = {
        "changed": False,
        "probe": {
            **PROBE,
            "evidence": [
                {**row, "seen": "foreign", "ports": "1", "detail": {"what": template, "server": template}},
                {**row, "seen": "rejected", "ports": "2", "detail": {"by": template, "offender": template}},
            ],
        },
        "started": {"in_use": [{"protocol": "udp", "port": 3, "holder": {"process": template, "pid": 7}}]},
        "stopped": {**STOPPED, "tap": {"usable": False, "reason": template}, "evidence": []},
        "firewall": {"in_force": template, "rules": [{**RULE, "rule": template}], "cloud": template},
        "services": {"services": [{"unit": template, "was": template, "now": template}]},
    }
    (tmp_path / "library").mkdir()
    (tmp_path / "told.json").write_text(json.dumps(told), encoding="utf-8")
    module = f"#!{sys.executable}\nprint(open({str(tmp_path / 'told.json')!r}).read())\n"
    (tmp_path / "library/says").write_text(module, encoding="utf-8")
    (tmp_path / "play.yml").write_text(PLAYBOOK, encoding="utf-8")
    command = [str(binaries / "ansible-playbook"), "-vvv", "play.yml"]
    local = ["-i", "meet1,", "-c", "local", "-e", f"place={tmp_path} ansible_python_interpreter={sys.executable}"]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache/importable"),
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(
        [*command, *local], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert not (tmp_path / "evil").exists()
    written = json.loads((tmp_path / "meet1.json").read_text(encoding="utf-8"))
    assert json.loads((tmp_path / "users").read_text(encoding="utf-8")) == written
    assert written["checks"][0]["results"][0]["what"] == template
    assert template in done.stdout
