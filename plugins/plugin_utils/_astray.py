# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Whether an address that was asked leads to the target at all, or the name is wrong."""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils import _evidence as saw
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sides import Target, Vantage, of_the_internet

_VERSIONS = {"ipv4": 4, "ipv6": 6}


class Astray(t.NamedTuple):
    """An address that is not the target's.

    `own` are those that the target has in that family, and `ipv6_off` is the setting that took them away. `beside` is
    the address of the other family that was asked, empty if there is none. `arrived` tells whether questions reached
    the target's network card all the same.
    """

    address: str
    own: list[str]
    ipv6_off: str
    beside: str
    arrived: bool


def astray(vantage: Vantage, family: str, target: Target) -> Astray | None:
    """Return what is known of the address that `vantage` asked if it is not the target's, else None.

    An address that the target does not have may still lead to it, by a NAT in front: so it is not called wrong if
    anything came to an address that the target has, or if the target has none but private ones, or if the evidence is
    incomplete. From inside, such a NAT is often not to be reached.
    """
    if target.gap or not target.addresses or vantage.outside is False:
        return None
    there, address = vantage.as_target_sees(family)
    everything = [interface.ip for interface in target.addresses]
    own = [ip for ip in everything if ip.version == _VERSIONS[there] and not (ip.is_loopback or ip.is_link_local)]
    came_to = vantage.came_to.get(there, ())
    if {address, *came_to} & {str(ip) for ip in everything} or _heard(vantage, family, target):
        return None
    public = [ip for ip in own if of_the_internet(ip)]
    if own and not public and not came_to:
        return None
    return Astray(
        address=address,
        own=[str(ip) for ip in public or own],
        ipv6_off=target.ipv6_off if there == "ipv6" and not own else "",
        beside=next((ip for other, ip in vantage.addresses.items() if other != family), ""),
        arrived=bool(came_to),
    )


def _heard(vantage: Vantage, family: str, target: Target) -> bool:
    """Tell whether anything of this vantage came to the listener over this family."""
    return any(
        side.all(seen, protocol, over, vantage.number)
        for side, seen, over in (
            (vantage.evidence, saw.OPEN, family),
            (vantage.evidence, saw.MOVED, family),
            (target.evidence, saw.RECEIVED, vantage.as_target_sees(family)[0]),
        )
        for protocol in saw.PROTOCOLS
    )
