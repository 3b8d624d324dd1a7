# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: live_outlook
short_description: What could be proven of a server that runs, and what could not
description:
  - Puts what M(plugnmeet.server.live_service_info) and a test of the free media ports have seen into sentences.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
options:
  _input:
    description:
      - The results of M(plugnmeet.server.live_service_info), one for each prober, as a task with a loop registers them.
    type: list
    elements: dict
    required: true
  host:
    description: The server's name in the inventory.
    type: str
    required: true
  address:
    description: The server's address as outsiders know it.
    type: str
    required: true
  media:
    description:
      - The media C(ports), the results of P(plugnmeet.server.port_listener#module) as C(started) and C(stopped), and
        those of P(plugnmeet.server.port_probe_info#module) as C(probes). Empty if they were not tested.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Say what is proven
  ansible.builtin.debug:
    msg: "{{ (live.results | plugnmeet.server.live_outlook(inventory_hostname, 'meet.example.com')).proven }}"
"""

RETURN = r"""
_value:
  description: The outlook.
  type: dict
  contains:
    proven:
      description: One sentence for each thing that is proven.
      type: list
      elements: str
    failed:
      description: One sentence for each thing that does not work, with what to do.
      type: list
      elements: str
    open_questions:
      description: One sentence for each thing that could not be proven.
      type: list
      elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.plugin_utils._live import judge_media, judge_services


def live_outlook(results: t.Any, host: str, address: str, media: t.Any = None) -> dict[str, list[str]]:
    """Return what is proven, what failed, and what is open."""
    lives = []
    try:
        for result in results:
            prober = str(result.get("item", "prober"))
            if "answers" in result:
                lives.append(judge_services(prober, result["answers"])._asdict())
            else:
                why = str(result.get("msg") or "it did not say why").rstrip(".")
                lives.append({"failed": [f"{prober} could not be used: {why}; run it again, or name another prober"]})
        if media:
            args = (media["ports"], media["started"], media["stopped"], media["probes"])
            lives.append(judge_media(host, address, *args)._asdict())
    except (PreflightError, KeyError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(f"live_outlook takes results of this collection's modules: {error}") from error
    return {
        key: [sentence for live in lives for sentence in live.get(key, [])]
        for key in ("proven", "failed", "open_questions")
    }


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"live_outlook": live_outlook}
