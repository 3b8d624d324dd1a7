#!/usr/bin/python
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_quiesce
short_description: Stop services for a while, and bring back exactly what was running
description:
  - With O(state=quiesced) it stops those of O(units) that are active, in their order. Before the first one stops it
    arms a systemd timer that starts them again after O(ttl) seconds, whatever happens to the controller.
  - With O(state=restored) it starts again, in the reverse order, what O(state=quiesced) of the same session has
    stopped, and disarms the timer.
  - What was not running is not started. What is masked, disabled or not there stays so.
  - On a host without systemd there is nothing to stop, and nothing is changed.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
requirements:
  - Python 3.8 or newer on the target
  - root
extends_documentation_fragment:
  - plugnmeet.server.attributes
  - plugnmeet.server.attributes.target
options:
  state:
    description: Whether the services shall be stopped or back.
    type: str
    choices: [quiesced, restored]
    required: true
  units:
    description: The units, such as V(haproxy). A name without a type is a service's. An empty list stops nothing.
    type: list
    elements: str
    required: true
  session:
    description:
      - The RV(plugnmeet.server.session#lookup:_raw[].id) of the session that stops the services.
      - What another session has stopped is never touched, and makes the module fail.
    type: str
    required: true
  ttl:
    description: The seconds after which the services come back by themselves.
    type: int
    default: 120
seealso:
  - module: plugnmeet.server.port_listener
"""

EXAMPLES = r"""
- name: Free the ports
  plugnmeet.server.service_quiesce:
    state: quiesced
    units: [plugnmeet, haproxy]
    session: "{{ session.id }}"
  register: quiesced

- name: Bring back what was running
  plugnmeet.server.service_quiesce:
    state: restored
    units: [plugnmeet, haproxy]
    session: "{{ session.id }}"
"""

RETURN = r"""
services:
  description: The state of each unit before and after, in the order of O(units).
  returned: always
  type: list
  elements: dict
  sample:
    - {unit: haproxy, was: active, now: inactive}
deadline:
  description:
    - The reading of the target's monotonic clock at which whatever uses the ports must be gone, because the services
      come back a little later.
  returned: when O(state=quiesced)
  type: float
  sample: 86512.25
complaints:
  description: One sentence for each unit that did not start again.
  returned: when O(state=restored)
  type: list
  elements: str
  sample: []
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments, _services
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._session import check_id


def quiesce(module: AnsibleModule) -> _arguments.Result:
    """Stop what is active, or in check mode say what that is."""
    names = _names(module)
    check_id(module.params["session"], "session")
    ttl = module.params["ttl"]
    if ttl <= _services.MARGIN:
        raise PreflightError(f"ttl is {ttl}; give the session more than {_services.MARGIN} seconds")
    result = {"changed": False, "deadline": time.monotonic() + ttl - _services.MARGIN}
    if not _services.is_booted():
        return {**result, "services": _without_systemd(names)}
    system = _system(module)
    pending = _refuse_other_session(module, system)
    before = system.states(names)
    if pending:  # this session has done it already
        were = {unit: "active" if unit in pending.units else state for unit, state in before.items()}
        return {**result, "services": _pairs(names, were, before)}
    active = [unit for unit in names if _services.is_running(before[unit])]
    if active and module.check_mode:
        after = {**before, **dict.fromkeys(active, "inactive")}
        return {**result, "changed": True, "services": _pairs(names, before, after)}
    if active and os.geteuid() != 0:
        raise PreflightError(f"stopping {', '.join(active)} needs root on the target; run with become: true")
    if active:
        system.quiesce(active, module.params["session"], ttl)
    return {**result, "changed": bool(active), "services": _pairs(names, before, system.states(names))}


def restore(module: AnsibleModule) -> _arguments.Result:
    """Start what this session has stopped, or in check mode say what that is."""
    names = _names(module)
    check_id(module.params["session"], "session")
    result = {"changed": False, "complaints": []}
    if not _services.is_booted():
        return {**result, "services": _without_systemd(names)}
    system = _system(module)
    pending = _refuse_other_session(module, system)
    before = system.states(names)
    if not pending or module.check_mode:
        return {**result, "changed": bool(pending), "services": _pairs(names, before, before)}
    complaints = system.restore(pending.units)
    return {"changed": True, "complaints": complaints, "services": _pairs(names, before, system.states(names))}


def _names(module: AnsibleModule) -> dict[str, str]:
    """The names that were given, by unit."""
    return {_services.unit_name(name): name for name in module.params["units"]}


def _system(module: AnsibleModule) -> _services.Units:
    def run(command: list[str]) -> tuple[int, str, str]:
        code, output, error = module.run_command(command)
        return code, output, error

    return _services.Units(run)


def _refuse_other_session(module: AnsibleModule, system: _services.Units) -> _services.Pending | None:
    """Return what this session has armed; raises PreflightError for another's."""
    pending = system.pending()
    if pending and pending.session != module.params["session"]:
        raise PreflightError(_services.busy(pending))
    return pending


def _pairs(names: dict[str, str], before: dict[str, str], after: dict[str, str]) -> list[dict[str, str]]:
    return [{"unit": name, "was": before[unit], "now": after[unit]} for unit, name in names.items()]


def _without_systemd(names: dict[str, str]) -> list[dict[str, str]]:
    states = dict.fromkeys(names, "no systemd")
    return _pairs(names, states, states)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["quiesced", "restored"], "required": True},
            "units": {"type": "list", "elements": "str", "required": True},
            "session": {"type": "str", "required": True},
            "ttl": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    _arguments.run(module, quiesce if module.params["state"] == "quiesced" else restore)


if __name__ == "__main__":
    main()
