# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.plugnmeet.server.plugins.module_utils._arguments import PORTS
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import parse_requirements
from ansible_collections.plugnmeet.server.plugins.plugin_utils import _report, _sides, _verdict

display = Display()

_ARGUMENTS: dict[str, t.Any] = {
    "address": {"type": "str", "required": True},
    "ports": PORTS,
    "probes": {"type": "list", "elements": "dict", "required": True},
    "listener": {"type": "dict", "required": True},
    "services": {"type": "dict", "default": {}},
    "started": {"type": "float"},
    "report_dir": {"type": "str", "default": ""},
    "vantage_check": {"type": "bool", "default": True},
}


class ActionModule(ActionBase):
    """Both sides' evidence in, verdict, table and report out; all of it on the controller."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the report as RV(ansible_facts.preflight_report); failed unless it passed."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        host = str((task_vars or {})["inventory_hostname"])
        arguments: dict[str, t.Any] = self.validate_argument_spec(_ARGUMENTS)[1]  # type: ignore[no-untyped-call]
        try:
            if self._task.check_mode:  # what was not stopped has not come back either
                arguments["services"].pop("restored", None)
            report, checks = _judge(host, arguments)
            path = ""
            if arguments["report_dir"] and not self._task.check_mode:
                path = _report.write(report, arguments["report_dir"])
        except PreflightError as error:
            return {**result, "failed": True, "msg": f"{error}."}
        if self._task.check_mode:
            failed, summary = False, f"check mode: nothing was tested on {host}"
            display.display(_report.render_plan(report))
        else:
            failed, summary = not report["passed"], _report.summary(report)
            display.display(_report.render(report, checks, path))
        return {
            **result,
            "changed": False,
            "failed": failed,
            "msg": f"{summary}.",
            "report_file": path,
            "ansible_facts": {"preflight_report": report},
        }


def _judge(host: str, arguments: dict[str, t.Any]) -> tuple[_report.Report, list[_verdict.Check]]:
    requirements = parse_requirements(arguments["ports"])
    listener_started = arguments["listener"].get("started") or {}
    listener_stopped = arguments["listener"].get("stopped") or {}
    target = _sides.read_target(listener_started, listener_stopped)
    vantages = [
        _sides.read_vantage(str(probe.get("item", "prober")), number, probe, listener_stopped)
        for number, probe in enumerate(arguments["probes"])
    ]
    checks = _verdict.decide(requirements, vantages, target, arguments["vantage_check"])
    seconds = time.time() - arguments["started"] if arguments["started"] else 0.0
    services = _services(arguments["services"])
    return _report.build(host, arguments["address"], checks, vantages, services, seconds), checks


def _services(stages: dict[str, t.Any]) -> list[dict[str, str]]:
    """The state of each unit before the test and after it."""
    before = (stages.get("quiesced") or {}).get("services") or []
    after = {row["unit"]: row["now"] for row in (stages.get("restored") or {}).get("services") or []}
    return [
        {
            "unit": _sides.clean(row["unit"]),
            "was": _sides.clean(row["was"]),
            "now": _sides.clean(after.get(row["unit"], row["now"])),
        }
        for row in before
    ]
