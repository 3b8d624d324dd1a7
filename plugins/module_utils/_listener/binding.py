# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Bind every port of the table, on both address families, and say who stands in the way."""

from __future__ import annotations

import errno
import os
import resource
import socket
import typing as t

from .._errors import PreflightError
from .._requirement import Requirement
from .proc_net import Holder, holders

# Linux values (include/uapi/linux/in.h, in6.h); the socket module lacks the first
IP_PKTINFO = 8
BACKLOG = 4096  # or what the system allows (listen(2)): a flood fills it while the loop is with other sockets
SPARE_DESCRIPTORS = 64  # for conversations, the tap and what the interpreter needs
MOST_SHARES = 32

Port = t.Tuple[str, int]


class Bound(t.NamedTuple):
    """The sockets by protocol and port, and who holds those that could not be had."""

    sockets: dict[Port, socket.socket]
    in_use: dict[Port, Holder]


def shares(requirements: t.Iterable[Requirement]) -> list[list[Port]]:
    """Return the ports in shares, each as large as one process may hold; those of TCP are in the first ones.

    Raises PreflightError where that would be more processes than anybody wants.
    """
    wanted = [(row.protocol, port) for row in requirements for port in sorted(row.ports)]
    wanted.sort(key=lambda port: port[0] != "tcp")
    room = _room(len(wanted) + SPARE_DESCRIPTORS) - SPARE_DESCRIPTORS
    if len(wanted) > room * MOST_SHARES:
        raise PreflightError(
            f"the target allows {room + SPARE_DESCRIPTORS} open files to a process, too few for {len(wanted)} ports; "
            "raise the hard limit (LimitNOFILE of ssh.service) or test fewer ports at once"
        )
    return [wanted[at : at + room] for at in range(0, len(wanted), max(1, room))]


def _room(wanted: int) -> int:
    """How many descriptors this process may have, up to `wanted`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def bind(share: t.Iterable[Port]) -> Bound:
    """Bind each port with a socket of its own: one that stood for several would call a rewritten port open.

    Raises PreflightError when the host does not let us, for any reason but a port in use.
    """
    family = _family()
    bound: dict[Port, socket.socket] = {}
    busy: dict[str, set[int]] = {"tcp": set(), "udp": set()}
    try:
        for protocol, port in share:
            try:
                bound[protocol, port] = _bind(family, protocol, port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise PreflightError(_refusal(error, protocol, port)) from error
                busy[protocol].add(port)
    except BaseException:
        for sock in bound.values():
            sock.close()
        raise
    in_use = {
        (protocol, port): holder
        for protocol, ports in busy.items()
        if ports
        for port, holder in holders(protocol, ports).items()
    }
    return Bound(bound, in_use)


def _family() -> socket.AddressFamily:
    """One IPv6 socket serves both families; IPv4 alone where IPv6 is switched off."""
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError:
        return socket.AF_INET
    return socket.AF_INET6


def _bind(family: socket.AddressFamily, protocol: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if protocol == "tcp":
            # Past connections of the stopped services must not block the port. Never on UDP: there it would let two
            # processes share a port, and the later one steal the traffic.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        sock.bind(("", port))
        if protocol == "tcp":
            sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _refusal(error: OSError, protocol: str, port: int) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        if os.geteuid() == 0:
            return (
                f"the target does not let even root listen on {port}/{protocol} ({error.strerror}); "
                "look at what SELinux, AppArmor or the container that it runs in have logged"
            )
        return f"the target does not let this user listen on {port}/{protocol}; run with become: true"
    return f"the target cannot listen on {port}/{protocol}: {error.strerror}"
