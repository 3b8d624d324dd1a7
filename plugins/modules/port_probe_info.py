#!/usr/bin/python
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: port_probe_info
short_description: Ask every port of a WebRTC server from outside
description:
  - Asks every port of O(ports) at O(address) in the protocol that the port will carry, over every address family that
    the address has, and returns what came back. TCP and UDP run at the same time.
  - Runs on the prober, a host outside the target's firewall. Delegate it there.
  - A port that is not open is a result, not an error, and so is an address that does not resolve.
  - UDP ports that stay silent are asked again, as often as the loss on the way asks for. A port is left when the chance
    that it is open, and every question or answer was lost, is below one in a million over the whole table.
  - Before silent ports are left, some that are known to be open are asked again, from another source port and from the
    same one. If they are silent too, it is no rule that stops the others, but a full connection table on the way, or
    something that shuts the prober out.
  - Silent ports are asked once more a second later. If one of them answers then, the way was closed for a moment, or
    takes only so much at a time, and all that are silent are asked anew.
  - For the default table it ends within 60 seconds, whatever the network does, plus the time that the system takes to
    resolve O(address). A O(pace) adds eight times what one question to each UDP port takes at that pace, and many
    silent TCP ports add four seconds for each hundred or so.
  - A port that could not be asked often enough in that time is said to be untested, and not to be closed.
  - In check mode nothing is sent. The result says which addresses O(address) has, and whether there is a way to them.
  - Needs no privilege.
  - On a system that lets nobody set a large TCP_MAXSEG, such as macOS, the target cannot tell this prober's connections
    from others'. A TCP port is proven open there as anywhere; of a silent one it is not known where it was lost.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
requirements:
  - Python 3.8 or newer on the prober
extends_documentation_fragment:
  - plugnmeet.server.attributes
  - plugnmeet.server.attributes.prober
  - plugnmeet.server.port_table
  - plugnmeet.server.session
options:
  address:
    description: Name or address of the target as outsiders know it. A name is resolved on the prober.
    type: str
    required: true
  vantage:
    description: The number of this prober in the session, so that the listener can tell several apart.
    type: int
    default: 0
  pace:
    description: The most UDP probes to send in a second. V(0) finds the right pace out.
    type: int
    default: 0
  ttl:
    description:
      - The seconds after which it gives up, whatever it is at. By then the listener is gone, too, and a controller that
        was killed has left nobody else to end it.
    type: int
    default: 120
seealso:
  - module: plugnmeet.server.port_listener
  - plugin: plugnmeet.server.port_verdict
    plugin_type: module
"""

EXAMPLES = r"""
- name: Ask from outside
  plugnmeet.server.port_probe_info:
    address: meet.example.com
    session: "{{ session }}"
    ports:
      - name: media
        protocol: udp
        ports: 50000-60000
  delegate_to: outside.example.net
  become: false
  register: probed
"""

RETURN = r"""
unresolved:
  description: Why O(address) has no address, empty if it has one.
  returned: always
  type: str
  sample: ''
network:
  description: A hash that is the same for two processes only if they share one network of one running kernel.
  returned: always
  type: str
  sample: 1b8e0f3a5c7d92460b8e0f3a5c7d9246
addresses:
  description: The address that was asked, for each address family.
  returned: always
  type: dict
  sample: {ipv4: 203.0.113.10}
source:
  description: The prober's own address as the target sees it, for each address family in which an answer came.
  returned: always
  type: dict
  sample: {ipv4: 198.51.100.2}
local:
  description: The prober's own address as it sees it itself, for each address family in which it has a way.
  returned: always
  type: dict
  sample: {ipv4: 198.51.100.2}
source_port:
  description:
    - The port from which the prober sent its UDP questions, for each address family. By it they are found in the log of
      a firewall that does not translate it.
  returned: always
  type: dict
  sample: {ipv4: 40123}
destination:
  description: The target's address as it sees it itself. It differs from RV(addresses) where there is NAT between.
  returned: always
  type: dict
  sample: {ipv4: 203.0.113.10}
certificates:
  description: The TLS certificates (PEM) with which somebody else answered, by their SHA-256 fingerprint.
  returned: always
  type: dict
  sample: {}
all_open:
  description: Whether each port that shall be open was proven open at each address.
  returned: always
  type: bool
  sample: false
evidence:
  description:
    - What came back, a list of observations, each of which holds for a set of ports. Ports in none were silent.
  returned: always
  type: list
  elements: dict
  sample:
    - {seen: open, protocol: udp, family: ipv4, vantage: 0, ports: '50000-54999,55003-60000', detail: {}}
sent:
  description: How many UDP questions were sent.
  returned: always
  type: int
  sample: 10008
dropped:
  description: How many answers this host had no room for. They were asked for again.
  returned: always
  type: int
  sample: 0
rounds:
  description: How many rounds of UDP questions were needed.
  returned: always
  type: int
  sample: 3
seconds_to_verdict:
  description: How long it took to know which ports are open. Where some are not, it then looks for the reason.
  returned: always
  type: float
  sample: 0.61
seconds:
  description: How long it took in all.
  returned: always
  type: float
  sample: 0.61
"""

import signal

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.probe import look_ahead, probe
from ansible_collections.plugnmeet.server.plugins.module_utils._session import VANTAGES


def ask(module: AnsibleModule) -> _arguments.Result:
    """Probe, or in check mode send nothing."""
    params = module.params
    session, requirements = _arguments.session_and_table(params)
    if not params["address"].strip():
        raise PreflightError("address is empty; name the target as outsiders know it")
    if not 0 <= params["vantage"] < VANTAGES:
        raise PreflightError(f"vantage is {params['vantage']}; take 0 to {VANTAGES - 1}")
    if params["pace"] < 0:
        raise PreflightError(f"pace is {params['pace']}; take 0 to find it out, or the most probes a second")
    if params["ttl"] < 1:
        raise PreflightError(f"ttl is {params['ttl']}; take at least a second")
    if module.check_mode:
        return look_ahead(params["vantage"], params["address"].strip(), requirements)
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(params["ttl"])
    try:
        return probe(session, params["vantage"], params["address"].strip(), requirements, params["pace"])
    finally:
        signal.alarm(0)


def _give_up(*dummy: object) -> None:
    raise PreflightError("preflight_ttl was over (ttl) before it had done; run it again with more")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "address": {"type": "str", "required": True},
            "session": _arguments.SESSION,
            "ports": _arguments.PORTS,
            "vantage": {"type": "int", "default": 0},
            "pace": {"type": "int", "default": 0},
            "ttl": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    _arguments.run(module, ask)


if __name__ == "__main__":
    main()
