# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: install_outlook
short_description: How an install would go on a server
description:
  - Says whether plugNmeet is on a server already or its installer is under way, what that would trip over, and whether
    a preflight's report still proves the server open.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
options:
  _input:
    description: The result of M(plugnmeet.server.server_state_info).
    type: dict
    required: true
  names:
    description:
      - What M(plugnmeet.server.name_addresses_info) says of C(install_domain), of C(install_turn_domain), and of the
        address that the preflight tests.
    type: list
    elements: dict
    required: true
  given:
    description: The role's variables, by their names.
    type: dict
    required: true
  host:
    description: The host's name in the inventory.
    type: str
    required: true
  report:
    description: The C(preflight_report) that there is.
    type: dict
    default: {}
seealso:
  - module: plugnmeet.server.server_state_info
  - module: plugnmeet.server.name_addresses_info
"""

EXAMPLES = r"""
- name: Stop where the installer would trip
  ansible.builtin.assert:
    that: outlook.obstacles | length == 0
    fail_msg: "{{ outlook.obstacles | join(' ') }}"
  vars:
    outlook: >-
      {{ state | plugnmeet.server.install_outlook(resolved.names, given, inventory_hostname, preflight_report) }}
"""

RETURN = r"""
_value:
  description: The outlook.
  type: dict
  contains:
    installing:
      description: Whether an installer is under way.
      type: bool
    installed:
      description: Whether plugNmeet is there already, all of it.
      type: bool
    obstacles:
      description: One sentence for each thing that the installer would trip over. Empty if it is not to start.
      type: list
      elements: str
    proven:
      description: Whether the report is of this host, passed, no older than an hour, and of all its names' addresses.
      type: bool
"""

import time
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.plugnmeet.server.plugins.plugin_utils._install import is_installed, obstacles, proves


def install_outlook(
    state: t.Any, names: t.Any, given: t.Any, host: str, report: t.Any = None, now: float | None = None
) -> dict[str, t.Any]:
    """Return what is there, what is in the way, and whether the way is proven."""
    try:
        installing = bool(state["installing"])
        installed = not installing and is_installed(state)
        return {
            "installing": installing,
            "installed": installed,
            "obstacles": [] if installing or installed else obstacles(state, names, given),
            "proven": proves(report, host, names, time.time() if now is None else now),
        }
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise AnsibleFilterError(f"install_outlook takes results of this collection's modules: {error!r}") from error


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"install_outlook": install_outlook}
