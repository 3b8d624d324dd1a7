# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Keep junk out of the process: who is bothered by a stranger once, has the kernel sort out what comes after.

A socket gets its filter with the first datagram that is no question of this session. So a sweep that nobody disturbs
pays nothing for it, and a flood costs us one datagram a port. What a filter takes is looked at as closely as ever.
"""

from __future__ import annotations

import contextlib
import socket
import struct

from .._stun import BINDING_REQUEST, HEADER_LENGTH, MAGIC_COOKIE, USERNAME
from . import bpf

# include/uapi/asm-generic/socket.h, linux/sock_diag.h
SO_MEMINFO = 55
_MEMINFO = struct.Struct("9I")
_DROPS = 8

_UDP_HEADER = 8
_MOST_ATTRIBUTES = 8  # that stand before USERNAME: a prober's has none there, browsers' have a few
_ALL = 0xFFFF


class Junk:
    """The filters of the sockets that met junk."""

    def __init__(self, session_id: str) -> None:
        self._program = _filter(session_id)
        self._filtered: dict[int, socket.socket] = {}

    def came_to(self, sock: socket.socket) -> None:
        """Let `sock` have nothing more of that kind."""
        if sock.fileno() in self._filtered:
            return  # it is well made: there is no telling it from a question without the secret
        self._filtered[sock.fileno()] = sock
        with contextlib.suppress(OSError):  # without memory for it we go on looking at each datagram ourselves
            bpf.attach(sock, self._program)

    def kept_out(self) -> int:
        """Return how many datagrams the kernel has dropped at those sockets, be it that they had no room."""
        return sum(map(_drops, self._filtered.values()))


def _drops(sock: socket.socket) -> int:
    try:
        return int(_MEMINFO.unpack(sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO.size))[_DROPS])
    except (OSError, struct.error):  # Linux before 4.12 does not tell
        return 0


def _filter(session_id: str) -> bytes:
    """A Binding request whose USERNAME begins with the id; register X goes from attribute to attribute."""
    program: list[bpf.Instruction] = [
        (bpf.LOAD_HALF, _UDP_HEADER),
        (bpf.IF_EQUAL, BINDING_REQUEST, "request", "leave"),
        "request",
        (bpf.LOAD_WORD, _UDP_HEADER + 4),
        (bpf.IF_EQUAL, MAGIC_COOKIE, "stun", "leave"),
        "stun",
        (bpf.LOAD_X, _UDP_HEADER + HEADER_LENGTH),
    ]
    for number in range(_MOST_ATTRIBUTES):
        program += [
            (bpf.LOAD_HALF_AT_X, 0),
            (bpf.IF_EQUAL, USERNAME, "username", f"behind {number}"),
            f"behind {number}",
            (bpf.LOAD_HALF_AT_X, 2),
            (bpf.ADD, 4 + 3),  # its header, and what fills it up to 32 bits
            (bpf.AND, 0xFFFFFFFC),
            (bpf.ADD_X, 0),
            (bpf.TO_X, 0),
        ]
    return bpf.assemble(
        [
            *program,
            (bpf.LOAD_HALF_AT_X, 0),
            (bpf.IF_EQUAL, USERNAME, "username", "leave"),
            "username",
            *bpf.is_id(session_id, 4, "take", "leave"),
            "take",
            (bpf.RETURN, _ALL),
            "leave",
            (bpf.RETURN, 0),
        ]
    )
