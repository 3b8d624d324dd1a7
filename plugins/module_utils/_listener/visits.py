# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Who visits: browsers with the page, each a vantage of its own, and people with netcat.

A visitor is known by the name that its page made up, and gets the next free vantage number with its first question.
"""

from __future__ import annotations

import collections
import json
import typing as t

from .._exchange.shapes import Address, Asked
from .._exchange.visit import LONGEST_RESULT, is_text, shown
from .._ports import format_ports
from .._session import VANTAGES, Session
from .results import read_result

_MOST_TEXTS = 50
_MOST_SOURCES = 8  # addresses of a visitor
_MOST_RESULTS = 8 << 20  # bytes of all results together; each look of the controller takes them along


class Visits:
    """The visitors of a session; `clock` counts seconds."""

    def __init__(self, session: Session, clock: t.Callable[[], float]) -> None:
        self._session = session
        self._clock = clock
        self._visitors: dict[str, _Visitor] = {}
        self._texts: dict[tuple[str, str, int, str], int] = {}
        self._dropped = 0  # texts

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
        if key not in self._texts and len(self._texts) >= _MOST_TEXTS:
            self._drop_text()
        self._texts[key] = self._texts.get(key, 0) + 1

    def _drop_text(self) -> None:
        """Drop the oldest text of the address that has the most, so that nobody's junk keeps out others' words."""
        ((address, dummy),) = collections.Counter(key[1] for key in self._texts).most_common(1)
        self._dropped += self._texts.pop(next(key for key in self._texts if key[1] == address))

    def result(self, body: bytes, port: int = 0) -> bool:
        """Take a result, `mac:json`, that came to TCP `port`, or was pasted; tell whether it is one of this session."""
        mac, dummy, signed = body.partition(b":")
        if len(body) > LONGEST_RESULT or not self._session.is_result(mac.decode("latin-1"), signed):
            return False
        try:
            told = read_result(signed)
        except ValueError:
            return False
        visitor = self._visitor(told["visitor"])
        size = len(json.dumps(told))
        kept = sum(each.size for each in self._visitors.values() if each is not visitor)
        if visitor is None or kept + size > _MOST_RESULTS:
            return False
        visitor.seen, visitor.result, visitor.size, visitor.brought_to = self._clock(), told, size, port
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

    def vantages(self) -> range:
        """The vantage numbers of all visitors."""
        return range(len(self._visitors))

    def has(self, address: str) -> bool:
        """Tell whether a visitor is behind this address."""
        return any(address in visitor.addresses for visitor in self._visitors.values())

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
            "texts_dropped": self._dropped,
        }

    def _visitor(self, name: str) -> _Visitor | None:
        """The visitor of that name, a new one if need be; None where there are too many."""
        if name not in self._visitors:
            if len(self._visitors) >= VANTAGES or not (len(name) == 8 and name.isalnum() and name.isascii()):
                return None
            self._visitors[name] = _Visitor(len(self._visitors), self._clock())
        return self._visitors[name]


class _Visitor:
    """A browser; `seen` is when it last said anything.

    `result` is what it told at the end, in `size` bytes, over TCP port `brought_to`.
    """

    def __init__(self, number: int, now: float) -> None:
        self.number = number
        self.seen = now
        self.addresses: dict[str, None] = {}
        self.arrived: dict[str, set[int]] = {"tcp": set(), "udp": set()}
        self.result: dict[str, t.Any] | None = None
        self.size = 0
        self.brought_to = 0
