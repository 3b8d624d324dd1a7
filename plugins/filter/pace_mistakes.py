# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: pace_mistakes
short_description: Why a pace leaves no time to ask all UDP ports
description:
  - Says why a ceiling for the pace of P(plugnmeet.server.port_probe_info#module) leaves no time for one question to
    each UDP port of a port table, before anything is stopped for a test that cannot end.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
positional: pace, ttl
options:
  _input:
    description: A port table without mistakes, as for M(plugnmeet.server.port_listener).
    type: list
    elements: dict
    required: true
  pace:
    description: The most probes a second, V(0) for no ceiling.
    type: int
    required: true
  ttl:
    description: How many seconds there are.
    type: int
    required: true
seealso:
  - module: plugnmeet.server.port_probe_info
"""

EXAMPLES = r"""
- name: Refuse a pace at which the test cannot end
  ansible.builtin.assert:
    that: mistakes | length == 0
    fail_msg: "{{ mistakes | first }}"
  vars:
    mistakes: "{{ ports | plugnmeet.server.pace_mistakes(preflight_pace, preflight_ttl) }}"
"""

RETURN = r"""
_value:
  description: One sentence, or an empty list if there may be time enough.
  type: list
  elements: str
  sample:
    - >-
      preflight_pace is 5, at which one question to each of 10002 UDP ports takes 2000 s, and preflight_ttl is 120;
      take a higher pace, or a longer preflight_ttl.
"""

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import parse_requirements


def pace_mistakes(table: t.Sequence[t.Mapping[str, t.Any]], pace: int, ttl: int) -> list[str]:
    """Return why C(pace) leaves no time as a list of one sentence, or an empty list."""
    ports = sum(len(row.ports) for row in parse_requirements(table) if row.protocol == "udp")
    if pace <= 0 or ports / pace < ttl:
        return []
    takes = f"one question to each of {ports} UDP ports takes {ports / pace:.0f} s"
    remedy = "take a higher pace, or a longer preflight_ttl"
    return [f"preflight_pace is {pace}, at which {takes}, and preflight_ttl is {ttl}; {remedy}."]


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"pace_mistakes": pace_mistakes}
