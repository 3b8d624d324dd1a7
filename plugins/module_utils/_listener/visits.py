# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Who visits: browsers with the page, each a vantage of its own, and people with netcat.

A visitor is known by the name that its page made up, and gets the next free vantage number with its first question.
"""

from __future__ import annotations

import json
import typing as t

from .._exchange.shapes import Address, Asked
from .._exchange.visit import LONGEST_RESULT, is_text, shown
from .._ports import format_ports
from .._session import VANTAGES, Session

_MOST_TEXTS = 50
_MOST_SOURCES = 8  # addresses of a visitor
_DEEPEST = 20  # lists and objects in each other: the page makes a few
_LONGEST_NUMBER = 20  # digits


class Visits:
    """The visitors of a session; `clock` counts seconds."""

    def __init__(self, session: Session, clock: t.Callable[[], float]) -> None:
        self._session = session
        self._clock = clock
        self._visitors: dict[str, _Visitor] = {}
        self._texts: dict[tuple[str, str, int, str], int] = {}

    def asked(self, asked: Asked, protocol: str, peer: Address, port: int) -> Asked:
        """Note a question that came to `port`; return it with the number of the visitor's vantage."""
        if not asked.visitor:
            return asked
        visitor = self._visitor(asked.visitor)
        if visitor is None:
            return asked
        visitor.seen = self._clock()
        visitor.arrived[protocol].add(port)
        if len(visitor.addresses) < _MOST_SOURCES:
            visitor.addresses.setdefault(peer[0])
        return Asked(visitor.number, port, asked.visitor)

    def datagram(self, peer: Address, port: int, data: bytes) -> bool:
        """Take a datagram that proves nothing; tell whether somebody typed it."""
        typed = is_text(data)
        if typed:
            self.text("udp", peer, port, data)
        return typed

    def text(self, protocol: str, peer: Address, port: int, data: bytes) -> None:
        """Take what somebody typed."""
        key = (protocol, peer[0], port, shown(data))
        if key in self._texts or len(self._texts) < _MOST_TEXTS:
            self._texts[key] = self._texts.get(key, 0) + 1

    def result(self, body: bytes, port: int = 0) -> bool:
        """Take a result, `mac:json`, that came to TCP `port`, or was pasted; tell whether it is one of this session."""
        mac, dummy, signed = body[:LONGEST_RESULT].partition(b":")
        if not self._session.is_result(mac.decode("latin-1"), signed):
            return False
        try:
            told = _parse(signed)
            visitor = self._visitor(str(told["visitor"]))
        except (ValueError, KeyError, TypeError):
            return False
        if visitor is None:
            return False
        visitor.seen, visitor.result, visitor.brought_to = self._clock(), told, port
        return True

    def number(self, name: str) -> int | None:
        """The vantage number of a visitor; None for one that did not ask yet."""
        visitor = self._visitors.get(name)
        return visitor.number if visitor else None

    def numbers(self) -> dict[str, set[int]]:
        """The vantage numbers of the visitors behind each address."""
        found: dict[str, set[int]] = {}
        for visitor in self._visitors.values():
            for address in visitor.addresses:
                found.setdefault(address, set()).add(visitor.number)
        return found

    def facts(self) -> dict[str, t.Any]:
        """Who was here, and what was typed, as the controller takes it."""
        now = self._clock()
        return {
            "visitors": [
                {
                    "visitor": name,
                    "vantage": visitor.number,
                    "addresses": [*visitor.addresses],
                    "arrived": {protocol: format_ports(ports) for protocol, ports in visitor.arrived.items()},
                    "quiet": round(now - visitor.seen, 1),
                    "result": visitor.result,
                    "brought_to": visitor.brought_to,
                }
                for name, visitor in self._visitors.items()
            ],
            "texts": [
                {"protocol": protocol, "address": address, "port": port, "text": text, "count": count}
                for (protocol, address, port, text), count in self._texts.items()
            ],
        }

    def _visitor(self, name: str) -> _Visitor | None:
        """The visitor of that name, a new one if need be; None where there are too many."""
        if name not in self._visitors:
            if len(self._visitors) >= VANTAGES or not (len(name) == 8 and name.isalnum() and name.isascii()):
                return None
            self._visitors[name] = _Visitor(len(self._visitors), self._clock())
        return self._visitors[name]


def _parse(body: bytes) -> t.Any:
    """What a result says; raises ValueError for what is no JSON, or one that others down the line would not take."""
    depth = 0
    for byte in body:
        depth += (byte in b"[{") - (byte in b"]}")
        if depth > _DEEPEST:
            raise ValueError(f"deeper than {_DEEPEST}")
    return json.loads(body.decode("utf-8"), parse_int=_number, parse_constant=_number)


def _number(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


class _Visitor:
    """A browser; `seen` is when it last said anything, `result` what it told at the end, over TCP port `brought_to`."""

    def __init__(self, number: int, now: float) -> None:
        self.number = number
        self.seen = now
        self.addresses: dict[str, None] = {}
        self.arrived: dict[str, set[int]] = {"tcp": set(), "udp": set()}
        self.result: dict[str, t.Any] | None = None
        self.brought_to = 0
