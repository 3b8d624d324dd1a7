# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A systemd to be asked and told, for tests on a machine without one."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._services import MARGIN, RESTORE, Run, Units

RELATIONS = ("RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf", "PropagatesStopTo")
TIMER, SERVICE = f"{RESTORE}.timer", f"{RESTORE}.service"
QUOTED = "\"'\\`$*?[()<>|&;! \t\n"  # src/basic/escape.h, SHELL_NEED_QUOTES and white space


class Systemd:
    """A host's systemd 252, as far as commands tell; `stubborn` units neither stop nor start.

    `refuses` is why it takes no timer at all, empty if it does; one that `ends_early` fails. `loads` has the
    LoadState where it is not what the state suggests: a unit may run whose file is gone by now. Of those that are
    `transient` nothing is left when they stop. Those that are `by_dependency` refuse to be started by hand,
    `unstoppable` ones to be stopped, `slow` ones take too long for it. `listed` has a unit's properties that list
    other units: those of a relation stop when it stops. `times` has when a unit was last stopped and started, in
    microseconds, and `said` the lines of its journal.
    """

    def __init__(self, **states: str) -> None:
        self.states = {f"{name}.service": state for name, state in states.items()}
        self.environment: list[str] = []
        self.returning: list[str] = []
        self.started: list[str] = []
        self.stubborn: set[str] = set()
        self.refuses = ""
        self.ends_early = False
        self.loads: dict[str, str] = {}
        self.transient: set[str] = set()
        self.by_dependency: set[str] = set()
        self.unstoppable: set[str] = set()
        self.slow: set[str] = set()
        self.times: dict[str, tuple[int, int]] = {}
        self.said: dict[str, str] = {}
        self.listed: dict[tuple[str, str], list[str]] = {}
        self.calls: list[list[str]] = []

    def run(self, command: list[str]) -> tuple[int, str, str]:
        self.calls.append(command)
        program, *arguments = command
        if program == "systemd-run":
            return self._arm(arguments)
        if program == "journalctl":
            return 0, self.said.get(arguments[-1].partition("=")[2], ""), ""
        if program == "timeout":
            if arguments[-1] in self.slow:
                return 124, "", ""
            dummy, program, *arguments = arguments
        assert program == "systemctl"
        verb, *arguments = arguments
        if verb == "show":
            assert arguments[1] == "--"
            asked = arguments[0].partition("=")[2].split(",")
            return 0, "\n".join(self._show(unit, asked) for unit in arguments[2:]), ""
        separator, *units = [word for word in arguments if word != "--no-block"]
        assert separator == "--"  # or a unit's name could be an option
        if units == [SERVICE] and verb == "start":
            return self.fire()
        done = [self._do(verb, unit) for unit in units]
        return next((outcome for outcome in done if outcome[0]), (0, "", ""))

    def fire(self) -> tuple[int, str, str]:
        """Do what the timer has done: start the units, in their order, and be gone."""
        if self.states.pop(TIMER, "") != "active":
            return 5, "", f"Failed to start {SERVICE}: Unit {SERVICE} not found.\n"
        for unit in self.returning:
            self.started.append(unit)
            self._do("start", unit)
        self.environment = []
        return (1, "", f"Job for {SERVICE} failed.\n") if self.ends_early else (0, "", "")

    def _do(self, verb: str, unit: str) -> tuple[int, str, str]:
        if unit in self.stubborn:
            self.states[unit] = "failed" if verb == "start" else self.states[unit]
            return 1, "", f"Job for {unit} failed because a timeout was exceeded.\nSee journalctl -xe for details.\n"
        self.states[unit] = "active" if verb == "start" else "inactive"
        if verb == "stop":
            for relation in RELATIONS:
                for other in self.listed.get((unit, relation), []):
                    if self.states.get(other) == "active":
                        self._do("stop", other)
        return 0, "", ""

    def _arm(self, arguments: list[str]) -> tuple[int, str, str]:
        if self.refuses:
            return 1, "", self.refuses
        if self.states.get(TIMER) == "active":
            return 1, "", f"Failed to start transient timer unit: Unit {RESTORE}.timer was already loaded.\n"
        self.states[TIMER] = "active"
        self.environment = [text.partition("=")[2] for text in arguments if text.startswith("--setenv=")]
        units = next(text.partition("=")[2] for text in self.environment if text.startswith("PREFLIGHT_UNITS="))
        self.returning = list(filter(None, units.split(",")))
        return 0, "", ""

    def _show(self, unit: str, asked: list[str]) -> str:
        state = self.states.get(unit, "not-found")
        missing = state in ("masked", "not-found")
        load = self.loads.get(unit, state if missing else "loaded")
        known = {
            "LoadState": load,
            "ActiveState": "inactive" if missing else state,
            "CanStart": "yes" if load == "loaded" and unit not in self.by_dependency else "no",
            "CanStop": "no" if unit in self.unstoppable else "yes",
            "After": " ".join(self.listed.get((unit, "After"), [])),
            "Triggers": " ".join(self.listed.get((unit, "Triggers"), [])),
            "ActiveExitTimestampMonotonic": str(self.times.get(unit, (0, 0))[0]),
            "ActiveEnterTimestampMonotonic": str(self.times.get(unit, (0, 0))[1]),
            "Transient": "yes" if unit in self.transient else "no",
            **{relation: " ".join(self.listed.get((unit, relation), [])) for relation in RELATIONS},
        }
        if not unit.endswith(".timer"):
            known["Environment"] = " ".join(map(_quoted, self.environment)) if unit == SERVICE else ""
        return "".join(
            f"{name}={known[name]}\n"
            for name in ("Environment", *(name for name in known if name != "Environment"))
            if name in known and name in asked
        )

    def did(self, *verbs: str) -> list[str]:
        """What was done, without what was only asked."""
        calls = [call[2:] if call[0] == "timeout" else call for call in self.calls if call[0] != "journalctl"]
        done = [[word for word in call if word != "--"] for call in calls if call[1] != "show"]
        wanted = [call for call in done if not verbs or call[1] in verbs]
        return [" ".join(call[1:]) if call[0] == "systemctl" else call[0] for call in wanted]


def quiesce(run: Run, units: t.Sequence[str], session: str = "session1", by: str = "root", seconds: int = 120) -> None:
    """Arm the return of units, and stop them."""
    system = Units(run)
    system.arm(units, session, by, seconds)
    system.stop(session, time.monotonic() + seconds - MARGIN, seconds)


def _quoted(text: str) -> str:
    """How systemctl prints one of several values (src/basic/escape.c, shell_maybe_quote)."""
    if not set(text) & set(QUOTED):
        return text
    return '"' + "".join(f"\\{letter}" if letter in '"\\`$' else letter for letter in text) + '"'
