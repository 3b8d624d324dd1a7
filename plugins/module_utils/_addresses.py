# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Socket addresses as the kernel gives them, turned into the plain ones that people know."""

from __future__ import annotations

import functools
import socket
import typing as t

from ._errors import PreflightError

FAMILY_NAMES = {socket.AF_INET: "ipv4", socket.AF_INET6: "ipv6"}

_MAPPED = "::ffff:"


@functools.lru_cache(maxsize=64)
def plain_ip(ip: str) -> str:
    """Return `ip` without the mapping of IPv4 into IPv6 (RFC 4291, section 2.5.5.2) and without a scope."""
    if ip.startswith(_MAPPED) and "." in ip:
        return ip[len(_MAPPED) :]
    return ip.partition("%")[0]


def family_of(ip: str) -> str:
    """Return `ipv4` or `ipv6` for a plain address."""
    return "ipv6" if ":" in ip else "ipv4"


def one_of_each(name: str, found: t.Iterable[tuple[t.Any, ...]]) -> dict[socket.AddressFamily, tuple[t.Any, ...]]:
    """Of what getaddrinfo found for `name` return the socket address of each family.

    Raises PreflightError if a family has several: one that is not tested proves nothing.
    """
    addresses: dict[socket.AddressFamily, tuple[t.Any, ...]] = {}
    for family, dummy_type, dummy_protocol, dummy_name, address in found:
        if family in FAMILY_NAMES and addresses.setdefault(family, address)[0] != address[0]:
            raise PreflightError(
                f'"{name}" has several {FAMILY_NAMES[family]} addresses, such as {addresses[family][0]} and '
                f"{address[0]}; name the one to test"
            )
    return addresses


def plain(address: tuple[t.Any, ...]) -> tuple[str, int]:
    """Return host and port of a socket address."""
    return plain_ip(address[0]), address[1]
