# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the kernel keeps of ICMP errors about our datagrams: its error queue, open to every user (ip(7), IP_RECVERR)."""

from __future__ import annotations

import socket
import struct
import typing as t

from .._addresses import plain

# Linux values (include/uapi/linux/in.h, in6.h, errqueue.h); other systems have no such queue
IP_RECVERR, IPV6_RECVERR = 11, 25
_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3
_ERROR = struct.Struct("=IBBBBII")
_LEVELS = {(socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)}

TIME_EXCEEDED = "ICMP time exceeded"

# RFC 792 and RFC 1812 (types 3 and 11), RFC 4443 (types 1 and 3): destination unreachable, time exceeded
_MEANINGS = {
    (4, 3, 0): "net unreachable",
    (4, 3, 1): "host unreachable",
    (4, 3, 2): "protocol unreachable",
    (4, 3, 3): "port unreachable",
    (4, 3, 9): "net prohibited",
    (4, 3, 10): "host prohibited",
    (4, 3, 13): "admin prohibited",
    (4, 11, 0): "time exceeded",
    (6, 3, 0): "time exceeded",
    (6, 1, 0): "no route",
    (6, 1, 1): "admin prohibited",
    (6, 1, 3): "address unreachable",
    (6, 1, 4): "port unreachable",
    (6, 1, 5): "policy failed",
    (6, 1, 6): "reject route",
}

_TOO_BIG = {(4, 3, 4), (6, 2, 0)}  # no refusal: the way takes smaller packets only (RFC 1191, RFC 8201)

# What a host tells itself when a neighbour does not answer ARP or neighbour discovery
NEIGHBOUR_MISSING = ("ICMP host unreachable", "ICMP address unreachable")
# What a router says that knows no way
NO_WAY = ("ICMP net unreachable", "ICMP no route", "ICMP reject route")


class Rejection(t.NamedTuple):
    """An ICMP error about the datagram that was sent to `port`."""

    port: int
    by: str
    offender: str


def ask_for_errors(sock: socket.socket) -> None:
    """Make the kernel queue ICMP errors for `sock`, where it can."""
    if not hasattr(socket, "MSG_ERRQUEUE"):
        return
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


def read_errors(sock: socket.socket) -> list[Rejection]:
    """Return the errors that wait in the queue of `sock`."""
    rejections: list[Rejection] = []
    flag = getattr(socket, "MSG_ERRQUEUE", None)
    while flag is not None:
        try:
            dummy_data, ancillary, dummy_flags, destination = sock.recvmsg(0, 512, flag)
        except OSError:
            break
        for level, kind, data in ancillary:
            if (level, kind) in _LEVELS and destination:
                rejection = _read(data, destination[1])
                if rejection:
                    rejections.append(rejection)
    return rejections


def _read(data: bytes, port: int) -> Rejection | None:
    try:
        dummy_errno, origin, kind, code, dummy_pad, dummy_info, dummy_data = _ERROR.unpack_from(data)
        if origin == _ORIGIN_ICMP:
            version, offender = 4, socket.inet_ntoa(data[_ERROR.size + 4 : _ERROR.size + 8])
        elif origin == _ORIGIN_ICMP6:
            version, offender = 6, socket.inet_ntop(socket.AF_INET6, data[_ERROR.size + 8 : _ERROR.size + 24])
        else:
            return None  # this host's own, which the failing call reports too
    except (OSError, ValueError, struct.error):  # cut short
        return None
    if (version, kind, code) in _TOO_BIG:
        return None
    meaning = _MEANINGS.get((version, kind, code), f"type {kind} code {code}")
    return Rejection(port, f"ICMP {meaning}", plain((offender, 0))[0])
