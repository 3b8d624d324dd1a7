# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Stop systemd units for a while, with their return armed before the first one stops.

What has to come back is known to systemd alone: a transient timer (systemd-run(1)) with a service that starts the
units. Both live in memory, vanish at a reboot, when enabled units start anyway, and need nothing of ours to be there
when they fire. Whoever wants the units back earlier starts that same service: there is one way back. The timer is also
the claim on the host: one preflight can have it.
"""

from __future__ import annotations

import base64
import os
import re
import shlex
import time
import typing as t

from ._errors import PreflightError

RESTORE = "plugnmeet-preflight-restore"
MARGIN = 3  # seconds between the end of what uses the ports and the return of the units
LISTENER = "plugnmeet-check"  # the listener's processes, by the name that the kernel has of them

_NAME = re.compile(r"[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*", re.ASCII)
_SUFFIXES = (".service", ".socket", ".target", ".timer", ".path", ".scope", ".slice", ".mount")
_STOPPED = ("inactive", "failed")
_RUNNING = ("active", "activating", "reloading", "refreshing")
# Those that systemd stops together with a unit (systemd.unit(5)).
_DEPENDENTS = ("RequiredBy", "BoundBy", "ConsistsOf", "RequisiteOf", "PropagatesStopTo")
_TESTING = 4  # seconds that stopping has to leave for the test
_TOO_LONG = 124  # exit code of timeout(1)
_JOURNAL_LINES = 5
_MOMENTS = " ".join(map(str, range(50)))  # of 0.2 s, in which a listener's last socket is gone on the busiest host

# Its arguments are the units, in their order. First it ends a listener that is still there, and waits for it, or the
# units could not have their ports. A root without CAP_SYS_PTRACE, as in a container, is not told the network of others'
# processes, nor does he see other containers': so what has that name is ours. A target comes back alone: it would
# start what it wants and was not running. One unit that cannot start keeps nobody else from it, nor does one that takes
# long: systemd goes on with that.
_RESTORE = f"""\
restore() {{
for process in /proc/[0-9]*; do
    name=; read -r name <$process/comm || continue
    [ "$name" = {LISTENER} ] || continue
    [ $process/ns/net -ef /proc/self/ns/net ] || ! [ -e $process/ns/net ] || continue
    kill -KILL "$(basename $process)"
    for moment in {_MOMENTS}; do [ -e $process ] && sleep 0.2; done
done 2>/dev/null
try() {{
    case $1 in *.target) mode=ignore-dependencies ;; *) mode=replace ;; esac
    timeout 30 systemctl start --job-mode=$mode -- "$1"
}}
for unit; do
    try "$unit" || [ $? = {_TOO_LONG} ] || {{ sleep 1; systemctl reset-failed -- "$unit"; try "$unit"; }}
done
systemctl stop -- {RESTORE}.timer
}}
"""

Run = t.Callable[[t.List[str]], t.Tuple[int, str, str]]


class Pending(t.NamedTuple):
    """A return that is armed: by which session, whose, since when.

    `units` are in the order in which they start again, `stops` those that are to be stopped, in the order for that.
    `deadline` is the reading of the monotonic clock by which their ports must be free.
    """

    session: str
    by: str
    since: str
    units: tuple[str, ...]
    stops: tuple[str, ...]
    deadline: float


class Units:
    """The units of this host; `run` runs a command and returns its code, output and errors."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def states(self, units: t.Iterable[str]) -> dict[str, str]:
        """Return each unit's state: its ActiveState, or its LoadState where that says more (masked, not-found)."""
        found = {}
        for unit, shown in self._show(list(units), "LoadState", "ActiveState").items():
            active = shown["ActiveState"]
            found[unit] = shown["LoadState"] if active == "inactive" and shown["LoadState"] != "loaded" else active
        return found

    def down_seconds(self, units: t.Iterable[str]) -> dict[str, float | None]:
        """Return for how long each unit was not active the last time, None for one that never was, or still is not.

        By systemd's own monotonic clock: from the order to stop to the moment when it was active again.
        """
        ends = ("ActiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
        found: dict[str, float | None] = {}
        for unit, shown in self._show(list(units), *ends).items():
            stopped, started = (int(shown[end] or 0) for end in ends)  # microseconds since boot, 0 for never
            found[unit] = round((started - stopped) / 1e6, 2) if 0 < stopped <= started else None
        return found

    def pending(self) -> Pending | None:
        """Return what is armed, or under way, None for nothing."""
        return self._claim()[0]

    def is_armed(self, session: str) -> bool:
        """Tell whether the return of this session's units is armed, and has not begun."""
        pending, begun = self._claim()
        return pending is not None and pending.session == session and not begun

    def _claim(self) -> tuple[Pending | None, bool]:
        """What is pending, and whether its return has begun."""
        timer, service = f"{RESTORE}.timer", f"{RESTORE}.service"
        shown = self._show([timer, service], "ActiveState", "Environment")
        begun = is_running(shown[service]["ActiveState"])
        if not begun and not is_running(shown[timer]["ActiveState"]):
            return None, False
        # systemctl prints the variables as a shell would read them.
        items = shlex.split(shown[service]["Environment"])
        values = dict(item.split("=", 1) for item in items if "=" in item)
        units, stops = (
            tuple(filter(None, values.get(f"PREFLIGHT_{name}", "").split(","))) for name in ("UNITS", "STOPS")
        )
        session, by, since = (values.get(f"PREFLIGHT_{name}", "unknown") for name in ("SESSION", "BY", "SINCE"))
        return Pending(session, by, since, units, stops, float(values.get("PREFLIGHT_DEADLINE", 0))), begun

    def arm(self, units: t.Sequence[str], session: str, by: str, seconds: int) -> Pending:
        """Arm the return of `units` in `seconds`, and stop nothing yet.

        Raises PreflightError if one could not be stopped and started again, or if another session was quicker.
        """
        self._refuse_one_way(units)
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        claim = Pending(session, by, since, self.returning(units), tuple(units), time.monotonic() + seconds - MARGIN)
        self._arm(claim, seconds)
        return claim

    def stop(self, session: str, deadline: float, seconds: int) -> None:
        """Stop what this session has armed, in its order, and leave some of the time until `deadline` for the test.

        Raises PreflightError if it has nothing armed any more, or if a unit does not stop in time, of the `seconds`
        that there were; then all are started again, but for those that another session has claimed since.
        """
        claim, begun = self._claim()
        if claim is None or claim.session != session or begun:
            raise PreflightError("the target's services are on their way back already; run again")
        stops = [unit for unit, state in self.states(claim.stops).items() if state not in _STOPPED]
        for unit in stops:
            left = max(1, round(deadline - _TESTING - time.monotonic()))
            code, dummy, error = self._run(["timeout", str(left), "systemctl", "stop", "--", unit])
            if not self.is_armed(session):  # the return began, or was over, perhaps before this one stopped
                self._take_back(claim)
                raise PreflightError(f"session {session} was ended while it stopped {unit}; run again")
            if code:
                outcome = "; ".join(self.restore(claim)) or "everything was started again"
                reason = f"it takes longer than preflight_ttl (ttl), {seconds} s, allows; give it more"
                raise PreflightError(
                    f"{unit} does not stop: {reason if code == _TOO_LONG else _reason(error)}; {outcome}"
                )

    def _take_back(self, claim: Pending) -> None:
        """Start what was stopped under a claim that is over, unless another session has claimed the host since."""
        pending = self.pending()
        if pending is None or pending.session == claim.session:
            self._run(["systemctl", "start", "--", *claim.units])

    def restore(self, pending: Pending) -> list[str]:
        """Start what is `pending`, now, and disarm its timer; say of each unit that does not run then, why."""
        code, dummy, error = self._run(["systemctl", "start", "--", f"{RESTORE}.service"])
        idle = [unit for unit, state in self.states(pending.units).items() if state in ("inactive", "failed")]
        if code and idle:  # its shell ended before its time
            self._run(["systemctl", "start", "--", *idle])
            self._run(["systemctl", "stop", "--", f"{RESTORE}.timer"])
        return self.complaints(pending.units)

    def begin_restore(self, session: str) -> None:
        """Have what this session has armed begin to start, and wait for nothing; who restores waits, and tells."""
        pending = self.pending()
        if pending and pending.session == session:
            self._run(["systemctl", "start", "--no-block", "--", f"{RESTORE}.service"])

    def complaints(self, units: t.Iterable[str]) -> list[str]:
        """Say of each unit that does not run, why."""
        states = self.states(units)
        return [self._complaint(unit, state) for unit, state in states.items() if not is_running(state)]

    def journal(self, unit: str) -> list[str]:
        """The last lines that the journal has of a unit, none where there is no journal."""
        command = ["journalctl", "--boot", "--quiet", "--no-pager", "--output=cat", f"--lines={_JOURNAL_LINES}"]
        return self._run([*command, f"--unit={unit}"])[1].splitlines()

    def _complaint(self, unit: str, state: str) -> str:
        if state == "deactivating":
            return f"{unit} still stops, and systemd starts it again as soon as it has; see systemctl status {unit}"
        last = " / ".join(line.strip().rstrip(".") for line in self.journal(unit))
        return f"{unit} does not start again, it is {state}; " + (
            f"its journal ends with: {last}" if last else f"see systemctl status {unit}"
        )

    def _refuse_one_way(self, units: t.Sequence[str]) -> None:
        """Raise PreflightError for a unit that systemd would not stop, or not start again."""
        self._refuse_lone_sockets(units)
        for unit, shown in self._show(list(units), "LoadState", "CanStart", "CanStop", "Transient").items():
            if shown["CanStop"] == "no":
                raise PreflightError(
                    f"{unit} runs and refuses to be stopped by hand; take it out of preflight_services (units)"
                )
            reason = (
                f"it is {shown['LoadState']}"
                if shown["LoadState"] != "loaded"
                else "it is transient"
                if shown["Transient"] == "yes"
                else "it refuses to be started by hand"
                if shown["CanStart"] == "no"
                else ""
            )
            if reason:
                raise PreflightError(
                    f"{unit} runs and could not be started again after the test, because {reason}; "
                    "stop it yourself, or take it out of preflight_services (units)"
                )

    def _refuse_lone_sockets(self, units: t.Sequence[str]) -> None:
        """Raise PreflightError for a socket whose service goes on: systemd would not start it beside that."""
        sockets = [unit for unit in units if unit.endswith(".socket")]
        for unit, shown in self._show(sockets, "Triggers").items():
            for service, state in self.states(set(shown["Triggers"].split()) - {*units}).items():
                if is_running(state):
                    raise PreflightError(
                        f"{unit} runs and could not be started again beside {service}, which runs, too; name "
                        f"{service} in preflight_services (units) as well"
                    )

    def returning(self, units: t.Sequence[str]) -> tuple[str, ...]:
        """Return what has to be started again, in its order: `units` the other way round, then what stops with them.

        No unit comes before another that it wants to be started after (After, systemd.unit(5)).
        """
        wanted = [*reversed(units), *self._taken_along(units)]
        after = {unit: set(shown["After"].split()) for unit, shown in self._show(wanted, "After").items()}
        ordered: list[str] = []
        while wanted:
            # Should they want each other, the first is as good as any.
            ready = next((unit for unit in wanted if not after[unit] & {*wanted} - {unit}), wanted[0])
            wanted.remove(ready)
            ordered.append(ready)
        return tuple(ordered)

    def _taken_along(self, units: t.Sequence[str]) -> list[str]:
        """The units that run and that systemd stops together with `units`, or with one of those, and so on."""
        known, news, found = {*units}, list(units), []
        while news:
            shown = self._show(news, *_DEPENDENTS)
            names = {name for lists in shown.values() for listed in lists.values() for name in listed.split()} - known
            known |= names
            news = [unit for unit, state in self.states(sorted(names)).items() if is_running(state)]
            found += news
        return found

    def _arm(self, claim: Pending, seconds: int) -> None:
        what = ", ".join(claim.units) or "nothing"
        code, dummy, error = self._run(
            [
                "systemd-run",
                "--quiet",
                "--collect",  # or a restore that failed would be in the way of the next preflight
                f"--unit={RESTORE}",
                f"--description=Start what the plugNmeet preflight stopped ({what})",
                f"--on-active={seconds}",
                "--timer-property=AccuracySec=100ms",
                "--property=Type=oneshot",  # who starts it waits until it is done
                f"--setenv=PREFLIGHT_SESSION={claim.session}",
                f"--setenv=PREFLIGHT_BY={claim.by}",
                f"--setenv=PREFLIGHT_SINCE={claim.since}",
                f"--setenv=PREFLIGHT_UNITS={','.join(claim.units)}",
                f"--setenv=PREFLIGHT_STOPS={','.join(claim.stops)}",
                f"--setenv=PREFLIGHT_DEADLINE={claim.deadline}",
                "/bin/sh",
                "-c",
                command_line(claim.units),
            ]
        )
        if code:
            other = self.pending()
            if other:  # it was quicker
                raise PreflightError(busy(other))
            raise PreflightError(f"systemd does not take the timer that starts the services again: {_reason(error)}")

    def _show(self, units: list[str], *properties: str) -> dict[str, dict[str, str]]:
        """Return properties of units; systemctl prints a block for each, in the order of the arguments."""
        if not units:
            return {}
        code, output, error = self._run(["systemctl", "show", f"--property={','.join(properties)}", "--", *units])
        blocks = output.strip("\n").split("\n\n")
        if code or len(blocks) != len(units):
            raise PreflightError(f"systemctl does not show {', '.join(units)}: {_reason(error)}")
        found = {}
        for unit, block in zip(units, blocks):
            shown = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            found[unit] = {name: shown.get(name, "") for name in properties}
        return found


def command_line(units: t.Iterable[str]) -> str:
    """Return the shell's command that starts `units`, in this order, and disarms the timer.

    systemd reads the transient unit's file again at a daemon-reload, and then takes escapes for what they are not (seen
    with 252: a semicolon or a dollar sign comes back with a backslash before it). So there is nothing to escape.
    """
    script = f"{_RESTORE}restore {' '.join(map(shlex.quote, units))} </dev/null\n"
    return f"echo {base64.b64encode(script.encode()).decode()} | base64 -d | /bin/sh"


def is_booted() -> bool:
    """Tell whether systemd runs this host (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def unit_name(name: str) -> str:
    """Return `name` with `.service` if it has no type; raises PreflightError for what is no unit's name."""
    if not _NAME.fullmatch(name):
        raise PreflightError(f'units has "{name}", which is no name of a systemd unit; write it as haproxy')
    return name if name.endswith(_SUFFIXES) else name + ".service"


def busy(pending: Pending) -> str:
    """The sentence for who meets what another session has armed."""
    stopped = f", and has {', '.join(pending.units)} stopped" if pending.units else ""
    return (
        f"another preflight, session {pending.session} by {pending.by}, is under way on the target since "
        f"{pending.since}{stopped}; wait until it ends, by its timer ({RESTORE}.timer) at the latest, or if nobody "
        "runs it any more, end it with preflight_take_over: true (take_over)"
    )


def is_running(state: str) -> bool:
    """Tell whether a unit of this state has to be stopped, and started again."""
    return state in _RUNNING


def _reason(text: str) -> str:
    """What systemctl says of a failure; its other lines say where to look."""
    lines = text.strip().splitlines()
    return lines[0].rstrip(".") if lines else "it gives no reason"
