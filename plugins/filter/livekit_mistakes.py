# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: livekit_mistakes
short_description: What is wrong with the ports of a LiveKit configuration
description:
  - Says why no ports can be taken from a C(livekit.yaml).
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
options:
  _input:
    description: What stands in C(livekit.yaml).
    type: str
    required: true
seealso:
  - plugin: plugnmeet.server.livekit_ports
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse a wrong configuration
  ansible.builtin.assert:
    that: lookup('file', 'livekit.yaml') | plugnmeet.server.livekit_mistakes | length == 0
"""

RETURN = r"""
_value:
  description: One sentence for the first mistake, or an empty list if there is none.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.plugin_utils._livekit import configured


def livekit_mistakes(config: str) -> list[str]:
    """Return the first mistake as a list of one sentence, or an empty list."""
    try:
        configured(config)
    except PreflightError as error:
        return [f"{error}."]
    return []


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"livekit_mistakes": livekit_mistakes}
