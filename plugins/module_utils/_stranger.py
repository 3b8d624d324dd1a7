# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The question of a stranger to a STUN server, without credentials (RFC 8489, section 7.3.1)."""

from __future__ import annotations

import os
import socket
import typing as t

from . import _stun
from ._addresses import plain_ip

NOBODY = "nobody answers"

_TRIES = 4
_MOST = 4096


def ask_stun(to: tuple[t.Any, ...], patience: float) -> str:
    """Return the address under which the server at the socket address `to` sees us; raises OSError if it is silent."""
    transaction_id = os.urandom(12)
    request = _stun.HEADER.pack(_stun.BINDING_REQUEST, 0, _stun.MAGIC_COOKIE, transaction_id)
    with socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(patience / _TRIES)
        sock.connect(to)
        for dummy in range(_TRIES):
            sock.send(request)
            try:
                message = _stun.parse(sock.recv(_MOST))
                if message.type == _stun.BINDING_SUCCESS and message.transaction_id == transaction_id:
                    value = message.attributes.get(_stun.XOR_MAPPED_ADDRESS, b"")
                    return plain_ip(_stun.unpack_address(_stun.xor_address(value, transaction_id))[0])
            except (socket.timeout, _stun.StunError):
                continue
    raise OSError(NOBODY)
