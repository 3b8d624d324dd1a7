# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: addresses
short_description: The addresses of a name, by address family
description:
  - Resolves a name on the controller.
  - Fails if it has no address, or several of a family, for one that is not tested proves nothing.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
options:
  _terms:
    description: The name, or an address, which is returned as it is.
    required: true
seealso:
  - plugin: plugnmeet.server.session
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: See where the name leads to
  ansible.builtin.debug:
    msg: "{{ lookup('plugnmeet.server.addresses', 'meet.example.com') }}"
"""

RETURN = r"""
_raw:
  description: For each name its addresses.
  type: list
  elements: dict
  sample: [{ipv4: 203.0.113.10, ipv6: '2001:db8:113::10'}]
"""

import socket
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.plugnmeet.server.plugins.module_utils._addresses import FAMILY_NAMES, one_of_each, plain_ip
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError


class LookupModule(LookupBase):
    """Resolve names."""

    def run(
        self,
        terms: list[t.Any],
        variables: t.Any = None,  # noqa: ARG002 - Ansible gives it
        **kwargs: t.Any,  # noqa: ARG002 - likewise
    ) -> list[dict[str, str]]:
        """Return the addresses of each term; raises AnsibleError where there is none, or several of a family."""
        return [_addresses(str(term)) for term in terms]


def _addresses(name: str) -> dict[str, str]:
    try:
        rows = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise AnsibleError(
            f'"{name}" has no address on the controller ({reason}); give the address by which outsiders reach the '
            "server as preflight_address"
        ) from error
    try:
        found = one_of_each(name, rows)
    except PreflightError as error:
        raise AnsibleError(f"{error} as preflight_address") from error
    return {FAMILY_NAMES[family]: plain_ip(str(address[0])) for family, address in found.items()}
