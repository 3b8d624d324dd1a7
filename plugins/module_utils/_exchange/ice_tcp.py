# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The exchange of an ICE-TCP port: the connectivity check of `stun`, framed for a stream (RFC 4571; RFC 6544)."""

from __future__ import annotations

import os
import struct

from .._session import Session
from . import stun
from .shapes import Address, Reply, StrangerError, Turn, describe, foreign
from .transactions import Transactions

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


class Asking:
    """The prober's end."""

    def __init__(self, session: Session, vantage: int, port: int) -> None:
        self._session = session
        self._port = port
        self._transaction_id = os.urandom(12)
        self._question = stun.ask(session, vantage, port, self._transaction_id, os.urandom(8))
        self._received = b""

    def start(self) -> bytes:
        """Return the framed question."""
        return frame(self._question)

    def receive(self, data: bytes) -> tuple[bytes, Reply | None]:
        """Take what came; the reply is there with its frame's last byte."""
        self._received += data
        try:
            message = unframe(self._received)
        except ValueError:
            return b"", foreign(describe(self._received))
        if message is not None:
            return b"", stun.check(message, self._session, self._port, self._transaction_id)
        if data:
            return b"", None
        return b"", foreign(describe(self._received) if self._received else "the end of the connection")


class Answering:
    """The listener's end of a connection from `peer` to `local`."""

    def __init__(self, session: Session, peer: Address, local: Address, transactions: Transactions) -> None:
        self._session = session
        self._peer = peer
        self._local = local
        self._transactions = transactions
        self._received = b""

    def receive(self, data: bytes) -> Turn:
        """Take what came; raises StrangerError for anything but a question of this session."""
        self._received += data
        try:
            question = unframe(self._received)
        except ValueError as error:
            raise StrangerError from error
        if question is None:
            return Turn()
        answered = stun.answer(question, self._session, self._peer, self._local)
        if answered is None or self._transactions.is_replay(question[8:20], self._peer, self._local[1]):
            raise StrangerError
        reply, asked = answered
        return Turn(frame(reply), asked, complete=True)
