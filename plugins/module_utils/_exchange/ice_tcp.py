# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The exchange of an ICE-TCP port: the connectivity check of `stun`, framed for a stream (RFC 4571; RFC 6544)."""

from __future__ import annotations

import struct

_LENGTH = struct.Struct("!H")  # RFC 4571, section 2

# More than any connectivity check; a peer that announces more is none of ours.
LONGEST = 1024


def frame(message: bytes) -> bytes:
    """Put `message` into a frame."""
    return _LENGTH.pack(len(message)) + message


def unframe(data: bytes) -> bytes | None:
    """Return the first frame's message; None while it is incomplete.

    Raises ValueError for a length that no connectivity check has: the stream speaks something else.
    """
    if len(data) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(data)
    if not 20 <= length <= LONGEST:
        raise ValueError("no connectivity check")
    end = _LENGTH.size + length
    return data[_LENGTH.size : end] if len(data) >= end else None
