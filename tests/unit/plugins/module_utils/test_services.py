# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os
import pathlib
import re
import shutil
import subprocess
import time
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import privileges
from ansible_collections.plugnmeet.server.plugins.module_utils._services import (
    LISTENER,
    RESTORE,
    Pending,
    Units,
    busy,
    command_line,
    is_running,
    unit_name,
)
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.systemd import RELATIONS, Systemd, quiesce

HAPROXY, PLUGNMEET = "haproxy.service", "plugnmeet.service"


def test_the_return_is_armed_before_the_first_unit_stops() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    quiesce(system.run, [PLUGNMEET, HAPROXY])
    assert system.did() == ["systemd-run", f"stop {PLUGNMEET}", f"stop {HAPROXY}"]


def test_what_is_armed_says_when_for_whom_and_in_which_order() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    quiesce(system.run, [PLUGNMEET, HAPROXY])
    command = next(call for call in system.calls if call[0] == "systemd-run")
    assert f"--unit={RESTORE}" in command
    assert "--collect" in command
    assert "--on-active=120" in command
    assert "--property=Type=oneshot" in command
    assert command[-3:] == ["/bin/sh", "-c", command_line([HAPROXY, PLUGNMEET])]  # the reverse order
    pending = Units(system.run).pending()
    since, deadline = (pending.since, pending.deadline) if pending else ("", 0.0)
    assert pending == Pending("session1", "root", since, (HAPROXY, PLUGNMEET), (PLUGNMEET, HAPROXY), deadline)
    assert since.endswith("Z")
    assert 110 < deadline - time.monotonic() < 117


def test_a_return_that_cannot_be_armed_stops_nothing() -> None:
    system = Systemd(haproxy="active")
    system.refuses = f"Failed to start transient timer unit: Unit {RESTORE}.service is masked.\n"
    with pytest.raises(PreflightError) as raised:
        quiesce(system.run, [HAPROXY])
    assert str(raised.value) == (
        "systemd does not take the timer that starts the services again: "
        f"Failed to start transient timer unit: Unit {RESTORE}.service is masked"
    )
    assert system.did() == ["systemd-run"]
    assert system.states[HAPROXY] == "active"


def test_who_meets_a_return_that_another_has_armed_stops_nothing_and_says_whose_it_is() -> None:
    system = Systemd(haproxy="active", plugnmeet="active")
    quiesce(system.run, [PLUGNMEET], "session2", "ann from 198.51.100.7", 120)
    pending = Units(system.run).pending()
    before = list(system.did())
    with pytest.raises(PreflightError) as raised:
        quiesce(system.run, [HAPROXY])
    assert pending is not None
    assert str(raised.value) == busy(pending)
    assert str(raised.value) == (
        "another preflight, session session2 by ann from 198.51.100.7, is under way on the target since "
        f"{pending.since}, and has {PLUGNMEET} stopped; wait until it ends, by its timer ({RESTORE}.timer) at the "
        "latest, or if nobody runs it any more, end it with preflight_take_over: true (take_over)"
    )
    assert system.did() == [*before, "systemd-run"]
    assert system.states[HAPROXY] == "active"


@pytest.mark.parametrize("relation", RELATIONS)
def test_what_runs_and_stops_together_with_a_unit_comes_back_after_it(relation: str) -> None:
    system = Systemd(plugnmeet="active", haproxy="active", etherpad="active", idle="inactive")
    system.states["multi-user.target"] = "active"
    system.listed[PLUGNMEET, relation] = [
        HAPROXY,
        "etherpad.service",
        "idle.service",
        "multi-user.target",
        "no.service",
    ]
    quiesce(system.run, [PLUGNMEET, HAPROXY])
    assert system.did() == ["systemd-run", f"stop {PLUGNMEET}", f"stop {HAPROXY}"]
    assert system.states["etherpad.service"] == "inactive"
    pending = Units(system.run).pending()
    assert pending is not None
    assert pending.units == (HAPROXY, PLUGNMEET, "etherpad.service", "multi-user.target")
    command = next(call for call in system.calls if call[0] == "systemd-run")
    assert command[-1] == command_line(pending.units)


def test_what_stops_together_with_a_unit_is_started_again_if_one_does_not_stop() -> None:
    system = Systemd(plugnmeet="active", haproxy="active", etherpad="active")
    system.listed[PLUGNMEET, "BoundBy"] = ["etherpad.service"]
    system.stubborn.add(HAPROXY)
    with pytest.raises(PreflightError):
        quiesce(system.run, [PLUGNMEET, HAPROXY])
    assert system.started == [HAPROXY, PLUGNMEET, "etherpad.service"]
    assert system.states["etherpad.service"] == "active"


def test_a_unit_that_refuses_to_be_stopped_is_refused_before_anything_is_stopped_or_armed() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    system.unstoppable.add(HAPROXY)
    with pytest.raises(PreflightError) as raised:
        quiesce(system.run, [PLUGNMEET, HAPROXY])
    assert str(raised.value) == (
        f"{HAPROXY} runs and refuses to be stopped by hand; take it out of preflight_services (units)"
    )
    assert system.did() == []


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("not-found", "it is not-found"),
        ("masked", "it is masked"),
        ("bad-setting", "it is bad-setting"),
        ("transient", "it is transient"),
        ("by dependency", "it refuses to be started by hand"),
    ],
)
def test_a_unit_that_could_not_be_started_again_is_refused_before_anything_is_stopped_or_armed(
    case: str, reason: str
) -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    if case == "transient":
        system.transient.add(HAPROXY)
    elif case == "by dependency":
        system.by_dependency.add(HAPROXY)
    else:
        system.loads[HAPROXY] = case
    units = Units(system.run)
    assert units.states([HAPROXY]) == {HAPROXY: "active"}
    with pytest.raises(PreflightError) as raised:
        quiesce(system.run, [PLUGNMEET, HAPROXY])
    assert str(raised.value) == (
        f"{HAPROXY} runs and could not be started again after the test, because {reason}; "
        "stop it yourself, or take it out of preflight_services (units)"
    )
    assert system.did() == []
    assert units.pending() is None


def test_what_stops_with_what_stops_with_a_unit_comes_back_too_and_after_it() -> None:
    system = Systemd(plugnmeet="active", nats="active", etherpad="active", sip="active", idle="inactive", lost="active")
    system.states["meet.target"] = "active"
    system.listed[PLUGNMEET, "RequiredBy"] = ["sip.service"]
    system.listed["sip.service", "BoundBy"] = ["meet.target", "idle.service"]
    system.listed["meet.target", "ConsistsOf"] = ["etherpad.service", PLUGNMEET]
    system.listed["idle.service", "RequiredBy"] = ["lost.service"]  # what does not run stops nothing
    system.listed["sip.service", "After"] = ["etherpad.service", "nats.service"]
    quiesce(system.run, [PLUGNMEET])
    assert system.states["etherpad.service"] == "inactive"
    assert system.states["lost.service"] == "active"
    assert system.returning == [PLUGNMEET, "meet.target", "etherpad.service", "sip.service"]


def test_units_that_want_each_other_to_be_first_come_back_all_the_same() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    system.listed[PLUGNMEET, "After"] = [HAPROXY]
    system.listed[HAPROXY, "After"] = [PLUGNMEET]
    quiesce(system.run, [PLUGNMEET, HAPROXY])
    assert system.returning == [HAPROXY, PLUGNMEET]


def test_if_one_does_not_stop_all_are_started_again() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    system.stubborn.add(HAPROXY)
    with pytest.raises(PreflightError) as raised:
        quiesce(system.run, [PLUGNMEET, HAPROXY])
    assert str(raised.value) == (
        f"{HAPROXY} does not stop: Job for {HAPROXY} failed because a timeout was exceeded; "
        f"{HAPROXY} does not start again, it is failed; see systemctl status {HAPROXY}"
    )
    assert system.did() == ["systemd-run", f"stop {PLUGNMEET}", f"stop {HAPROXY}", f"start {RESTORE}.service"]
    assert system.started == [HAPROXY, PLUGNMEET]
    assert system.states[PLUGNMEET] == "active"
    assert Units(system.run).pending() is None


def test_one_that_takes_too_long_to_stop_is_given_up() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    system.slow.add(HAPROXY)
    with pytest.raises(PreflightError) as raised:
        quiesce(system.run, [PLUGNMEET, HAPROXY], "session1", "root", 30)
    assert str(raised.value) == (
        f"{HAPROXY} does not stop: it takes longer than preflight_ttl (ttl), 30 s, allows; give it more; "
        "everything was started again"
    )
    stops = [call for call in system.calls if call[0] == "timeout"]
    assert [int(call[1]) for call in stops] == [23, 23]  # what is left is for the test
    assert system.states[PLUGNMEET] == "active"


def test_who_is_ended_while_it_stops_units_starts_them_again() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")

    def run(command: list[str]) -> tuple[int, str, str]:
        if command[0] == "timeout" and command[-1] == HAPROXY:
            system.fire()  # somebody else wants all back, before the last one was stopped
        return system.run(command)

    with pytest.raises(PreflightError, match="session session1 was ended while it stopped"):
        quiesce(run, [PLUGNMEET, HAPROXY])
    assert (system.states[PLUGNMEET], system.states[HAPROXY]) == ("active", "active")


def test_who_stops_the_last_unit_when_the_return_has_begun_starts_it_again() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")

    def run(command: list[str]) -> tuple[int, str, str]:
        if command[0] == "timeout" and command[-1] == HAPROXY:
            system.states[f"{RESTORE}.service"] = "activating"  # it was at haproxy already
        return system.run(command)

    with pytest.raises(PreflightError, match="session session1 was ended while it stopped"):
        quiesce(run, [PLUGNMEET, HAPROXY])
    assert (system.states[PLUGNMEET], system.states[HAPROXY]) == ("active", "active")


@pytest.mark.parametrize("last", [PLUGNMEET, HAPROXY])
@pytest.mark.parametrize("code", [0, 1])
def test_who_is_taken_over_while_it_stops_a_unit_leaves_all_to_the_other(last: str, code: int) -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    after: list[str] = []

    def run(command: list[str]) -> tuple[int, str, str]:
        outcome = system.run(command)
        if command[0] != "timeout" or command[-1] != last:
            return outcome
        system.fire()
        quiesce(system.run, [PLUGNMEET, HAPROXY], "session2")
        after.extend(system.did())
        return code, "", "Job canceled.\n" * code

    with pytest.raises(PreflightError) as raised:
        quiesce(run, [PLUGNMEET, HAPROXY])
    assert str(raised.value) == f"session session1 was ended while it stopped {last}; run again"
    assert system.did() == after
    assert Units(system.run).is_armed("session2")


def test_what_is_armed_is_so_until_its_return_begins() -> None:
    system = Systemd(haproxy="active")
    units = Units(system.run)
    assert not units.is_armed("session1")
    quiesce(system.run, [HAPROXY])
    assert (units.is_armed("session1"), units.is_armed("session2")) == (True, False)
    system.states[f"{RESTORE}.service"] = "activating"
    assert not units.is_armed("session1")


def test_restoring_starts_the_service_that_is_armed() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    units = Units(system.run)
    quiesce(system.run, [PLUGNMEET, HAPROXY])
    pending = units.pending()
    assert pending is not None
    assert units.restore(pending) == []
    assert system.did("start") == [f"start {RESTORE}.service"]
    assert system.started == [HAPROXY, PLUGNMEET]
    assert units.pending() is None


def test_a_return_that_is_under_way_is_pending_though_its_timer_is_gone() -> None:
    system = Systemd(haproxy="active")
    quiesce(system.run, [HAPROXY])
    del system.states[f"{RESTORE}.timer"]
    system.states[f"{RESTORE}.service"] = "activating"
    pending = Units(system.run).pending()
    assert pending is not None
    assert pending.units == (HAPROXY,)


def test_one_that_does_not_start_keeps_no_other_from_it_and_its_journal_is_told() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    units = Units(system.run)
    quiesce(system.run, [PLUGNMEET, HAPROXY])
    system.stubborn.add(HAPROXY)
    system.said[HAPROXY] = "cannot bind socket [0.0.0.0:443]\nFailed with result 'exit-code'.\n"
    (complaint,) = units.restore(units.pending() or Pending("", "", "", (), (), 0.0))
    assert complaint == (
        f"{HAPROXY} does not start again, it is failed; its journal ends with: "
        "cannot bind socket [0.0.0.0:443] / Failed with result 'exit-code'"
    )
    assert system.states[PLUGNMEET] == "active"


def test_one_that_still_stops_is_left_to_systemd() -> None:
    system = Systemd(haproxy="deactivating")
    system.stubborn.add(HAPROXY)
    (complaint,) = Units(system.run).restore(Pending("session1", "root", "", (HAPROXY,), (HAPROXY,), 0.0))
    assert complaint.startswith(f"{HAPROXY} still stops, and systemd starts it again as soon as it has")


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ((1_000_000, 3_614_999), 2.61),
        ((0, 3_000_000), None),  # it was never stopped since the host came up
        ((5_000_000, 3_000_000), None),  # it is still stopped
        ((0, 0), None),
    ],
)
def test_how_long_a_unit_was_down_is_systemds_own_word(times: tuple[int, int], seconds: float | None) -> None:
    system = Systemd(haproxy="active")
    system.times[HAPROXY] = times
    assert Units(system.run).down_seconds([HAPROXY]) == {HAPROXY: seconds}


def test_the_way_back_has_nothing_that_systemd_would_read_otherwise_after_a_reload() -> None:
    found = re.fullmatch(r"echo ([A-Za-z0-9+/=]+) \| base64 -d \| /bin/sh", command_line([HAPROXY, r"a\x2db.mount"]))
    assert found
    script = base64.b64decode(found[1])
    assert script.endswith(rf"restore {HAPROXY} 'a\x2db.mount' </dev/null".encode() + b"\n")
    assert subprocess.run(["sh", "-n"], input=script, check=False).returncode == 0


def test_a_way_back_that_ends_before_its_time_is_gone_once_more_by_hand() -> None:
    system = Systemd(plugnmeet="active", haproxy="active")
    units = Units(system.run)
    quiesce(system.run, [PLUGNMEET, HAPROXY])
    pending = units.pending()
    assert pending is not None
    system.returning = []
    system.ends_early = True
    assert units.restore(pending) == []
    assert system.did("start") == [f"start {RESTORE}.service", f"start {HAPROXY} {PLUGNMEET}"]
    assert system.did()[-1] == f"stop {RESTORE}.timer"


def test_a_socket_is_refused_if_its_service_would_go_on() -> None:
    system = Systemd(web="active")
    system.states["web.socket"] = "active"
    system.listed["web.socket", "Triggers"] = ["web.service"]
    with pytest.raises(PreflightError) as raised:
        quiesce(system.run, ["web.socket"])
    assert str(raised.value) == (
        "web.socket runs and could not be started again beside web.service, which runs, too; name web.service in "
        "preflight_services (units) as well"
    )
    assert system.did() == []
    quiesce(system.run, ["web.socket", "web.service"])
    assert system.did() == ["systemd-run", "stop web.socket", "stop web.service"]


def test_the_way_back_knows_the_listener_by_its_name() -> None:
    assert LISTENER.encode() == privileges.COMM


# In namespaces of its own, or it would be about the listeners of this machine.
WAY_BACK = """
LISTENER=$1 WAY_BACK=$2 ELSEWHERE=$3 CAPABILITIES=$4
$ELSEWHERE setpriv --reuid=65534 --clear-groups "$LISTENER" 30 &
until grep -q plugnmeet-check /proc/$!/comm; do sleep 0.05; done
setpriv --bounding-set="$CAPABILITIES" sh -c "$WAY_BACK"
kill -0 $! && echo lives || echo ended
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="takes namespaces")
@pytest.mark.parametrize(
    ("elsewhere", "capabilities", "outcome"),
    [("", "+all", "ended"), ("unshare -n", "+all", "lives"), ("", "-sys_ptrace", "ended")],
)
def test_the_way_back_ends_the_listener_of_its_network_and_one_of_which_the_kernel_does_not_tell(
    tmp_path: pathlib.Path, elsewhere: str, capabilities: str, outcome: str
) -> None:
    listener, systemctl = tmp_path / LISTENER, tmp_path / "systemctl"
    shutil.copy("/bin/sleep", listener)
    systemctl.write_text("#!/bin/sh\n")
    systemctl.chmod(0o755)
    command = ["unshare", "--fork", "--pid", "--mount-proc", "--net", "sh", "-c", WAY_BACK, "sh"]
    done = subprocess.run(
        [*command, str(listener), command_line([]), elsewhere, capabilities],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    if not done.stdout:
        pytest.skip(f"this root may not have namespaces: {done.stderr}")
    assert done.stdout == f"{outcome}\n"


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
        (r"systemd-fsck@dev-disk\x2dby.service",),
    ],
)
def test_pending_names_every_unit_whatever_its_name(units: tuple[str, ...]) -> None:
    system = Systemd()
    system.states = dict.fromkeys(units, "active")
    quiesce(system.run, units)
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


def test_an_option_is_no_units_name() -> None:
    with pytest.raises(PreflightError):
        unit_name("--force")


def test_systemctl_that_fails_is_said() -> None:
    def fail(command: t.Sequence[str]) -> tuple[int, str, str]:
        return 1, "", f"Failed to connect to bus: {command[-1]}: No such file or directory\n"

    with pytest.raises(PreflightError, match=r"^systemctl does not show haproxy\.service: Failed to connect"):
        Units(fail).states([HAPROXY])
