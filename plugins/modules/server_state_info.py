#!/usr/bin/python
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_state_info
short_description: What an installer would find on a server
description:
  - Says which system the server runs, how much room and memory it has, which of some packages, units and paths are
    there, and whether an installer is under way.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
requirements:
  - Python 3.8 or newer on the target
extends_documentation_fragment:
  - plugnmeet.server.attributes
  - plugnmeet.server.attributes.target
options:
  packages:
    description: The Debian packages to look for.
    type: list
    elements: str
    default: []
  units:
    description: The systemd units to look for. A name without a type is a service's.
    type: list
    elements: str
    default: []
  directory:
    description: The directory to look for, and in whose place room is looked for.
    type: path
    required: true
seealso:
  - plugin: plugnmeet.server.install_outlook
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Look at the server
  plugnmeet.server.server_state_info:
    packages: [nginx]
    units: [haproxy]
    directory: /opt/plugNmeet
  register: state
"""

RETURN = r"""
distribution:
  description: The system's C(id), C(name) and C(version), as os-release(5) has them.
  returned: always
  type: dict
  sample: {id: debian, name: Debian GNU/Linux, version: '12'}
packages:
  description: Those of O(packages) that are there, in their order.
  returned: always
  type: list
  elements: str
  sample: [nginx]
units:
  description: The state of each of O(units), such as V(active), V(inactive) or V(not-found).
  returned: always
  type: dict
  sample: {haproxy: active}
directory:
  description: Whether O(directory) is there.
  returned: always
  type: bool
  sample: false
installing:
  description: Whether a run of M(plugnmeet.server.unattended_script) is under way.
  returned: always
  type: bool
  sample: false
disk_free:
  description: The bytes that are free in the place of O(directory).
  returned: always
  type: int
  sample: 42949672960
memory:
  description: The bytes of memory that the server has.
  returned: always
  type: int
  sample: 4101165056
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments, _server, _services
from ansible_collections.plugnmeet.server.plugins.module_utils._unattended import run as unattended


def look(module: AnsibleModule) -> _arguments.Result:
    """Look at the server, and change nothing."""
    units = {_services.unit_name(name): name for name in module.params["units"]}
    states = _arguments.system(module).states(units) if _services.is_booted() else dict.fromkeys(units, "no systemd")
    return {
        "changed": False,
        "distribution": _server.distribution(),
        "packages": _server.installed(_arguments.runner(module), module.params["packages"]),
        "units": {name: states[unit] for unit, name in units.items()},
        "directory": os.path.isdir(module.params["directory"]),
        "installing": bool((unattended.look() or {}).get("running")),
        "disk_free": _server.room(module.params["directory"]),
        "memory": _server.memory(),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "directory": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    _arguments.run(module, look)


if __name__ == "__main__":
    main()
