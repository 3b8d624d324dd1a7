# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The mark in a SYN by which the listener knows whose it is (see `_session.MARKS`)."""

from __future__ import annotations

import socket


def take_mark(sock: socket.socket, mark: int) -> bool:
    """Have the SYN of `sock` carry `mark`; tell whether the system takes it.

    BSD and macOS take no maximum segment size above their default, 512 over IPv4.
    """
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mark)
    except OSError:
        return False
    return True
