# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report_dir_mistakes
short_description: Why reports could not be written to a directory
description:
  - Says why P(plugnmeet.server.port_verdict#module) could not write to a directory on the controller, before anything
    is stopped or sent for a report that would be lost. Makes nothing.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
positional: variable
options:
  _input:
    description: The directory, which need not be there yet. Empty for none.
    type: str
    required: true
  variable:
    description: The name of the variable that it is in, for the sentence.
    type: str
    default: report_dir
seealso:
  - module: plugnmeet.server.port_verdict
"""

EXAMPLES = r"""
- name: Refuse a directory that no report could be written to
  ansible.builtin.assert:
    that: mistakes | length == 0
    fail_msg: "{{ mistakes | first }}"
  vars:
    mistakes: "{{ my_reports | plugnmeet.server.report_dir_mistakes('my_reports') }}"
"""

RETURN = r"""
_value:
  description: One sentence, or an empty list if reports can be written.
  type: list
  elements: str
  sample:
    - my_reports "/etc/hosts/reports" cannot be written to; name another one.
"""

import os
import typing as t


def report_dir_mistakes(directory: str, variable: str = "report_dir") -> list[str]:
    """Return why no report could be written to C(directory) as a list of one sentence, or an empty list."""
    if not directory:
        return []
    there = os.path.abspath(os.path.expanduser(directory))
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    if os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK):
        return []
    return [f'{variable} "{directory}" cannot be written to; name another one.']


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"report_dir_mistakes": report_dir_mistakes}
