# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.plugnmeet.server.plugins.plugin_utils._screen import display

_MODULE = "plugnmeet.server.unattended_script"
_PAUSES = (1, 2, 4, 8)  # seconds between looks; the last one stays
_PATIENCE = 30  # looks in a row that may fail: a script that brings a firewall up may cut us off for a while
_WIDTH = 79


class ActionModule(ActionBase):
    """Start a script on the target, and follow it to its end."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return how the script ended; failed unless it ended by itself with 0."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        host = str((task_vars or {})["inventory_hostname"])
        arguments = dict(self._task.args)
        result.update(self._execute_module(_MODULE, arguments, task_vars=task_vars))
        looks = lost = 0
        while result.get("running") and not result.get("failed") and not self._task.check_mode:
            time.sleep(_PAUSES[min(looks, len(_PAUSES) - 1)])
            looks += 1
            try:
                seen = self._execute_module(_MODULE, {**arguments, "follow": True}, task_vars=task_vars)
            except AnsibleConnectionFailure as error:
                lost += 1
                if lost > _PATIENCE:
                    raise
                display.display(_shortened(f"  {host}: cannot be reached, and the script goes on there: {error}"))
                continue
            lost = 0
            result.update(seen)
            if result.get("running"):
                display.display(_shortened(f"  {host}: {_clock(result['seconds'])}  {result['last']}"))
        if "code" in result and not result.get("failed"):
            result.update(_outcome(result))
        return result


def _outcome(result: dict[str, t.Any]) -> dict[str, t.Any]:
    """Whether it failed, and the sentence for it."""
    if result["code"] == 0 and not result["reason"]:
        return {"failed": False, "msg": f"It ended well after {_clock(result['seconds'])}."}
    took = "" if result["seconds"] is None else f" after {_clock(result['seconds'])}"
    how = f"was ended{took}: {result['reason']}" if result["reason"] else f"ended with {result['code']}{took}"
    return {"failed": True, "msg": f"The script {how}. The end of {result['log']}:\n" + "\n".join(result["tail"])}


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def _shortened(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 3]}..."
