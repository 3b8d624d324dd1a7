#!/usr/bin/python
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_outlook_info
short_description: How the world looks from a server
description:
  - Says whether STUN servers answer the server, whether it reaches itself at its own public addresses, where names lead
    to as it sees them, and which ports its kernel hands out to anybody.
  - Nothing of it is an error. It is what M(plugnmeet.server.port_verdict) makes warnings of.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
requirements:
  - Python 3.8 or newer on the target
extends_documentation_fragment:
  - plugnmeet.server.attributes
  - plugnmeet.server.attributes.target
options:
  addresses:
    description: The addresses at which outsiders reach the server.
    type: list
    elements: str
    default: []
  names:
    description: The server's host names.
    type: list
    elements: str
    default: []
  stun_servers:
    description: The STUN servers to ask, in this order until one answers, such as V(stun.example.com:3478).
    type: list
    elements: str
    default: []
  media_ports:
    description: The media ports. The way back to itself is tried on a free one of them.
    type: str
    default: 50000-60000
  patience:
    description: The most seconds to wait for each answer.
    type: float
    default: 1.5
"""

EXAMPLES = r"""
- name: Look out of the server
  plugnmeet.server.server_outlook_info:
    addresses: [203.0.113.10]
    stun_servers: ["stun.example.com:3478"]
  register: outlook
"""

RETURN = r"""
stun:
  description: Under which address each STUN server that was asked sees the server, empty if it does not answer.
  returned: always
  type: dict
  sample: {'stun.example.com:3478': 203.0.113.10}
hairpin:
  description: Whether the server reaches itself at each of O(addresses). Null if that could not be tried.
  returned: always
  type: dict
  sample: {203.0.113.10: true}
names:
  description: What M(plugnmeet.server.name_addresses_info) says of O(names) there.
  returned: always
  type: list
  elements: dict
  sample: []
ephemeral:
  description: The ports that the kernel hands out to anybody, empty if it does not say.
  returned: always
  type: str
  sample: 32768-60999
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments, _outlook
from ansible_collections.plugnmeet.server.plugins.module_utils._names import look_up
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import parse_ports


def look(module: AnsibleModule) -> _arguments.Result:
    """Look out of the server; in check mode nothing is sent."""
    given = module.params
    patience, ports = _arguments.patience(given), parse_ports(given["media_ports"])
    addresses = [] if module.check_mode else given["addresses"]
    return {
        "changed": False,
        "stun": _outlook.stun([] if module.check_mode else given["stun_servers"], patience),
        "hairpin": {ip: _outlook.reaches_itself(ip, ports, patience) for ip in addresses},
        "names": [look_up(name)._asdict() for name in given["names"]],
        "ephemeral": _outlook.ephemeral(),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "addresses": {"type": "list", "elements": "str", "default": []},
            "names": {"type": "list", "elements": "str", "default": []},
            "stun_servers": {"type": "list", "elements": "str", "default": []},
            "media_ports": {"type": "str", "default": "50000-60000"},
            "patience": {"type": "float", "default": 1.5},
        },
        supports_check_mode=True,
    )
    _arguments.run(module, look)


if __name__ == "__main__":
    main()
