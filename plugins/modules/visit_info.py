#!/usr/bin/python
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: visit_info
short_description: Say who visits a listener that is open to visitors
description:
  - Asks the listener that M(plugnmeet.server.port_listener) has started with a page who was there, how far each browser
    is, and what was typed into netcat.
  - With O(result) it hands over a result that could not come by itself.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
requirements:
  - Python 3.8 or newer on the target
extends_documentation_fragment:
  - plugnmeet.server.attributes
  - plugnmeet.server.attributes.target
  - plugnmeet.server.session
options:
  result:
    description: A visitor's result, the text that the page offers to copy. Empty for none.
    type: str
    default: ''
seealso:
  - module: plugnmeet.server.port_listener
  - plugin: plugnmeet.server.visit_wait
    plugin_type: module
"""

EXAMPLES = r"""
- name: See who is there
  plugnmeet.server.visit_info:
    session: "{{ session }}"
  register: visit
"""

RETURN = r"""
running:
  description: Whether this session's listener runs, open to visitors.
  returned: always
  type: bool
  sample: true
seconds_left:
  description: The seconds after which the listener ends by itself.
  returned: when RV(running)
  type: int
  sample: 840
taken:
  description: Whether O(result) is one of this session.
  returned: when O(result) is given, and RV(running)
  type: bool
  sample: true
visitors:
  description: The browsers, in the order in which they came; what each told at the end is its C(result).
  returned: when RV(running)
  type: list
  elements: dict
  sample:
    - visitor: x7k2mnqa
      vantage: 0
      addresses: [198.51.100.2]
      arrived: {tcp: '80,443,7881', udp: '50000-53071'}
      quiet: 0.1
      result:
      brought_to: 0
texts:
  description: What was typed into netcat.
  returned: when RV(running)
  type: list
  elements: dict
  sample: [{protocol: udp, address: 198.51.100.2, port: 50008, text: test, count: 1}]
texts_dropped:
  description: How many more texts came than are kept.
  returned: when RV(running)
  type: int
  sample: 0
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import lifecycle
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session


def look(module: AnsibleModule) -> _arguments.Result:
    """Ask the listener, or hand a result to it."""
    session = Session.from_params(module.params["session"])
    result = module.params["result"].strip()
    reply = lifecycle.paste(session.id, result) if result and not module.check_mode else lifecycle.status()
    if not reply or reply["session"] != session.id or "visits" not in reply:
        return {"changed": False, "running": False}
    facts = {"changed": False, "running": True, "seconds_left": reply["seconds_left"], **reply["visits"]}
    return {**facts, "taken": reply["taken"]} if "taken" in reply else facts


def main() -> None:
    module = AnsibleModule(
        argument_spec={"session": _arguments.SESSION, "result": {"type": "str", "default": ""}},
        supports_check_mode=True,
    )
    _arguments.run(module, look)


if __name__ == "__main__":
    main()
