# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: visit_facts
short_description: What the page of a visit has to know of a session
description:
  - Makes of a session, which probers and listener share, what a page for visitors may know. The session's secret does
    not follow from it.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
positional: table, target, addresses, minutes
options:
  _input:
    description: The session, as P(plugnmeet.server.session#lookup) makes it.
    type: dict
    required: true
  table:
    description: The port table, as the modules of this collection take it.
    type: list
    elements: dict
    required: true
  target:
    description: The name or address by which outsiders reach the server.
    type: str
    required: true
  addresses:
    description: Its addresses, as P(plugnmeet.server.addresses#lookup) has them.
    type: dict
    required: true
  minutes:
    description: How long after its beginning the session takes visitors.
    type: int
    required: true
seealso:
  - module: plugnmeet.server.visit_wait
"""

EXAMPLES = r"""
- name: See what the page gets to know
  ansible.builtin.debug:
    msg: "{{ session | plugnmeet.server.visit_facts(ports, 'meet.example.com', {'ipv4': '203.0.113.10'}, 15) }}"
  no_log: true
"""

RETURN = r"""
_value:
  description:
    - C(session) is what the page has of the session, C(url) where the listener has the page, empty for nowhere, C(port)
      the TCP port of that, C(connect) to what the page may connect (as CSP has it).
  type: dict
"""

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.http import authority
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, parse_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import parse_requirements
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

# What browsers open no page at (Fetch Standard, section 2.9, "bad port")
_BAD_PORTS = parse_ports(
    "1,7,9,11,13,15,17,19-23,25,37,42,43,53,69,77,79,87,95,101-104,109-111,113,115,117,119,123,135,137,139,143,161,179,"
    "389,427,465,512-515,526,530-532,540,548,554,556,563,587,601,636,989,990,993,995,1719,1720,1723,2049,3659,4045,4190,"
    "5060,5061,6000,6566,6665-6669,6679,6697,10080"
)


def visit_facts(
    params: dict[str, t.Any], table: t.Any, target: str, addresses: dict[str, str], minutes: int
) -> dict[str, t.Any]:
    """Return what the page of a visit has to know of the session C(params)."""
    session, rows = Session.from_params(params), parse_requirements(table)
    tcp = sorted(set().union(*(row.ports for row in rows if row.protocol == "tcp")))
    web = authority(target)
    port = 80 if 80 in tcp else next((port for port in tcp if port not in _BAD_PORTS), 0)
    return {
        "session": {
            "id": session.id,
            "secret": session.visit_secret,
            "path": session.visit_path,
            "name": target,
            "web": web,
            "expires": int(params["started"]) + 60 * int(minutes),
            "addresses": dict(addresses),
            "ports": [
                {
                    "name": row.name,
                    "protocol": row.protocol,
                    "ports": format_ports(row.ports),
                    "required": row.required,
                    "purpose": row.purpose,
                }
                for row in rows
            ],
        },
        "url": f"http://{web}{'' if port == 80 else f':{port}'}{session.visit_path}" if port else "",
        "port": port,
        # An IPv6 address cannot stand in a policy (CSP 3, section 2.3.1).
        "connect": "http:" if ":" in target else " ".join(f"http://{web}:{port}" for port in tcp) or "'none'",
    }


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"visit_facts": visit_facts}
