# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The exchange of a web port: what Let's Encrypt asks to see who a domain belongs to (RFC 8555, section 8.3).

The question names a token that only this session can make, and the answer is the key authorization to it.
"""

from __future__ import annotations

import re
import typing as t
from urllib.parse import urlsplit

from .._evidence import quoted
from .._session import Session
from .shapes import Asked, Outcome, Reply, StrangerError, Turn, describe, foreign

PATH = "/.well-known/acme-challenge/"

_LONGEST_QUESTION = 4096  # a proxy on the way adds headers of its own
_LONGEST_ANSWER = 16384
_MOST_WORDS = 80  # characters
_MOST_PARTS = 64  # interim answers, or chunks: who drips many would keep this host busy
_REQUEST_LINE = re.compile(rb"GET " + re.escape(PATH.encode("ascii")) + rb"([A-Za-z0-9_-]{1,128}) HTTP/1\.[01]")
_STATUS_LINE = re.compile(rb"HTTP/[0-9.]{1,4} ([1-9][0-9]{2})(?: .*)?")
_END_OF_HEAD = b"\r\n\r\n"
# Who says so has passed the question on, or tried to (RFC 9110, sections 7.6.3 and 15.6; X-Cache is Squid's and CDNs').
_PROXY_HEADERS = ("via", "x-cache", "x-squid-error", "proxy-authenticate", "proxy-connection", "cf-ray")
_NAMES_OF_OTHERS = ("via", "server", "x-cache")  # the listener says none of it, so who does has passed the proof on
_PROXY_STATUSES = (407, 502, 503, 504)
_SWITCHING_PROTOCOLS = 101  # the one status below 200 that is the last of an answer (RFC 9110, section 15.2)
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,6})[ \t]*(?:;.*)?")
_AUTHENTICATION_REQUIRED = 511  # RFC 6585, section 6: by a network that wants a login


class _Answer(t.NamedTuple):
    """An answer's status, its headers with names in lower case, what came of its body, and whether that is all."""

    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool


class Asking:
    """The prober's end: asks for the token on `host`, a name or an address."""

    def __init__(self, session: Session, vantage: int, port: int, host: str) -> None:
        token = session.token(vantage, port)
        self._proof = session.key_authorization(token).encode("ascii")
        self._host = host
        self._path = f"{PATH}{token}"
        self._question = (
            f"GET {self._path} HTTP/1.1\r\n"
            f"Host: {authority(host)}\r\n"
            "User-Agent: plugnmeet.server preflight\r\n"
            "Accept: */*\r\n"
            "Connection: close\r\n\r\n"
        ).encode("ascii")
        self._received = b""

    def start(self) -> bytes:
        """Return the question."""
        return self._question

    def receive(self, data: bytes) -> tuple[bytes, Reply | None]:
        """Take what came; the reply is there with the answer's last byte, or where it is clearly none of ours."""
        self._received += data
        ended = not data or len(self._received) >= _LONGEST_ANSWER
        if not self._received and ended:
            return b"", foreign("the end of the connection")
        if not self._received.startswith(b"HTTP/"[: len(self._received)]):
            return b"", foreign(describe(self._received, self._question))
        answer = _read_answer(self._received)
        if answer is None:
            return b"", foreign(describe(self._received)) if ended else None
        return b"", self._check(answer) if answer.complete or ended else None

    def _check(self, answer: _Answer) -> Reply:
        if answer.status == 200 and answer.body.rstrip() == self._proof:  # RFC 8555, section 8.3
            added = next((answer.headers[name] for name in _NAMES_OF_OTHERS if answer.headers.get(name)), "")
            return Reply(Outcome.PROVEN, about={"via": _short(added)} if added else {})
        about = {"server": _short(answer.headers["server"])} if answer.headers.get("server") else {}
        what = f"HTTP status {answer.status}"
        if self._proof in answer.body:
            return foreign("this session's answer with something else around it", kind="changed", **about)
        if answer.status == _AUTHENTICATION_REQUIRED:
            return foreign(what, kind="portal", **about)
        if 300 <= answer.status < 400 and answer.headers.get("location"):
            location = answer.headers["location"]
            kind = "portal" if _is_elsewhere(location, self._host) else "redirect"
            # Most redirects keep the path, which says nothing to anybody else, and would be another in each report.
            there = quoted(_short(location.replace(self._path, "/")))
            return foreign(f"a redirect to {there}", kind=kind, **about)
        if answer.status in _PROXY_STATUSES or any(name in answer.headers for name in _PROXY_HEADERS):
            via = {"via": _short(answer.headers["via"])} if answer.headers.get("via") else {}
            return foreign(what, kind="proxy", **via, **about)
        return foreign(what, kind="server", **about)


class Answering:
    """The listener's end of a connection to `port`."""

    def __init__(self, session: Session, port: int) -> None:
        self._session = session
        self._port = port
        self._received = b""

    def receive(self, data: bytes) -> Turn:
        """Take what came; raises StrangerError for anything but a question of this session.

        Who meant another port gets no answer: the listener's own evidence tells of it.
        """
        self._received += data
        if len(self._received) > _LONGEST_QUESTION:
            raise StrangerError
        line, ended, dummy = self._received.partition(b"\r\n")
        if not ended:
            return Turn()
        match = _REQUEST_LINE.fullmatch(line)
        token = match.group(1).decode("ascii") if match else ""
        told = self._session.read_token(token)
        if not told:
            raise StrangerError
        asked = Asked(*told)
        if asked.intended_port != self._port:
            return Turn(b"", asked, complete=True)
        if _END_OF_HEAD not in self._received:
            return Turn(b"", asked)
        body = self._session.key_authorization(token).encode("ascii")
        head = (
            "HTTP/1.1 200 OK\r\n"
            "Content-Type: application/octet-stream\r\n"
            f"Content-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        return Turn(head.encode("ascii") + body, asked, complete=True, closes=True)


def _read_answer(data: bytes) -> _Answer | None:
    """Take an answer apart, the last after interim ones; None while that has no whole head, and for no HTTP at all."""
    for dummy_part in range(_MOST_PARTS):
        head, ended, data = data.partition(_END_OF_HEAD)
        status_line, *lines = head.split(b"\r\n")
        match = _STATUS_LINE.fullmatch(status_line)
        if not ended or not match:
            return None
        status = int(match.group(1))
        if status >= 200 or status == _SWITCHING_PROTOCOLS:
            break
    headers: dict[str, str] = {}
    for line in lines:
        name, dummy, value = line.decode("latin-1").partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _Answer(status, headers, *_join_chunks(data))
    length = headers.get("content-length", "")
    # Without a usable length the body ends with the connection (RFC 9112, section 6.3).
    size = int(length) if length.isascii() and length.isdecimal() and len(length) < 10 else None
    return _Answer(status, headers, data[:size], size is not None and len(data) >= size)


def _join_chunks(data: bytes) -> tuple[bytes, bool]:
    """Return what came of a body in chunks, and whether that is all (RFC 9112, section 7.1)."""
    body = b""
    for dummy in range(_MOST_PARTS):
        line, ended, data = data.partition(b"\r\n")
        match = _CHUNK_SIZE.fullmatch(line)
        if not ended or not match:
            return body, False
        size = int(match.group(1), 16)
        if size == 0:
            return body, True
        body += data[:size]
        data = data[size + 2 :]
    return body, False


def _short(text: str) -> str:
    """A stranger's words, as many as a sentence bears."""
    return text if len(text) <= _MOST_WORDS else f"{text[: _MOST_WORDS - 1]}…"


def authority(host: str) -> str:
    """`host` as a Host header and a URL have it (RFC 9110, section 7.2)."""
    if ":" in host:
        return f"[{host.partition('%')[0]}]"
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:  # it did resolve, so let the other end judge
        return host.encode("ascii", "replace").decode("ascii")


def _is_elsewhere(location: str, host: str) -> bool:
    """Tell whether a redirect leads away from the site at `host`; of a bare address nobody knows the site."""
    try:
        there = urlsplit(location).hostname or ""
    except ValueError:
        return True
    if ":" in host or host.replace(".", "").isdecimal():
        return False
    there, here = (authority(name).lower().rstrip(".") for name in (there, host))
    return bool(there) and not f".{there}".endswith(f".{here}") and not f".{here}".endswith(f".{there}")
