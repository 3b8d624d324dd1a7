# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The addresses that names have, all of them."""

from __future__ import annotations

import socket
import typing as t

from ._addresses import FAMILY_NAMES, plain_ip


class Name(t.NamedTuple):
    """What a name resolves to: its addresses, sorted; `reason` is why there are none, empty if there are."""

    name: str
    ipv4: list[str]
    ipv6: list[str]
    reason: str


def look_up(name: str) -> Name:
    """Return all addresses of `name`, as this host resolves it."""
    found: dict[str, set[str]] = {"ipv4": set(), "ipv6": set()}
    try:
        for family, dummy_type, dummy_protocol, dummy_name, sockaddr in socket.getaddrinfo(
            name, None, type=socket.SOCK_STREAM
        ):
            if family in FAMILY_NAMES:
                found[FAMILY_NAMES[family]].add(plain_ip(str(sockaddr[0])))
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no host name"
        return Name(name, [], [], reason)
    ipv4, ipv6 = sorted(found["ipv4"]), sorted(found["ipv6"])
    return Name(name, ipv4, ipv6, "" if ipv4 or ipv6 else "it has neither an IPv4 nor an IPv6 address")
