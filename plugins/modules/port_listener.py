#!/usr/bin/python
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: port_listener
short_description: Listen on every port of a future WebRTC server, for one session
description:
  - With O(state=started) it binds every port of O(ports) on all addresses and of both families, and answers in the
    background whoever proves to know the secret of O(session). Everybody else gets silence.
  - With O(state=stopped) it ends the listener and returns what has been seen of the session, at the ports and on the
    network card.
  - The listener ends by itself after O(ttl) seconds, whatever happens to the controller. It runs as the user V(nobody).
  - Nothing of it is ever on disk.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
requirements:
  - Python 3.8 or newer on the target
  - Linux, and root for ports below 1024 and for the look at the network card
extends_documentation_fragment:
  - plugnmeet.server.attributes
  - plugnmeet.server.attributes.target
  - plugnmeet.server.port_table
  - plugnmeet.server.session
options:
  state:
    description:
      - V(started) makes sure that this session's listener runs, V(stopped) that it does not.
      - A listener of another session is never touched. It makes the module fail.
    type: str
    choices: [started, stopped]
    required: true
  ports:
    description:
      - The ports to listen on. No port can be in two entries of one protocol.
      - Required with O(state=started).
    required: false
  ttl:
    description: The seconds after which the listener ends by itself.
    type: int
    default: 120
  deadline:
    description:
      - A reading of the target's monotonic clock, as RV(plugnmeet.server.service_quiesce#module:deadline) gives it, at
        which the listener ends even if O(ttl) is not over.
    type: float
  page:
    description:
      - The page (HTML) of a visit. With it the listener is open to visitors, who know the session's
        visitors' secret from it, has the page for them at a path that nobody guesses, and takes the words of netcat.
      - Empty for none. Then only probers are answered.
      - One process holds all ports of a visit. Where the target does not let one, this is refused, in check mode too.
    type: str
    default: ''
    version_added: 0.1.0
  services:
    description:
      - Whether M(plugnmeet.server.service_quiesce) has armed the return of services for this session.
      - Then O(state=started) stops those that still run just before it listens, and they begin to start as soon as
        O(state=stopped) has ended the listener, so that they are down for a shorter time. That module waits for them,
        and tells.
      - And O(state=started) fails once they have begun to come back, and takes no port from them.
    type: bool
    default: false
seealso:
  - module: plugnmeet.server.port_probe_info
  - module: plugnmeet.server.service_quiesce
  - module: plugnmeet.server.visit_info
"""

EXAMPLES = r"""
- name: Listen on the ports that plugNmeet needs
  plugnmeet.server.port_listener:
    state: started
    session: "{{ session }}"
    ports:
      - name: media
        protocol: udp
        ports: 50000-60000
      - name: ice-tcp
        protocol: tcp
        ports: 7881
    ttl: 60

- name: End the listener, and learn what it saw
  plugnmeet.server.port_listener:
    state: stopped
    session: "{{ session }}"
  register: listened
"""

RETURN = r"""
pid:
  description: The listener's process.
  returned: when O(state=started), but in check mode
  type: int
  sample: 4711
since:
  description: When the listener was started, in UTC.
  returned: as RV(pid)
  type: str
  sample: '2026-01-31T12:00:00Z'
seconds_left:
  description: For how long the listener will be there at most. For longer nobody has to ask it.
  returned: as RV(pid)
  type: int
  sample: 116
bound:
  description: The ports on which it listens, by protocol.
  returned: when O(state=started)
  type: dict
  sample: {tcp: '80,443,7881', udp: '443,50000-60000'}
in_use:
  description: The ports that something else holds, and who.
  returned: as RV(pid)
  type: list
  elements: dict
  sample: [{protocol: tcp, port: 7881, holder: {process: livekit-server, pid: 812, unit: plugnmeet.service}}]
tap:
  description:
    - Whether the look at the network card works, why not if it does not, and when stopped how many frames it lost.
  returned: when a listener runs or ran
  type: dict
  sample: {usable: true, reason: ''}
running:
  description: Whether there was a listener to stop.
  returned: when O(state=stopped)
  type: bool
  sample: true
evidence:
  description: What was seen of the session's questions, a list of observations, each of which holds for a set of ports.
  returned: when O(state=stopped) and a listener ran
  type: list
  elements: dict
  sample:
    - {seen: received, protocol: udp, family: ipv4, vantage: 0, ports: 50000-60000, detail: {}}
sources:
  description: The addresses from which each vantage was seen to ask.
  returned: when O(state=stopped) and a listener ran
  type: list
  elements: dict
  sample: [{vantage: 0, address: 198.51.100.2}]
destinations:
  description: The addresses to which the questions of each vantage came, as far as the look at the network card tells.
  returned: when O(state=stopped) and a listener ran
  type: list
  elements: dict
  sample: [{vantage: 0, address: 203.0.113.10}]
addresses:
  description: The target's own addresses, with the length of their prefix. Empty if its kernel does not tell.
  returned: when O(state=stopped) and a listener ran
  type: list
  elements: str
  sample: [127.0.0.1/8, 203.0.113.10/24]
ipv6_off:
  description: The setting by which IPv6 is switched off on the target, empty if it is not.
  returned: when O(state=stopped) and a listener ran
  type: str
  sample: ''
network:
  description: A hash that is the same for two processes only if they share one network of one running kernel.
  returned: when O(state=stopped) and a listener ran
  type: str
  sample: 1b8e0f3a5c7d92460b8e0f3a5c7d9246
strangers:
  description:
    - How many datagrams and connections came from somebody else, be it with a question that was answered before. None
      of them got an answer.
    - What the kernel dropped for want of room at a port that met such datagrams is counted, too.
  returned: when O(state=stopped) and a listener ran
  type: dict
  sample: {datagrams: 3, connections: 1}
visitors:
  description: As RV(plugnmeet.server.visit_info#module:visitors).
  returned: when O(state=stopped) and a listener ran that was open to visitors
  type: list
  elements: dict
  sample: []
texts:
  description: As RV(plugnmeet.server.visit_info#module:texts).
  returned: as RV(visitors)
  type: list
  elements: dict
  sample: []
texts_dropped:
  description: As RV(plugnmeet.server.visit_info#module:texts_dropped).
  returned: as RV(visitors)
  type: int
  sample: 0
"""

import contextlib
import functools
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments, _services
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import lifecycle
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session


def start(module: AnsibleModule) -> _arguments.Result:
    """Start the listener, or in check mode say what it would bind."""
    session, requirements = _arguments.session_and_table(module.params)
    deadline = _deadline(module)
    lifecycle.rehearse(session, requirements, module.params["page"])  # for what cannot listen nothing stops
    if module.check_mode:
        bound = {
            protocol: format_ports(set().union(*(row.ports for row in requirements if row.protocol == protocol)))
            for protocol in ("tcp", "udp")
        }
        return {"changed": True, "bound": bound}
    may_bind = _stop_services(module, session, deadline)
    started = lifecycle.start(session, requirements, deadline, module.params["page"], may_bind)
    return {**started, "seconds_left": max(1, int(deadline - time.monotonic()))}


def stop(module: AnsibleModule) -> _arguments.Result:
    """End the listener and return what it saw."""
    session = Session.from_params(module.params["session"])
    if module.check_mode:
        running = lifecycle.status()
        mine = running is not None and running["session"] == session.id
        return {"changed": mine, "running": mine}
    try:
        reply = lifecycle.stop(session.id)
    finally:
        if module.params["services"] and _services.is_booted():
            with contextlib.suppress(PreflightError):  # who restores will say so
                _arguments.system(module).begin_restore(session.id)
    if reply is None:
        return {"changed": False, "running": False}
    tap = {**reply["started"]["tap"], **reply["saw"]["tap"]}
    return {**reply["saw"], "changed": True, "running": True, "tap": tap}


def _stop_services(module: AnsibleModule, session: Session, deadline: float) -> t.Callable[[], bool]:
    """Stop what is armed, if services are ours to stop; return what tells whether their ports may still be taken."""
    if not module.params["services"] or not _services.is_booted():
        return lambda: True
    lifecycle.status_of(session.id)  # beside another session's listener there can be none, and so nothing stops
    system = _arguments.system(module)
    system.stop(session.id, deadline, module.params["ttl"])
    return functools.partial(system.is_armed, session.id)


def _deadline(module: AnsibleModule) -> float:
    now = time.monotonic()
    ttl: int = module.params["ttl"]
    deadline: float | None = module.params["deadline"]
    if ttl < 1:
        raise PreflightError(f"ttl is {ttl}; give the listener at least a second")
    if deadline is not None and deadline <= now:
        raise PreflightError(
            "the session's time was over before the listener could start; give it more with preflight_ttl (ttl)"
        )
    return now + ttl if deadline is None else min(now + ttl, deadline)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "stopped"], "required": True},
            "session": _arguments.SESSION,
            "ports": {**_arguments.PORTS, "required": False},
            "ttl": {"type": "int", "default": 120},
            "deadline": {"type": "float"},
            "page": {"type": "str", "default": "", "no_log": True},
            "services": {"type": "bool", "default": False},
        },
        required_if=[("state", "started", ["ports"])],
        supports_check_mode=True,
    )
    _arguments.run(module, start if module.params["state"] == "started" else stop)


if __name__ == "__main__":
    main()
