# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.plugnmeet.server.plugins.module_utils._arguments import PORTS
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import parse_requirements
from ansible_collections.plugnmeet.server.plugins.plugin_utils import _report, _sides, _verdict, _visitors
from ansible_collections.plugnmeet.server.plugins.plugin_utils._firewall import Firewall, read_firewall
from ansible_collections.plugnmeet.server.plugins.plugin_utils._screen import display
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import in_report
from ansible_collections.plugnmeet.server.plugins.plugin_utils._warnings import Caution, warnings

_ARGUMENTS: dict[str, t.Any] = {
    "address": {"type": "str", "required": True},
    "ports": PORTS,
    "probes": {"type": "list", "elements": "dict", "required": True},
    "listener": {"type": "dict", "required": True},
    "firewall": {"type": "dict", "default": {}},
    "services": {"type": "dict", "default": {}},
    "outlook": {"type": "dict", "default": {}},
    "started": {"type": "float", "required": True},
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
        if self._task.check_mode:  # what was not stopped has not come back either
            arguments["services"].pop("restored", None)
        try:
            firewall = read_firewall(arguments["firewall"])
            report, checks, vantages, cautions = _judge(host, arguments, firewall)
        except PreflightError as error:
            return {**result, "failed": True, "msg": f"{error}."}
        result.update(changed=False, report_file="", report_error="", ansible_facts={"preflight_report": report})
        if self._task.check_mode:
            display.display(_report.render_plan(report, vantages, _sides.read_clients(arguments["services"])))
            return {**result, "msg": f"check mode: nothing was tested on {host}."}
        try:
            if arguments["report_dir"]:
                result["report_file"] = _report.write(report, arguments["report_dir"])
        except PreflightError as error:
            result["report_error"] = f"{error}."
        shown = _report.render(
            report, checks, vantages, arguments["started"], result["report_file"], firewall, cautions
        )
        display.display(shown)
        failed = not report["passed"] or bool(result["report_error"])
        return {**result, "failed": failed, "msg": f"{_report.summary(report)}. {result['report_error']}".strip()}


def _judge(
    host: str, arguments: dict[str, t.Any], firewall: Firewall
) -> tuple[_report.Report, list[_verdict.Check], list[_sides.Vantage], list[Caution]]:
    requirements = parse_requirements(arguments["ports"])
    listener_started = arguments["listener"].get("started") or {}
    listener_stopped = arguments["listener"].get("stopped") or {}
    probes, listener_stopped = _visitors.hear(arguments["probes"], listener_stopped, requirements)
    target = _sides.read_target(listener_started, listener_stopped)
    vantages = [
        _sides.read_vantage(str(probe.get("item", "prober")), probe.get("vantage", number), probe, listener_stopped)
        for number, probe in enumerate(probes)
    ]
    checks = _verdict.decide(requirements, vantages, target, arguments["vantage_check"])
    seconds = time.time() - arguments["started"]
    services = _sides.read_services(arguments["services"])
    report = _report.build(host, arguments["address"], checks, vantages, services, seconds, firewall, target.strangers)
    report["started"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(arguments["started"]))
    found = warnings(arguments["outlook"], host, requirements, vantages)
    report["warnings"] = [
        {"about": caution.about, "explanation": caution.explanation, **in_report(caution.remedy)} for caution in found
    ]
    return report, checks, vantages, found
