# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the exchanges have in common: who asks, what an answer is worth, and how the two ends of a stream look.

No end touches a socket: bytes that came go in, bytes to send come out.
"""

from __future__ import annotations

import enum
import typing as t

Address = t.Tuple[str, int]

ECHO = "the question itself, sent back"
_SHORTEST_ECHO = 8  # bytes; fewer of a stream may be chance


class Asked(t.NamedTuple):
    """What the listener learns from a question of its session; both None for a third party's ICE agent.

    A visitor has a name, `visitor`, and does not say which port it means. What was `passed_on` came from somebody on
    the way, who had it from the vantage.
    """

    vantage: int | None
    intended_port: int | None
    visitor: str = ""
    passed_on: bool = False


class Outcome(enum.Enum):
    """What an answer is worth to the prober."""

    PROVEN = "proven"  # this session's listener, on the intended port
    MOVED = "moved"  # this session's listener, on another port
    FOREIGN = "foreign"  # somebody else


class Reply(t.NamedTuple):
    """A checked answer.

    `mapped` is the prober as the listener sees it and `origin` the listener's own end, where the protocol tells them.
    `about` describes a foreign answer: `what` it was, and what else is known. `certificate` (DER) came with it. Of a
    proof it says `via` whom it came, if somebody has left a name there.
    """

    outcome: Outcome
    mapped: Address | None = None
    origin: Address | None = None
    about: t.Mapping[str, str] = {}
    certificate: bytes = b""


class StrangerError(Exception):
    """The other end of a connection is not of this session: it gets no byte."""


class Turn(t.NamedTuple):
    """What the listener does after some bytes came on a stream.

    `asked` is set as soon as the question is known to be this session's, and `complete` when `send` ends the answer.
    After the last answer of a stream it `closes` its side.
    """

    send: bytes = b""
    asked: Asked | None = None
    complete: bool = False
    closes: bool = False


class Asking(t.Protocol):
    """The prober's end of a stream."""

    def start(self) -> bytes:
        """Return what to send first."""

    def receive(self, data: bytes) -> tuple[bytes, Reply | None]:
        """Take what came, empty for the end of the stream; return what to send, and the reply once it is whole.

        At the end of the stream there is always a reply.
        """


class Answering(t.Protocol):
    """The listener's end of a stream."""

    def receive(self, data: bytes) -> Turn:
        """Take what came; raises StrangerError."""


def foreign(what: str, **about: str) -> Reply:
    """The reply that somebody else gave."""
    return Reply(Outcome.FOREIGN, about={"what": what, **about})


def describe(data: bytes, question: bytes = b"") -> str:
    """A stranger's answer to `question` in words that are safe to print: its first line, or its length."""
    if not data:
        return "an empty packet"
    said = data[: len(question)]
    if len(said) >= _SHORTEST_ECHO and question.startswith(said):
        return ECHO
    line = data.split(b"\n", 1)[0].strip()[:60]
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "?" for byte in line)
    return f'"{text}"' if len(text) > 3 and text.count("?") < len(text) / 4 else f"{len(data)} bytes"
