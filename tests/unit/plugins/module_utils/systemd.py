# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A systemd to be asked and told, for tests on a machine without one."""

from __future__ import annotations

from ansible_collections.plugnmeet.server.plugins.module_utils._services import RESTORE

RELATIONS = ("RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf")
QUOTED = "\"'\\`$*?[()<>|&;! \t\n"  # src/basic/escape.h, SHELL_NEED_QUOTES and white space


class Systemd:
    """A host's systemd 252, as far as commands tell; `stubborn` units neither stop nor start.

    `refuses` is why it takes no timer at all, empty if it does. `loads` has the LoadState where it is not what the
    state suggests: a unit may run whose file is gone by now. Of those that are `transient` nothing is left when they
    stop, and those that are `by_dependency` refuse to be started by hand. `listed` has a unit's properties that list
    other units: those stop when it stops.
    """

    def __init__(self, **states: str) -> None:
        self.states = {f"{name}.service": state for name, state in states.items()}
        self.environment: list[str] = []
        self.stubborn: set[str] = set()
        self.refuses = ""
        self.loads: dict[str, str] = {}
        self.transient: set[str] = set()
        self.by_dependency: set[str] = set()
        self.listed: dict[tuple[str, str], list[str]] = {}
        self.calls: list[list[str]] = []

    def run(self, command: list[str]) -> tuple[int, str, str]:
        self.calls.append(command)
        program, *arguments = command
        if program == "systemd-run":
            return self._arm(arguments)
        assert program == "systemctl"
        verb, *arguments = arguments
        if verb == "show":
            assert arguments[1] == "--"
            asked = arguments[0].partition("=")[2].split(",")
            return 0, "\n".join(self._show(unit, asked) for unit in arguments[2:]), ""
        separator, unit = arguments
        assert separator == "--"  # or a unit's name could be an option
        if unit in self.stubborn:
            return 1, "", f"Job for {unit} failed because a timeout was exceeded.\nSee journalctl -xe for details.\n"
        self.states[unit] = "active" if verb == "start" else "inactive"
        if verb == "stop":
            for relation in RELATIONS:
                self.states.update(dict.fromkeys(self.listed.get((unit, relation), []), "inactive"))
        return 0, "", ""

    def _arm(self, arguments: list[str]) -> tuple[int, str, str]:
        if self.refuses:
            return 1, "", self.refuses
        if self.states.get(f"{RESTORE}.timer") == "active":
            return 1, "", f"Failed to start transient timer unit: Unit {RESTORE}.timer was already loaded.\n"
        self.states[f"{RESTORE}.timer"] = "active"
        self.environment = [text.partition("=")[2] for text in arguments if text.startswith("--setenv=")]
        return 0, "", ""

    def _show(self, unit: str, asked: list[str]) -> str:
        state = self.states.get(unit, "not-found")
        missing = state in ("masked", "not-found")
        load = self.loads.get(unit, state if missing else "loaded")
        known = {
            "LoadState": load,
            "ActiveState": "inactive" if missing else state,
            "CanStart": "yes" if load == "loaded" and unit not in self.by_dependency else "no",
            "Transient": "yes" if unit in self.transient else "no",
            **{relation: " ".join(self.listed.get((unit, relation), [])) for relation in RELATIONS},
        }
        if not unit.endswith(".timer"):
            known["Environment"] = " ".join(map(_quoted, self.environment)) if unit == f"{RESTORE}.service" else ""
        return "".join(
            f"{name}={known[name]}\n"
            for name in ("Environment", *RELATIONS, "LoadState", "ActiveState", "CanStart", "Transient")
            if name in known and name in asked
        )

    def did(self, *verbs: str) -> list[str]:
        """What was done, without what was only asked."""
        done = [[word for word in call if word != "--"] for call in self.calls if call[1] != "show"]
        wanted = [call for call in done if not verbs or call[1] in verbs]
        return [" ".join(call[1:]) if call[0] == "systemctl" else call[0] for call in wanted]


def _quoted(text: str) -> str:
    """How systemctl prints one of several values (src/basic/escape.c, shell_maybe_quote)."""
    if not set(text) & set(QUOTED):
        return text
    return '"' + "".join(f"\\{letter}" if letter in '"\\`$' else letter for letter in text) + '"'
