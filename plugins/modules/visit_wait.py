#!/usr/bin/python
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: visit_wait
short_description: Wait for visitors, and show what happens meanwhile
description:
  - Says where the page is, and asks the listener again and again who is there. On a terminal a line shows how far each
    visitor is; elsewhere a line comes now and then.
  - Ends when O(visitors) have finished, when the listener's time is over, or on a terminal with ENTER. Ctrl-C
    does the same, except in the moments between two lines, when it ends ansible-playbook as ever.
  - On a terminal it takes the text, pasted, that the page offers where it cannot send its result.
  - Returns who shall be heard, for P(plugnmeet.server.port_verdict#module).
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
extends_documentation_fragment:
  - plugnmeet.server.attributes
  - plugnmeet.server.port_table
  - plugnmeet.server.session
attributes:
  action:
    description: The work is done by an action plugin, on the controller, by M(plugnmeet.server.visit_info).
    support: full
  platform:
    description: Where the action can run.
    platforms: posix
    support: full
options:
  addresses:
    description: The addresses that the page asks, by address family.
    type: dict
    required: true
  visitors:
    description:
      - How many visitors shall have finished.
      - One whose browser could not ask all required ports, and found none of them silent, does not count. The screen
        says what it met.
    type: int
    default: 1
  links:
    description: Where the page is.
    type: list
    elements: str
    default: []
seealso:
  - module: plugnmeet.server.visit_info
  - plugin: plugnmeet.server.port_verdict
    plugin_type: module
"""

EXAMPLES = r"""
- name: Wait for a visitor
  plugnmeet.server.visit_wait:
    session: "{{ session }}"
    addresses: {ipv4: 203.0.113.10}
    ports: "{{ ports }}"
    links: ["{{ page }}"]
  register: visited
"""

RETURN = r"""
results:
  description: Who shall be heard, one entry for each visitor.
  returned: always
  type: list
  elements: dict
  sample:
    - item: browser 198.51.100.2, Chrome on Windows
      visitor: x7k2mnqa
      vantage: 0
      addresses: {ipv4: 203.0.113.10}
      source: {ipv4: 198.51.100.2}
ended:
  description: Why it ended.
  returned: always
  type: str
  sample: all visitors have finished
"""
