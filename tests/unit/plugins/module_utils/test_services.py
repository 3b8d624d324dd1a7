# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._services import (
    RESTORE,
    Pending,
    Units,
    is_running,
    unit_name,
)
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.systemd import Systemd

HAPROXY, PLUGNMEET = "haproxy.service", "plugnmeet.service"


def test_the_return_is_armed_before_the_first_unit_stops() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    Units(system.run).quiesce([PLUGNMEET, HAPROXY], "session1", 120)
    assert system.did() == ["systemd-run", f"stop {PLUGNMEET}", f"stop {HAPROXY}"]


def test_what_is_armed_says_when_for_whom_and_in_which_order() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    Units(system.run).quiesce([PLUGNMEET, HAPROXY], "session1", 120)
    command = next(call for call in system.calls if call[0] == "systemd-run")
    assert f"--unit={RESTORE}" in command
    assert "--on-active=120" in command
    assert command[-6:-2] == ["/bin/sh", "-c", 'for unit; do systemctl start "$unit"; done', "restore"]
    assert command[-2:] == [HAPROXY, PLUGNMEET]  # the reverse order
    pending = Units(system.run).pending()
    assert pending == Pending("session1", pending.since if pending else "", (HAPROXY, PLUGNMEET))
    assert pending.since.endswith("Z")


def test_a_return_that_cannot_be_armed_stops_nothing() -> None:
    system = Systemd(haproxy="active")
    system.states[f"{RESTORE}.timer"] = "active"
    with pytest.raises(PreflightError, match=f"Unit {RESTORE}.timer was already loaded$"):
        Units(system.run).quiesce([HAPROXY], "session1", 120)
    assert system.did() == ["systemd-run"]
    assert system.states[HAPROXY] == "active"


def test_if_one_does_not_stop_all_are_started_again() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    system.stubborn.add(HAPROXY)
    with pytest.raises(PreflightError) as raised:
        Units(system.run).quiesce([PLUGNMEET, HAPROXY], "session1", 120)
    assert str(raised.value) == f"{HAPROXY} does not stop: See journalctl -xe for details; everything was started again"
    assert system.did() == [
        "systemd-run",
        f"stop {PLUGNMEET}",
        f"stop {HAPROXY}",
        f"start {HAPROXY}",
        f"start {PLUGNMEET}",
        f"stop {RESTORE}.timer",
    ]
    assert Units(system.run).pending() is None


def test_restoring_starts_in_order_and_disarms_last() -> None:
    system = Systemd(plugnmeet="inactive", haproxy="inactive")
    assert Units(system.run).restore([HAPROXY, PLUGNMEET]) == []
    assert system.did() == [f"start {HAPROXY}", f"start {PLUGNMEET}", f"stop {RESTORE}.timer"]


def test_one_that_does_not_start_keeps_no_other_from_it() -> None:
    system = Systemd(plugnmeet="inactive", haproxy="inactive")
    system.stubborn.add(HAPROXY)
    (complaint,) = Units(system.run).restore([HAPROXY, PLUGNMEET])
    assert complaint.startswith(f"{HAPROXY} does not start again: See journalctl")
    assert system.states[PLUGNMEET] == "active"


def test_a_command_without_a_reason_is_said_to_have_none() -> None:
    with pytest.raises(PreflightError, match="it gives no reason"):
        Units(lambda dummy: (1, "", "\n")).states([HAPROXY])


@pytest.mark.parametrize(
    "state", ["active", "activating", "reloading", "inactive", "deactivating", "failed", "masked", "not-found"]
)
def test_a_units_state_is_told_with_why_it_is_not_active(state: str) -> None:
    system = Systemd(haproxy=state, other="active")
    assert Units(system.run).states(["other.service", HAPROXY]) == {"other.service": "active", HAPROXY: state}


@pytest.mark.parametrize(
    ("state", "running"),
    [
        ("active", True),
        ("activating", True),
        ("reloading", True),
        ("refreshing", True),
        ("inactive", False),
        ("failed", False),
        ("masked", False),
        ("not-found", False),
    ],
)
def test_only_what_runs_has_to_be_stopped(state: str, running: bool) -> None:
    assert is_running(state) is running


def test_of_no_units_nothing_is_asked() -> None:
    system = Systemd()
    assert Units(system.run).states([]) == {}
    assert system.calls == []


def test_a_timer_that_is_not_there_is_nothing_pending() -> None:
    assert Units(Systemd(haproxy="active").run).pending() is None


@pytest.mark.parametrize(
    "units",
    [
        (HAPROXY,),
        ("getty@tty1.service", "a:b-c_d.service"),
        pytest.param(
            (r"systemd-fsck@dev-disk\x2dby.service",),
            marks=pytest.mark.xfail(reason="systemctl quotes a value with a backslash, and it is read as it stands"),
        ),
    ],
)
def test_pending_names_every_unit_whatever_its_name(units: tuple[str, ...]) -> None:
    system = Systemd()
    Units(system.run).quiesce(units, "session1", 120)
    pending = Units(system.run).pending()
    assert pending is not None
    assert pending.units == tuple(reversed(units))


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("haproxy", "haproxy.service"),
        ("haproxy.service", "haproxy.service"),
        ("ssh.socket", "ssh.socket"),
        ("getty@tty1", "getty@tty1.service"),
        ("a.b", "a.b.service"),
    ],
)
def test_a_name_without_a_type_is_a_services(name: str, unit: str) -> None:
    assert unit_name(name) == unit


@pytest.mark.parametrize("name", ["", "a b", "a;reboot", "$(x)", "a/b", "haproxy\n", "ä", "a,b"])
def test_what_is_no_units_name_is_refused(name: str) -> None:
    with pytest.raises(PreflightError) as raised:
        unit_name(name)
    assert str(raised.value).startswith(f'units has "{name}", which is no name of a systemd unit')


@pytest.mark.xfail(reason="systemctl start and stop take it for an option")
def test_an_option_is_no_units_name() -> None:
    with pytest.raises(PreflightError):
        unit_name("--force")


def test_systemctl_that_fails_is_said() -> None:
    def fail(command: t.Sequence[str]) -> tuple[int, str, str]:
        return 1, "", f"Failed to connect to bus: {command[-1]}: No such file or directory\n"

    with pytest.raises(PreflightError, match=r"^systemctl does not show haproxy\.service: Failed to connect"):
        Units(fail).states([HAPROXY])
