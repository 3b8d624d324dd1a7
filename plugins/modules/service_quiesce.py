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
  - With O(state=armed) it does all of that but the stopping, which M(plugnmeet.server.port_listener) does when it is
    ready to listen. So the services are down for a shorter time.
  - With O(state=restored) it starts again, in the reverse order, what the same session has stopped, and disarms the
    timer. A listener that is still there is ended before, so that the ports are free.
  - Units that systemd stops together with those, because they require them, come back after them.
  - What was not running is not started. What is masked, disabled or not there stays so.
  - The timer is also the claim on the target. While one session has it, no other one stops anything.
  - If ansible-playbook is interrupted or killed between the two, a process that it leaves on the controller for that
    purpose has the services started again at once, and ends. Where that is killed, too, or finds no way to the target,
    the timer does it.
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
  - plugnmeet.server.port_table
attributes:
  action:
    description: An action plugin starts the process that watches ansible-playbook. The work is done on the target.
    support: full
options:
  state:
    description: Whether the services shall be about to stop, stopped, or back.
    type: str
    choices: [armed, quiesced, restored]
    required: true
  units:
    description: The units, such as V(haproxy). A name without a type is a service's. An empty list stops nothing.
    type: list
    elements: str
    required: true
  session:
    description:
      - The RV(plugnmeet.server.session#lookup:_raw[].id) of the session that stops the services.
      - What another session has stopped is never touched. It makes O(state=armed) and O(state=quiesced) fail, as its
        listener does, and is nothing to O(state=restored).
    type: str
    required: true
  ttl:
    description: The seconds after which the services come back by themselves.
    type: int
    default: 120
  ports:
    description:
      - The ports whose clients would be cut off. Without them nobody is looked for.
    required: false
  interrupt:
    description:
      - Whether to stop services although clients are connected. If not, the module fails then, and stops nothing.
      - A client is a TCP connection to one of O(ports) from another host, or a UDP socket or tracked flow with a peer
        there. The SSH connection of Ansible is none.
    type: bool
    default: false
  take_over:
    description:
      - Whether to end another session's preflight instead of failing. Its listener ends and its services are started
        before anything else is done.
      - For one that nobody runs any more and whose timer shall not be waited for.
    type: bool
    default: false
  stopped:
    description:
      - The RV(stopped) that the same session returned before, for O(state=restored). Should the return of
        these units be over by then, whoever began it, those that do not run are complained of all the same.
    type: list
    elements: str
    default: []
seealso:
  - module: plugnmeet.server.port_listener
"""

EXAMPLES = r"""
- name: Free the ports
  plugnmeet.server.service_quiesce:
    state: quiesced
    units: [plugnmeet, haproxy]
    session: "{{ session.id }}"
    ports: "{{ ports }}"
  register: quiesced

- name: Have the ports freed by the listener, which then has them at once
  plugnmeet.server.service_quiesce:
    state: armed
    units: [plugnmeet, haproxy]
    session: "{{ session.id }}"
    ports: "{{ ports }}"
  register: quiesced

- name: Bring back what was running
  plugnmeet.server.service_quiesce:
    state: restored
    units: [plugnmeet, haproxy]
    session: "{{ session.id }}"
    stopped: "{{ quiesced.stopped }}"
"""

RETURN = r"""
services:
  description:
    - The state of each unit before and after, in the order of O(units).
    - With O(state=restored) also C(down_seconds), for how long it was not active the last time, by systemd's own clock,
      null if it never was or still is not; and C(journal), its last lines, if it does not run.
  returned: always
  type: list
  elements: dict
  sample:
    - {unit: haproxy, was: inactive, now: active, down_seconds: 2.61}
clients:
  description: Who would be cut off, for each of O(ports) that has clients.
  returned: when O(state=armed) or O(state=quiesced)
  type: list
  elements: dict
  sample: [{protocol: tcp, ports: '443', connections: 3}]
deadline:
  description:
    - The reading of the target's monotonic clock at which whatever uses the ports must be gone, because the services
      come back a little later.
  returned: when O(state=armed) or O(state=quiesced)
  type: float
  sample: 86512.25
armed:
  description: Whether this session has a timer armed on the target, and with it something to be restored.
  returned: when O(state=armed) or O(state=quiesced)
  type: bool
  sample: true
stopped:
  description: Every unit that stops and comes back, in the order of its return, those that stop with others included.
  returned: when O(state=armed) or O(state=quiesced)
  type: list
  elements: str
  sample: [haproxy.service, plugnmeet.service]
complaints:
  description: One sentence for each unit that did not start again.
  returned: when O(state=restored)
  type: list
  elements: str
  sample: []
"""

import os
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments, _clients, _services
from ansible_collections.plugnmeet.server.plugins.module_utils._caller import caller
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import lifecycle
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import parse_requirements
from ansible_collections.plugnmeet.server.plugins.module_utils._session import check_id


def arm(module: AnsibleModule) -> _arguments.Result:
    """Claim the target and arm the return of what is active, or in check mode say what that is."""
    names = _names(module)
    check_id(module.params["session"], "session")
    ttl = module.params["ttl"]
    if ttl <= _services.MARGIN:
        raise PreflightError(f"ttl is {ttl}; give the session more than {_services.MARGIN} seconds")
    requirements = parse_requirements(module.params["ports"]) if module.params["ports"] else []
    result = {
        "changed": False,
        "armed": False,
        "stopped": [],
        "clients": [],
        "deadline": time.monotonic() + ttl - _services.MARGIN,
    }
    if not _services.is_booted():
        return {**result, "services": _without_systemd(names)}
    system = _arguments.system(module)
    pending = _alone(module, system)
    before = system.states(names)
    if pending:  # this session has done it already
        were = {unit: "active" if unit in pending.units else state for unit, state in before.items()}
        result["services"] = _pairs(names, were, before)
        return {**result, "armed": True, "stopped": pending.units, "deadline": pending.deadline}
    active = [unit for unit in names if _services.is_running(before[unit])]
    result["services"] = _pairs(names, before, before)
    by = caller()
    if active:
        result["clients"] = _clients.clients(requirements, (by.address, by.port))
    if module.check_mode:
        return {**result, "changed": bool(active), "stopped": system.returning(active)}
    if not active and os.geteuid() != 0:
        return result
    if os.geteuid() != 0:
        raise PreflightError(f"stopping {', '.join(active)} needs root on the target; run with become: true")
    lifecycle.status_of(module.params["session"])  # one that stops no services, such as a verify, has no claim
    if result["clients"] and not module.params["interrupt"]:
        raise PreflightError(
            f"there are clients on the target (connections: {_clients.sentence(result['clients'])}), and nothing was "
            "stopped; run again when they are gone, or end their meetings with preflight_interrupt: true (interrupt)"
        )
    # With nothing to stop it is the claim alone.
    claim = system.arm(active, module.params["session"], str(by), ttl)
    return {**result, "armed": True, "stopped": claim.units, "deadline": claim.deadline, "changed": bool(active)}


def quiesce(module: AnsibleModule) -> _arguments.Result:
    """Arm, and stop what is active, or in check mode say what that is."""
    result = arm(module)
    before = {row["unit"]: row["was"] for row in result["services"]}
    if result["armed"]:
        system, names = _arguments.system(module), _names(module)
        system.stop(module.params["session"], result["deadline"], module.params["ttl"])
        after = {names[unit]: state for unit, state in system.states(names).items()}
    elif module.check_mode:
        comes_back = {name for unit, name in _names(module).items() if unit in result["stopped"]}
        after = {**before, **dict.fromkeys(comes_back, "inactive")}
    else:
        after = before
    services = [{"unit": name, "was": was, "now": after[name]} for name, was in before.items()]
    return {**result, "services": services}


def restore(module: AnsibleModule) -> _arguments.Result:
    """Start what this session has stopped, or in check mode say what that is."""
    names = _names(module)
    check_id(module.params["session"], "session")
    result = {"changed": False, "complaints": []}
    if not _services.is_booted():
        return {**result, "services": _without_systemd(names)}
    system = _arguments.system(module)
    pending = system.pending()
    before = system.states(names)
    if not pending or pending.session != module.params["session"]:  # it is over, or there never was one
        result["complaints"] = system.complaints(module.params["stopped"])
        return {**result, "services": _back(system, names, before, before)}
    result["changed"] = bool(pending.units)
    if not module.check_mode:
        result["complaints"] = system.restore(pending)
    return {**result, "services": _back(system, names, before, system.states(names))}


def _names(module: AnsibleModule) -> dict[str, str]:
    """The names that were given, by unit."""
    return {_services.unit_name(name): name for name in module.params["units"]}


def _alone(module: AnsibleModule, system: _services.Units) -> _services.Pending | None:
    """Return what this session has armed; raises PreflightError for another's, unless that is to be ended."""
    pending = system.pending()
    if not pending or pending.session == module.params["session"]:
        return pending
    if not module.params["take_over"]:
        raise PreflightError(_services.busy(pending))
    if not module.check_mode:
        complaints = system.restore(pending)
        if complaints:
            raise PreflightError(
                f"session {pending.session} was ended, and its services are not back: {'; '.join(complaints)}"
            )
    return None


def _pairs(names: dict[str, str], before: dict[str, str], after: dict[str, str]) -> list[dict[str, t.Any]]:
    return [{"unit": name, "was": before[unit], "now": after[unit]} for unit, name in names.items()]


def _back(
    system: _services.Units, names: dict[str, str], before: dict[str, str], after: dict[str, str]
) -> list[dict[str, t.Any]]:
    """The pairs with what is known of the time between."""
    down = system.down_seconds(names)
    rows = _pairs(names, before, after)
    for unit, row in zip(names, rows):
        running = _services.is_running(after[unit])
        row["down_seconds"] = down[unit] if running else None
        if after[unit] == "failed":
            row["journal"] = system.journal(unit)
    return rows


def _without_systemd(names: dict[str, str]) -> list[dict[str, t.Any]]:
    states = dict.fromkeys(names, "no systemd")
    return _pairs(names, states, states)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["armed", "quiesced", "restored"], "required": True},
            "units": {"type": "list", "elements": "str", "required": True},
            "session": {"type": "str", "required": True},
            "ttl": {"type": "int", "default": 120},
            "ports": {**_arguments.PORTS, "required": False},
            "interrupt": {"type": "bool", "default": False},
            "take_over": {"type": "bool", "default": False},
            "stopped": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    _arguments.run(module, {"armed": arm, "quiesced": quiesce, "restored": restore}[module.params["state"]])


if __name__ == "__main__":
    main()
