# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A systemd to be asked and told, for tests on a machine without one."""

from __future__ import annotations

from ansible_collections.plugnmeet.server.plugins.module_utils._services import RESTORE

QUOTED = "\"'\\`$*?[()<>|&;! \t\n"  # src/basic/escape.h, SHELL_NEED_QUOTES and white space


class Systemd:
    """A host's systemd 252, as far as commands tell; `stubborn` units neither stop nor start."""

    def __init__(self, **states: str) -> None:
        self.states = {f"{name}.service": state for name, state in states.items()}
        self.environment: list[str] = []
        self.stubborn: set[str] = set()
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
        (unit,) = arguments
        if unit in self.stubborn:
            return 1, "", f"Job for {unit} failed because a timeout was exceeded.\nSee journalctl -xe for details.\n"
        self.states[unit] = "active" if verb == "start" else "inactive"
        return 0, "", ""

    def _arm(self, arguments: list[str]) -> tuple[int, str, str]:
        if self.states.get(f"{RESTORE}.timer") == "active":
            return 1, "", f"Failed to start transient timer unit: Unit {RESTORE}.timer was already loaded.\n"
        self.states[f"{RESTORE}.timer"] = "active"
        self.environment = [text.partition("=")[2] for text in arguments if text.startswith("--setenv=")]
        return 0, "", ""

    def _show(self, unit: str, asked: list[str]) -> str:
        state = self.states.get(unit, "not-found")
        load = state if state in ("masked", "not-found") else "loaded"
        known = {"LoadState": load, "ActiveState": state if load == "loaded" else "inactive"}
        if not unit.endswith(".timer"):
            known["Environment"] = " ".join(map(_quoted, self.environment)) if unit == f"{RESTORE}.service" else ""
        return "".join(
            f"{name}={known[name]}\n"
            for name in ("Environment", "LoadState", "ActiveState")
            if name in known and name in asked
        )

    def did(self, *verbs: str) -> list[str]:
        """What was done, without what was only asked."""
        done = [command for command in self.calls if command[1] != "show"]
        return [" ".join(c[1:]) if c[0] == "systemctl" else c[0] for c in done if not verbs or c[1] in verbs]


def _quoted(text: str) -> str:
    """How systemctl prints one of several values (src/basic/escape.c, shell_maybe_quote)."""
    if not set(text) & set(QUOTED):
        return text
    return '"' + "".join(f"\\{letter}" if letter in '"\\`$' else letter for letter in text) + '"'
