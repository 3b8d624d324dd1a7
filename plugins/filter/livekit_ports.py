# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: livekit_ports
short_description: The port table with the ports that LiveKit is set up for
description:
  - Puts the media ports, the TCP port and the TURN port of a C(livekit.yaml) into the places of C(media), C(ice-tcp)
    and C(turn-udp) in a port table.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
positional: config
options:
  _input:
    description: The port table, as the modules of this collection take it.
    type: list
    elements: dict
    required: true
  config:
    description: What stands in C(livekit.yaml).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Test the ports that are set up
  ansible.builtin.set_fact:
    ports: "{{ my_ports | plugnmeet.server.livekit_ports(lookup('file', 'livekit.yaml')) }}"
"""

RETURN = r"""
_value:
  description: The port table.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.plugin_utils._livekit import with_configured


def livekit_ports(table: t.Any, config: str) -> list[dict[str, t.Any]]:
    """Return the table with the ports of the configuration."""
    try:
        return with_configured(table, config)
    except (PreflightError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"livekit_ports: {error}") from error


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"livekit_ports": livekit_ports}
