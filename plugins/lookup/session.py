# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: session
short_description: A new session of port tests
description:
  - Makes the credentials of one run, at random and new at every call. Keep it in a fact for the run, with C(no_log),
    and drop it after.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
options:
  _terms:
    description: None are taken.
seealso:
  - module: plugnmeet.server.port_listener
  - module: plugnmeet.server.port_probe_info
"""

EXAMPLES = r"""
- name: Make a session
  ansible.builtin.set_fact:
    session: "{{ lookup('plugnmeet.server.session') }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: The session.
  type: list
  elements: dict
  contains:
    id:
      description: The public half. It shows in messages and on the wire.
      type: str
      sample: 3YbqWm0c8PdTzVnA
    secret:
      description: The secret half, 190 bits of it.
      type: str
      sample: QpN4vX7k2LsWc9RfTz1BdYh6MgJ8aEuK
    started:
      description: When the session was made, in seconds since the epoch.
      type: float
      sample: 1767182400.0
"""

import secrets
import string
import time
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.plugnmeet.server.plugins.module_utils._session import ID_LENGTH, SECRET_LENGTH

# Of the ICE characters (RFC 8839, section 5.4) those that need no thought in any place where an id may stand.
_CHARACTERS = string.ascii_letters + string.digits


def _random(length: int) -> str:
    return "".join(secrets.choice(_CHARACTERS) for dummy in range(length))


class LookupModule(LookupBase):
    """Make a session."""

    def run(
        self,
        terms: list[t.Any],
        variables: t.Any = None,  # noqa: ARG002 - Ansible gives it
        **kwargs: t.Any,
    ) -> list[dict[str, t.Any]]:
        """Return one new session; raises AnsibleError if given terms or options."""
        if terms or kwargs:
            raise AnsibleError("lookup plugnmeet.server.session takes no terms and no options")
        return [{"id": _random(ID_LENGTH), "secret": _random(SECRET_LENGTH), "started": time.time()}]
