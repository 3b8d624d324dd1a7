# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Stop systemd units for a while, with their return armed before the first one stops.

What has to come back is known to systemd alone: a transient timer (systemd-run(1)) with a service that starts the
units. Both live in memory, vanish at a reboot, when enabled units start anyway, and need nothing of ours to be there
when they fire.
"""

from __future__ import annotations

import os
import re
import shlex
import time
import typing as t

from ._errors import PreflightError

RESTORE = "plugnmeet-preflight-restore"
MARGIN = 3  # seconds between the end of what uses the ports and the return of the units

_NAME = re.compile(r"[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*", re.ASCII)
_SUFFIXES = (".service", ".socket", ".target", ".timer", ".path", ".scope", ".slice", ".mount")
_RUNNING = ("active", "activating", "reloading", "refreshing")
# The arguments after the script are the units. One that cannot start keeps nobody else from it.
_SCRIPT = 'for unit; do systemctl start -- "$unit"; done'

Run = t.Callable[[t.List[str]], t.Tuple[int, str, str]]


class Pending(t.NamedTuple):
    """A return that is armed: by which session, since when, and the units, in the order in which they start."""

    session: str
    since: str
    units: tuple[str, ...]


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

    def pending(self) -> Pending | None:
        """Return what is armed, None for nothing."""
        timer, service = f"{RESTORE}.timer", f"{RESTORE}.service"
        shown = self._show([timer, service], "ActiveState", "Environment")
        if shown[timer]["ActiveState"] not in _RUNNING:
            return None
        # systemctl prints the variables as a shell would read them.
        items = shlex.split(shown[service]["Environment"])
        values = dict(item.split("=", 1) for item in items if "=" in item)
        units = tuple(filter(None, values.get("PREFLIGHT_UNITS", "").split(",")))
        return Pending(values.get("PREFLIGHT_SESSION", "unknown"), values.get("PREFLIGHT_SINCE", "unknown"), units)

    def quiesce(self, units: t.Sequence[str], session: str, seconds: int) -> None:
        """Arm the return of `units` in `seconds`, then stop them, in this order.

        Raises PreflightError if one could not be started again, and then nothing was stopped, or if one does not stop;
        those before it are then started again.
        """
        self._refuse_one_way(units)
        returning = [*reversed(units), *self._taken_along(units)]
        self._arm(returning, session, seconds)
        for unit in units:
            code, dummy, error = self._run(["systemctl", "stop", "--", unit])
            if code:
                complaints = self.restore(returning)
                outcome = "; ".join(complaints) or "everything was started again"
                raise PreflightError(f"{unit} does not stop: {_reason(error)}; {outcome}")

    def restore(self, units: t.Sequence[str]) -> list[str]:
        """Start `units` in this order, then disarm the return; say of each that does not start, why."""
        complaints = []
        for unit in units:
            code, dummy, error = self._run(["systemctl", "start", "--", unit])
            if code:
                complaints.append(f"{unit} does not start again: {_reason(error)}; see journalctl -u {unit}")
        self._run(["systemctl", "stop", "--", RESTORE + ".timer"])
        return complaints

    def _refuse_one_way(self, units: t.Sequence[str]) -> None:
        """Raise PreflightError for a unit that systemd would not start again."""
        for unit, shown in self._show(list(units), "LoadState", "CanStart", "Transient").items():
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

    def _taken_along(self, units: t.Sequence[str]) -> list[str]:
        """The units that run and that systemd stops together with `units` (systemd.unit(5))."""
        shown = self._show(list(units), "RequiredBy", "BoundBy", "ConsistsOf", "RequisiteOf")
        names = {name for lists in shown.values() for listed in lists.values() for name in listed.split()}
        states = self.states(sorted(names - set(units)))
        return [unit for unit, state in states.items() if is_running(state) and not unit.endswith(".target")]

    def _arm(self, units: t.Sequence[str], session: str, seconds: int) -> None:
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        code, dummy, error = self._run(
            [
                "systemd-run",
                "--quiet",
                "--collect",  # or a restore that failed would be in the way of the next preflight
                f"--unit={RESTORE}",
                f"--description=Start what the plugNmeet preflight stopped ({', '.join(units)})",
                f"--on-active={seconds}",
                "--timer-property=AccuracySec=100ms",
                f"--setenv=PREFLIGHT_SESSION={session}",
                f"--setenv=PREFLIGHT_SINCE={since}",
                f"--setenv=PREFLIGHT_UNITS={','.join(units)}",
                "/bin/sh",
                "-c",
                _SCRIPT,
                "restore",
                *units,
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
    return (
        f"another preflight, session {pending.session}, has had {', '.join(pending.units)} stopped since "
        f"{pending.since}; wait until it ends, or until its timer ({RESTORE}.timer) starts them again"
    )


def is_running(state: str) -> bool:
    """Tell whether a unit of this state has to be stopped, and started again."""
    return state in _RUNNING


def _reason(text: str) -> str:
    """What systemctl says of a failure; its other lines say where to look."""
    lines = text.strip().splitlines()
    return lines[0].rstrip(".") if lines else "it gives no reason"
