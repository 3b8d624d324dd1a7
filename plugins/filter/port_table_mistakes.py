# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: port_table_mistakes
short_description: What is wrong with a port table
description:
  - Says what is wrong with a list of ports to test, before anything is stopped or sent because of it.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
positional: variable
options:
  _input:
    description: The port table, as the modules of this collection take it.
    type: list
    elements: dict
    required: true
  variable:
    description: The name of the variable that the table is in, for the sentence.
    type: str
    default: ports
  required:
    description: Whether an entry must be required, for a test of optional ones alone proves nothing.
    type: bool
    default: false
    version_added: 0.1.0
seealso:
  - module: plugnmeet.server.port_listener
"""

EXAMPLES = r"""
- name: Refuse a wrong table
  ansible.builtin.assert:
    that: mistakes | length == 0
    fail_msg: "{{ mistakes | first }}"
  vars:
    mistakes: "{{ my_ports | plugnmeet.server.port_table_mistakes('my_ports') }}"
"""

RETURN = r"""
_value:
  description: One sentence for the first mistake, or an empty list if there is none.
  type: list
  elements: str
  sample:
    - my_ports[2].ports "60000-50000" has a range that ends before it starts; write 50000-60000.
"""

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import parse_requirements


def port_table_mistakes(table: t.Any, variable: str = "ports", required: bool = False) -> list[str]:
    """Return the first mistake of C(table) as a list of one sentence, or an empty list."""
    try:
        rows = parse_requirements(table, variable)
    except PreflightError as error:
        return [f"{error}."]
    # The modules refuse a key without a value, in words of Ansible's.
    empty = [
        f"{variable}[{index}].{key}"
        for index, row in enumerate(table)
        for key, value in row.items()
        if value is None or (key in ("speaks", "expect") and not value)
    ]
    if empty:
        return [f"{empty[0]} is empty; give it a value, or leave it out."]
    if required and not any(row.required for row in rows):
        return [f"{variable} has no entry that is required, so that nothing would be proven; make one required: true."]
    return []


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"port_table_mistakes": port_table_mistakes}
