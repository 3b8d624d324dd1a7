# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import time
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments, _services
from ansible_collections.plugnmeet.server.plugins.module_utils._caller import Caller
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import lifecycle
from ansible_collections.plugnmeet.server.plugins.modules import service_quiesce
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.systemd import Systemd
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.systemd import quiesce as arm_and_stop

ARGUMENTS = {"units": ["plugnmeet", "haproxy"], "session": "sessionONE012345"}
SERVICE = "plugnmeet-preflight-restore.service"


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Systemd:
    """A host under systemd, with root's rights."""
    made = Systemd(plugnmeet="active", haproxy="active")
    monkeypatch.setattr(_services, "is_booted", lambda: True)
    monkeypatch.setattr(_arguments, "system", lambda dummy: _services.Units(made.run))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(lifecycle, "NAME", f"\0plugnmeet.server.test.quiesce.{os.getpid()}")
    return made


def quiesce(run_module: t.Any, **more: t.Any) -> dict[str, t.Any]:
    result: dict[str, t.Any] = run_module(service_quiesce, state="quiesced", **{**ARGUMENTS, **more})
    return result


def restore(run_module: t.Any, **more: t.Any) -> dict[str, t.Any]:
    result: dict[str, t.Any] = run_module(service_quiesce, state="restored", **{**ARGUMENTS, **more})
    return result


def services(result: dict[str, t.Any]) -> list[tuple[str, str, str]]:
    return [(row["unit"], row["was"], row["now"]) for row in result["services"]]


def test_what_is_active_is_stopped_and_comes_back(run_module: t.Any, system: Systemd) -> None:
    now = time.monotonic()
    quiesced = quiesce(run_module, ttl=60)
    assert quiesced["changed"]
    assert services(quiesced) == [("plugnmeet", "active", "inactive"), ("haproxy", "active", "inactive")]
    assert now + 56 < quiesced["deadline"] < now + 60
    restored = restore(run_module)
    assert (restored["changed"], restored["complaints"]) == (True, [])
    assert services(restored) == [("plugnmeet", "inactive", "active"), ("haproxy", "inactive", "active")]
    assert system.did() == [
        "systemd-run",
        "stop plugnmeet.service",
        "stop haproxy.service",
        f"start {SERVICE}",
    ]
    assert system.started == ["haproxy.service", "plugnmeet.service"]


def test_what_is_armed_runs_until_somebody_stops_it(run_module: t.Any, system: Systemd) -> None:
    armed = run_module(service_quiesce, state="armed", **ARGUMENTS)
    assert (armed["changed"], armed["armed"]) == (True, True)
    assert armed["stopped"] == ["haproxy.service", "plugnmeet.service"]
    assert services(armed) == [("plugnmeet", "active", "active"), ("haproxy", "active", "active")]
    assert system.did() == ["systemd-run"]
    assert services(quiesce(run_module)) == [("plugnmeet", "active", "inactive"), ("haproxy", "active", "inactive")]
    assert system.did() == ["systemd-run", "stop plugnmeet.service", "stop haproxy.service"]


def test_what_was_not_running_is_not_touched(run_module: t.Any, system: Systemd) -> None:
    system.states = {"plugnmeet.service": "masked", "haproxy.service": "failed"}
    result = quiesce(run_module, units=["plugnmeet", "haproxy", "nginx"])
    assert not result["changed"]
    assert services(result) == [
        ("plugnmeet", "masked", "masked"),
        ("haproxy", "failed", "failed"),
        ("nginx", "not-found", "not-found"),
    ]
    assert not restore(run_module)["changed"]
    assert system.did() == ["systemd-run", f"start {SERVICE}"]  # the claim on the target, and no more
    assert system.started == []


def test_the_same_session_again_changes_nothing(run_module: t.Any, system: Systemd) -> None:
    deadline = quiesce(run_module)["deadline"]
    before = list(system.did())
    again = quiesce(run_module)
    assert not again["changed"]
    assert again["deadline"] == deadline  # the timer did not move
    assert services(again) == [("plugnmeet", "active", "inactive"), ("haproxy", "active", "inactive")]
    assert system.did() == before


@pytest.mark.parametrize("units", [["plugnmeet", "haproxy"], ["idle"], []])
def test_who_meets_another_session_is_refused_before_anything_is_stopped(
    run_module: t.Any, system: Systemd, monkeypatch: pytest.MonkeyPatch, units: list[str]
) -> None:
    monkeypatch.setattr(service_quiesce, "caller", lambda: Caller("ann", "198.51.100.7", 50000))
    quiesce(run_module, units=units)
    before = list(system.did())
    result = quiesce(run_module, session="sessionTWO012345")
    assert result["failed"]
    assert result["msg"].startswith(
        "another preflight, session sessionONE012345 by ann from 198.51.100.7, is under way on the target since 2"
    )
    assert (", and has haproxy.service, plugnmeet.service stopped; wait" in result["msg"]) is (len(units) == 2)
    assert system.did() == before


LISTENING = {"session": "sessionTWO012345", "since": "2026-01-31T12:00:00Z", "seconds_left": 42}


@pytest.mark.parametrize("take_over", [False, True])
def test_beside_the_listener_of_another_session_nothing_is_stopped(
    run_module: t.Any, system: Systemd, monkeypatch: pytest.MonkeyPatch, take_over: bool
) -> None:
    monkeypatch.setattr(lifecycle, "status", lambda: LISTENING)
    result = quiesce(run_module, take_over=take_over)
    assert result["failed"]
    assert result["msg"] == (
        "another preflight, session sessionTWO012345, has been listening on the target since 2026-01-31T12:00:00Z; "
        "wait until it ends, by itself in 42 s at the latest."
    )
    assert system.did() == []


def test_the_listener_of_a_session_that_is_taken_over_is_in_nobodys_way(
    run_module: t.Any, system: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm_and_stop(system.run, ["haproxy.service"], LISTENING["session"], "ann", 60)
    # The return ends it.
    monkeypatch.setattr(
        lifecycle, "status", lambda: None if system.states["haproxy.service"] == "active" else LISTENING
    )
    assert "failed" not in quiesce(run_module, check=True, take_over=True)
    assert "failed" not in quiesce(run_module, take_over=True)
    assert system.states["haproxy.service"] == "inactive"


@pytest.mark.parametrize("broken", [False, True])
def test_a_return_that_was_over_before_is_complained_of_all_the_same(
    run_module: t.Any, system: Systemd, broken: bool
) -> None:
    quiesced = quiesce(run_module)
    assert quiesced["stopped"] == ["haproxy.service", "plugnmeet.service"]
    assert quiesce(run_module)["stopped"] == quiesced["stopped"]
    if broken:
        system.stubborn.add("haproxy.service")
    system.fire()
    result = restore(run_module, stopped=quiesced["stopped"])
    said = "haproxy.service does not start again, it is failed; see systemctl status haproxy.service"
    assert (result["changed"], result["complaints"]) == (False, [said] if broken else [])


def test_what_another_session_stopped_is_nothing_to_be_restored(run_module: t.Any, system: Systemd) -> None:
    quiesce(run_module)
    before = list(system.did())
    result = restore(run_module, session="sessionTWO012345")
    assert (result["changed"], result["complaints"]) == (False, [])
    assert system.did() == before


def test_another_session_is_ended_if_that_is_wanted(run_module: t.Any, system: Systemd) -> None:
    quiesce(run_module)
    result = quiesce(run_module, session="sessionTWO012345", take_over=True)
    assert services(result) == [("plugnmeet", "active", "inactive"), ("haproxy", "active", "inactive")]
    assert system.started == ["haproxy.service", "plugnmeet.service"]
    pending = _services.Units(system.run).pending()
    assert pending is not None
    assert pending.session == "sessionTWO012345"


def test_another_session_that_leaves_services_behind_is_no_ground_to_go_on(run_module: t.Any, system: Systemd) -> None:
    quiesce(run_module)
    system.stubborn.add("haproxy.service")
    result = quiesce(run_module, session="sessionTWO012345", take_over=True)
    assert result["msg"] == (
        "session sessionONE012345 was ended, and its services are not back: haproxy.service does not start again, "
        "it is failed; see systemctl status haproxy.service."
    )
    assert system.states["plugnmeet.service"] == "active"


CLIENTS = [
    {"protocol": "tcp", "ports": "443", "connections": 3},
    {"protocol": "udp", "ports": "50000-60000", "connections": 2},
]
PORTS = [{"name": "https", "protocol": "tcp", "ports": "443"}]


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> list[t.Any]:
    """Clients of the ports, and what was asked about them."""
    asked: list[t.Any] = []

    def clients(*arguments: t.Any) -> list[dict[str, t.Any]]:
        asked.append(arguments)
        return CLIENTS

    monkeypatch.setattr(service_quiesce._clients, "clients", clients)
    monkeypatch.setattr(service_quiesce, "caller", lambda: Caller("ann", "198.51.100.7", 50000))
    return asked


def test_while_there_are_clients_nothing_is_stopped(run_module: t.Any, system: Systemd, meeting: list[t.Any]) -> None:
    result = quiesce(run_module, ports=PORTS)
    assert result["failed"]
    assert result["msg"] == (
        "there are clients on the target (connections: 3 to 443/tcp and 2 to 50000-60000/udp), and nothing was "
        "stopped; run again when they are gone, or end their meetings with preflight_interrupt: true (interrupt)."
    )
    assert system.did() == []
    ((requirements, ignore),) = meeting
    assert [row.name for row in requirements] == ["https"]
    assert ignore == ("198.51.100.7", 50000)


def test_clients_are_cut_off_if_that_is_wanted(run_module: t.Any, system: Systemd, meeting: list[t.Any]) -> None:
    result = quiesce(run_module, ports=PORTS, interrupt=True)
    assert result["changed"]
    assert result["clients"] == CLIENTS
    assert len(meeting) == 1
    assert system.states["haproxy.service"] == "inactive"


def test_check_mode_tells_who_would_be_cut_off(run_module: t.Any, system: Systemd, meeting: list[t.Any]) -> None:
    result = quiesce(run_module, check=True, ports=PORTS)
    assert (result["changed"], result["clients"]) == (True, CLIENTS)
    assert len(meeting) == 1
    assert system.did() == []


def test_of_services_that_are_not_to_be_stopped_nobody_is_a_client(
    run_module: t.Any, system: Systemd, meeting: list[t.Any]
) -> None:
    system.states = {"plugnmeet.service": "inactive"}
    assert quiesce(run_module, ports=PORTS)["clients"] == []
    assert meeting == []


def test_how_long_a_service_was_down_is_told(run_module: t.Any, system: Systemd) -> None:
    quiesce(run_module)
    system.times = {"plugnmeet.service": (1_000_000, 3_500_000), "haproxy.service": (1_200_000, 0)}
    system.said = {"haproxy.service": "no\nluck\n"}
    system.stubborn.add("haproxy.service")
    result = restore(run_module)
    assert result["services"] == [
        {"unit": "plugnmeet", "was": "inactive", "now": "active", "down_seconds": 2.5},
        {"unit": "haproxy", "was": "inactive", "now": "failed", "down_seconds": None, "journal": ["no", "luck"]},
    ]
    assert len(result["complaints"]) == 1


def test_another_session_that_is_quicker_is_named_and_its_return_stays(
    run_module: t.Any, system: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = _services.Units(system.run)
    system.states["nginx.service"] = "active"

    def run(command: list[str]) -> tuple[int, str, str]:
        # Between the look at what is pending and the arming, another session arms its own.
        if command[0] == "systemd-run":
            arm_and_stop(system.run, ["nginx.service"], "sessionTWO012345", "bob", 60)
        return system.run(command)

    monkeypatch.setattr(_arguments, "system", lambda dummy: _services.Units(run))
    result = quiesce(run_module)
    pending = others.pending()
    assert pending is not None
    assert (pending.session, pending.units) == ("sessionTWO012345", ("nginx.service",))
    assert result["failed"]
    assert result["msg"] == (
        f"another preflight, session sessionTWO012345 by bob, is under way on the target since {pending.since}, "
        "and has nginx.service stopped; wait until it ends, by its timer (plugnmeet-preflight-restore.timer) at the "
        "latest, or if nobody runs it any more, end it with preflight_take_over: true (take_over)."
    )
    assert system.did() == ["systemd-run", "stop nginx.service", "systemd-run"]
    assert (system.states["plugnmeet.service"], system.states["haproxy.service"]) == ("active", "active")


@pytest.mark.parametrize("state", ["armed", "quiesced", "restored"])
def test_check_mode_tells_and_does_nothing(run_module: t.Any, system: Systemd, state: str) -> None:
    if state == "restored":
        quiesce(run_module)
    before = list(system.did())
    result = run_module(service_quiesce, check=True, state=state, **ARGUMENTS)
    assert result["changed"]
    assert result.get("stopped", []) == ["haproxy.service", "plugnmeet.service"] * (state != "restored")
    assert system.did() == before


def test_a_user_without_rights_is_told(run_module: t.Any, system: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = quiesce(run_module)
    assert result["msg"] == (
        "stopping plugnmeet.service, haproxy.service needs root on the target; run with become: true."
    )
    assert system.did() == []


def test_a_unit_that_does_not_stop_fails_and_all_run_again(run_module: t.Any, system: Systemd) -> None:
    system.stubborn.add("haproxy.service")
    result = quiesce(run_module)
    assert result["failed"]
    assert result["msg"].startswith("haproxy.service does not stop: ")
    assert system.states["plugnmeet.service"] == "active"


def test_a_unit_that_could_not_be_started_again_fails_and_nothing_is_stopped(
    run_module: t.Any, system: Systemd
) -> None:
    system.transient.add("haproxy.service")
    result = quiesce(run_module)
    assert result["failed"]
    assert result["msg"] == (
        "haproxy.service runs and could not be started again after the test, because it is transient; "
        "stop it yourself, or take it out of preflight_services (units)."
    )
    assert system.did() == []


def test_what_does_not_run_need_not_be_startable(run_module: t.Any, system: Systemd) -> None:
    system.states["haproxy.service"] = "inactive"
    system.by_dependency.add("haproxy.service")
    assert services(quiesce(run_module)) == [("plugnmeet", "active", "inactive"), ("haproxy", "inactive", "inactive")]
    assert system.did() == ["systemd-run", "stop plugnmeet.service"]


def test_without_systemd_there_is_nothing_to_stop(run_module: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_services, "is_booted", lambda: False)
    for result in (quiesce(run_module), restore(run_module)):
        assert not result["changed"]
        assert services(result) == [(name, "no systemd", "no systemd") for name in ("plugnmeet", "haproxy")]


def test_no_units_are_no_work(run_module: t.Any, system: Systemd) -> None:
    assert quiesce(run_module, units=[])["services"] == []
    assert system.did() == ["systemd-run"]  # the claim on the target


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"ttl": 3}, "ttl is 3; give the session more than 3 seconds."),
        ({"session": "session1"}, 'session must be 16 letters and digits, not "session1"; take lookup('),
        ({"ttl": -1}, "ttl is -1; give the session more than 3 seconds."),
        ({"units": ["a b"]}, 'units has "a b", which is no name of a systemd unit; write it as haproxy.'),
        ({"units": None}, "missing required arguments: units"),
        ({"ttl": "soon"}, "argument 'ttl' is of type "),
    ],
)
def test_a_mistake_is_one_sentence(run_module: t.Any, system: Systemd, wrong: dict[str, t.Any], sentence: str) -> None:
    result = quiesce(run_module, **wrong)
    assert result["failed"]
    assert result["msg"].startswith(sentence)
    assert system.calls == []
