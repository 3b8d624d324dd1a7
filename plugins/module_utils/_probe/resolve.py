# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The addresses that the target's name has, and whether this host has a way to them."""

from __future__ import annotations

import socket
import typing as t

from .._addresses import FAMILY_NAMES, one_of_each, plain
from .._errors import PreflightError
from .icmp import NEIGHBOUR_MISSING, Rejection

SocketAddress = t.Tuple[t.Any, ...]


class Path(t.NamedTuple):
    """One address of the target; `local` is this host's own end.

    `no_way` says why this host cannot send to it, empty if it can.
    """

    family: socket.AddressFamily
    name: str  # ipv4 or ipv6
    ip: str
    sockaddr: SocketAddress
    local: str
    no_way: str

    def is_own(self, rejection: Rejection) -> bool:
        """Tell whether this host's own firewall rejected: not the target, and not because a neighbour is missing."""
        return rejection.offender == self.local != self.ip and rejection.by not in NEIGHBOUR_MISSING

    def to(self, port: int) -> SocketAddress:
        """The socket address of `port`."""
        return (self.sockaddr[0], port, *self.sockaddr[2:])


def resolve(address: str) -> list[Path]:
    """Return the address of each family that `address`, a name or an address, has.

    Raises PreflightError if it has none, or several of a family: one that was not asked proves nothing.
    """
    try:
        found = socket.getaddrinfo(address, None, type=socket.SOCK_DGRAM)
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no host name"
        raise PreflightError(f'"{address}" does not resolve: {reason}') from error
    paths = []
    for family, sockaddr in one_of_each(address, found).items():
        local, no_way = way(family, sockaddr)
        paths.append(Path(family, FAMILY_NAMES[family], str(sockaddr[0]), sockaddr, local, no_way))
    if not paths:
        raise PreflightError(f'"{address}" has neither an IPv4 nor an IPv6 address')
    return sorted(paths, key=lambda path: path.name)


def way(family: socket.AddressFamily, sockaddr: SocketAddress) -> tuple[str, str]:
    """Return this host's end of the way and an empty text, or why there is none.

    Connecting a datagram socket asks the routing table and sends nothing.
    """
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((sockaddr[0], 9, *sockaddr[2:]))
            return plain(sock.getsockname())[0], ""
    except OSError as error:
        return "", error.strerror or str(error)
