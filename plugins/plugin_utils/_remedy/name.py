# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What leads outsiders to the server: its name, which has DNS records, or an address, which has none."""

from __future__ import annotations

import ipaddress

from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import Words


def is_address(text: str) -> bool:
    """Tell whether outsiders use an address and no name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def correct(words: Words) -> str:
    """What to correct where it leads to somebody else."""
    return "correct preflight_address" if is_address(words.address) else "correct its DNS records, or preflight_address"


def lead_to(words: Words) -> str:
    """The step where somebody else answers."""
    if is_address(words.address):
        return f"If {words.ips} is not {words.host}'s address: correct preflight_address"
    return f"Make {words.address} lead to {words.host}: check its DNS records"


def drop_family(words: Words) -> list[str]:
    """The step where the server may need no address of this family; none where outsiders use that one alone."""
    if is_address(words.address):
        return []
    return [f"If {words.host} shall not be reached over {words.families}: take {words.ips} out of its name"]
