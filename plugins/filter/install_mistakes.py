# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: install_mistakes
short_description: What is wrong with the variables of the role install
description:
  - Says what is wrong with what the role C(install) was given, before anything is done because of it.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
options:
  _input:
    description: The role's variables, by their names.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse what cannot be installed
  ansible.builtin.assert:
    that: mistakes | length == 0
    fail_msg: "{{ mistakes | join(' ') }}"
  vars:
    mistakes: "{{ given | plugnmeet.server.install_mistakes }}"
"""

RETURN = r"""
_value:
  description: One sentence for each mistake.
  type: list
  elements: str
  sample:
    - install_turn_domain is "meet.example.com", as install_domain; the server needs two names.
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.plugnmeet.server.plugins.plugin_utils._install import mistakes


def install_mistakes(given: t.Any) -> list[str]:
    """Return one sentence for each mistake."""
    try:
        return mistakes(given)
    except (KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"install_mistakes takes the variables of the role install: {error}") from error


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"install_mistakes": install_mistakes}
