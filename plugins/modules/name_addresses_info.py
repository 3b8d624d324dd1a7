#!/usr/bin/python
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: name_addresses_info
short_description: Say which addresses names have
description:
  - Resolves names on the host that it runs on, and returns every address (A and AAAA) that they have there.
  - A name without an address is a result, not an error.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
requirements:
  - Python 3.8 or newer
extends_documentation_fragment:
  - plugnmeet.server.attributes
  - plugnmeet.server.attributes.prober
options:
  names:
    description: The names.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Learn where the name leads to, as seen from outside
  plugnmeet.server.name_addresses_info:
    names: [meet.example.com]
  delegate_to: outside.example.net
  become: false
  register: known
"""

RETURN = r"""
names:
  description: What is known of each name, in the order of O(names).
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      sample: meet.example.com
    ipv4:
      description: Its IPv4 addresses, sorted.
      type: list
      elements: str
      sample: [203.0.113.10]
    ipv6:
      description: Its IPv6 addresses, sorted.
      type: list
      elements: str
      sample: ['2001:db8:113::10']
    reason:
      description: Why it has none, empty if it has one.
      type: str
      sample: ''
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments
from ansible_collections.plugnmeet.server.plugins.module_utils._names import look_up


def resolve(module: AnsibleModule) -> _arguments.Result:
    """Look each name up."""
    return {"changed": False, "names": [look_up(name)._asdict() for name in module.params["names"]]}


def main() -> None:
    module = AnsibleModule(
        argument_spec={"names": {"type": "list", "elements": "str", "required": True}},
        supports_check_mode=True,
    )
    _arguments.run(module, resolve)


if __name__ == "__main__":
    main()
