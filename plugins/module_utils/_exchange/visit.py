# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What a visitor and the listener say to each other besides connectivity checks: the page, its result, and plain text.

The page is asked for at a path that nobody guesses, and the result comes back there, signed with the visitors' secret.
What is neither is the text of who types into netcat: it is shown, and gets no answer.
"""

from __future__ import annotations

import re
import typing as t

from .._session import Session
from .http import PATH as ACME_PATH
from .http import Answering as AcmeAnswering
from .shapes import Address, Answering, Asked, StrangerError, Turn
from .stream import Answerers

# Of Firefox that ran out of time: every other port of two ranges of ten thousand, over both families, makes 185 KB
LONGEST_RESULT = 256 << 10
LONGEST_TEXT = 60  # characters of what somebody types
SIGNATURE = "X-Plugnmeet-Signature"

_LONGEST_HEAD = 8192
_END_OF_HEAD = b"\r\n\r\n"
_REQUEST_LINE = re.compile(rb"(GET|HEAD|POST|OPTIONS) (\S{1,2048}) HTTP/1\.[01]")
_METHODS = (b"GET ", b"HEAD ", b"POST ", b"OPTIONS ")
_LENGTH = re.compile(rb"content-length:[ \t]*([0-9]{1,6})[ \t]*", re.IGNORECASE)
# The page may come from a file, and then its origin is none; who has the path may read what is there.
_CORS = "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Private-Network: true\r\n"


class Guestbook(t.Protocol):
    """Where visitors leave what they bring."""

    def result(self, body: bytes, port: int) -> bool:
        """Take a signed result, `mac:json`; tell whether it is one of this session."""

    def text(self, protocol: str, peer: Address, port: int, data: bytes) -> None:
        """Take what somebody typed."""


class VisitAnswerers(Answerers):
    """Makes the listener's ends of connections in a visit."""

    def __init__(self, session: Session, page: bytes, guestbook: Guestbook) -> None:
        super().__init__(session)
        self._page = page
        self._guestbook = guestbook

    def answering(self, first: bytes, peer: Address, local: Address) -> Answering:
        """Return the end for a connection from `peer` to `local` that begins with `first`."""
        if is_text(first[:1]):
            return Hosting(self.session, self._page, self._guestbook, peer, local[1])
        return super().answering(first, peer, local)


class Hosting:
    """The listener's end of a connection that begins with text: a web browser's, an ACME question, or netcat's."""

    def __init__(self, session: Session, page: bytes, guestbook: Guestbook, peer: Address, port: int) -> None:
        self._session = session
        self._page = page
        self._guestbook = guestbook
        self._peer = peer
        self._port = port
        self._received = b""
        self._acme: AcmeAnswering | None = None

    def receive(self, data: bytes) -> Turn:
        """Take what came; raises StrangerError for what gets no answer."""
        if self._acme:
            return self._acme.receive(data)
        self._received += data
        if not any(method.startswith(self._received[: len(method)]) for method in _METHODS):
            return self._typed()
        if self._received.startswith(b"GET " + ACME_PATH.encode("ascii")):
            self._acme = AcmeAnswering(self._session, self._port)
            return self._acme.receive(self._received)
        head, ended, body = self._received.partition(_END_OF_HEAD)
        if not ended:
            if len(head) > _LONGEST_HEAD:
                raise StrangerError
            return Turn()
        line, *headers = head.split(b"\r\n")
        match = _REQUEST_LINE.fullmatch(line)
        if not match or match.group(2) != self._session.visit_path.encode("ascii"):
            raise StrangerError
        return self._answer(match.group(1), headers, body)

    def _typed(self) -> Turn:
        """Wait for the end of the line, or for as much of it as is shown."""
        if b"\n" in self._received or b"\r" in self._received or len(self._received) > LONGEST_TEXT:
            self._guestbook.text("tcp", self._peer, self._port, self._received)
            return Turn(asked=Asked(None, None), complete=True)
        return Turn()

    def _answer(self, method: bytes, headers: list[bytes], body: bytes) -> Turn:
        if method != b"POST":
            return _reply("200 OK", self._page if method == b"GET" else b"", "text/html; charset=utf-8")
        lengths = [match.group(1) for match in map(_LENGTH.fullmatch, headers) if match]
        if len(lengths) != 1 or int(lengths[0]) > LONGEST_RESULT:
            raise StrangerError
        if len(body) < int(lengths[0]):
            return Turn()
        taken = self._guestbook.result(body[: int(lengths[0])], self._port)
        return _reply("200 OK" if taken else "403 Forbidden", b"thank you" if taken else b"", "text/plain")


def _reply(status: str, body: bytes, kind: str) -> Turn:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{_CORS}"
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
        "Connection: close\r\n\r\n"
    )
    return Turn(head.encode("ascii") + body, Asked(None, None), complete=True, closes=True)


def is_text(data: bytes) -> bool:
    """Tell whether `data` begins as what somebody types does; neither TLS, STUN nor a frame of it can."""
    return data[:1].isascii() and (data[:1].decode("ascii").isprintable() or data[:1].isspace()) and bool(data)


def shown(data: bytes) -> str:
    """What somebody typed, its first line, as it may stand on a screen; bounded, and without control characters."""
    line = (data.strip().splitlines() or [b""])[0]
    return "".join(letter if letter.isprintable() else "?" for letter in line.decode("utf-8", "replace"))[:LONGEST_TEXT]
