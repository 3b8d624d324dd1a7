# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The source socket of a sweep, and what the kernel tells of it."""

from __future__ import annotations

import socket
import struct

from . import icmp

# Linux values (include/uapi/asm-generic/socket.h, linux/sock_diag.h); other systems have no such counter
_SO_MEMINFO = 55
_MEMINFO = struct.Struct("9I")
_DROPS = 8

_RECEIVE_BUFFER = 8 << 20  # bytes


def open_socket(family: socket.AddressFamily) -> socket.socket:
    """Return a datagram socket with as much room for answers as this user may have, that queues ICMP errors."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    _make_room(sock)
    icmp.ask_for_errors(sock)
    return sock


def _make_room(sock: socket.socket) -> None:
    """Linux gives as much as this user may have; BSD and macOS give nothing to who asks for more than that."""
    size = _RECEIVE_BUFFER
    while size:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
            return
        except OSError:
            size //= 2


def drops(sock: socket.socket) -> int:
    """Return how many datagrams came for `sock` and found no room; 0 where the system does not count them."""
    try:
        counters = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        return int(_MEMINFO.unpack(counters)[_DROPS])
    except (OSError, struct.error):
        return 0
