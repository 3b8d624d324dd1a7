# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Which exchange a TCP connection speaks: the prober knows from the table, the listener from the first byte."""

from __future__ import annotations

from .._session import Session
from . import http, https, ice_tcp
from .shapes import Address, Answering, Asking, StrangerError
from .transactions import Transactions

_TLS_HANDSHAKE = 0x16  # RFC 8446, section 5.1
_METHOD = ord("G")


def asking(speaks: str, session: Session, vantage: int, port: int, host: str) -> Asking:
    """Return the prober's end of what `port` speaks; raises PreflightError for a session that cannot speak it."""
    if speaks == "https":
        return https.Asking(session, vantage, port, host)
    if speaks == "http":
        return http.Asking(session, vantage, port, host)
    return ice_tcp.Asking(session, vantage, port)


def asking_under_a_name(speaks: str, session: Session, vantage: int, port: int, host: str) -> Asking | None:
    """Return a prober's end that shows the target who opens TLS on the way; None for what is no TLS, or no name.

    It is no proof of anything else: who looks at names lets that of the target through, or not.
    """
    name = https.name_with_token(session, vantage, port, host) if speaks == "https" else ""
    return https.Asking(session, vantage, port, name) if name else None


class Answerers:
    """Makes the listener's ends of connections; raises PreflightError for a session that does not work.

    `transactions` are those of its connectivity checks, over UDP too.
    """

    def __init__(self, session: Session) -> None:
        self.transactions = Transactions()
        self.session = session
        self._context = https.server_context(session)

    def answering(self, first: bytes, peer: Address, local: Address) -> Answering:
        """Return the end for a connection from `peer` to `local` that begins with `first`.

        A byte is enough: neither TLS nor a request can be a frame, which would be too long. Raises StrangerError.
        """
        if first[0] == _TLS_HANDSHAKE:
            if self._context is None:
                raise StrangerError
            return https.Answering(self.session, local[1], self._context)
        if first[0] == _METHOD:
            return http.Answering(self.session, local[1])
        return ice_tcp.Answering(self.session, peer, local, self.transactions)
