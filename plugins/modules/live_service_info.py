#!/usr/bin/python
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: live_service_info
short_description: Ask the live services of a plugNmeet server from outside
description:
  - Asks HTTP, TLS, ICE-TCP and STUN of a server that runs, under each of its names and over each address family, and
    says what could be proven. Nothing is stopped for it.
  - Runs on the prober, a host outside the server's firewall. Delegate it there. Needs no privilege.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
requirements:
  - Python 3.8 or newer on the prober
extends_documentation_fragment:
  - plugnmeet.server.attributes
  - plugnmeet.server.attributes.prober
options:
  names:
    description: The server's host names.
    type: list
    elements: str
    required: true
  ca_file:
    description:
      - A file on the prober with the certificates (PEM) of who may sign the server's.
      - Empty for those that the prober's system has.
    type: str
    default: ''
  http_port:
    description: Where HTTP is answered. V(0) leaves it out, here and below.
    type: int
    default: 80
  https_port:
    description: Where TLS is answered, with a certificate for the name.
    type: int
    default: 443
  ice_tcp_port:
    description: Where LiveKit takes media over TCP.
    type: int
    default: 7881
  turn_udp_port:
    description: Where the TURN server answers STUN over UDP.
    type: int
    default: 443
  patience:
    description: The most seconds for each question.
    type: float
    default: 5
"""

EXAMPLES = r"""
- name: Ask what runs
  plugnmeet.server.live_service_info:
    names: [meet.example.com, turn.example.com]
  delegate_to: outside.example.net
  become: false
  register: live
"""

RETURN = r"""
answers:
  description: What came of each question.
  returned: always
  type: list
  elements: dict
  contains:
    service:
      description: V(HTTP), V(TLS), V(ICE-TCP) or V(STUN).
      type: str
    name:
      description: The name that was asked for.
      type: str
    port:
      description: Port and protocol.
      type: str
      sample: 443/tcp
    family:
      description: V(ipv4) or V(ipv6), empty if the name does not resolve.
      type: str
    address:
      description: The address that was asked.
      type: str
    proof:
      description: What proves that it runs, empty if nothing does.
      type: str
      sample: answers with status 301
    reason:
      description: Why nothing does.
      type: str
      sample: ''
    itself:
      description: Whether the address is one of the host that asked, which then is not outside.
      type: bool
      sample: false
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments, _live


def ask(module: AnsibleModule) -> _arguments.Result:
    """Ask each service; nothing is asked in check mode."""
    given = module.params
    asked = _live.services(
        given["http_port"],
        given["https_port"],
        given["ice_tcp_port"],
        given["turn_udp_port"],
        given["ca_file"],
        _arguments.patience(given),
    )
    answers = [] if module.check_mode else _live.ask(given["names"], asked)
    return {"changed": False, "answers": [answer._asdict() for answer in answers]}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "ca_file": {"type": "str", "default": ""},
            "http_port": {"type": "int", "default": 80},
            "https_port": {"type": "int", "default": 443},
            "ice_tcp_port": {"type": "int", "default": 7881},
            "turn_udp_port": {"type": "int", "default": 443},
            "patience": {"type": "float", "default": 5},
        },
        supports_check_mode=True,
    )
    _arguments.run(module, ask)


if __name__ == "__main__":
    main()
