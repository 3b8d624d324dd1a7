# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""A visitor's result, as it may go on to the controller: what is known of it, and nothing else.

Whoever has the page can sign anything. What goes on as it came could be a key that means something to Ansible, or text
that no JSON can be made of again.
"""

from __future__ import annotations

import json
import math
import re
import typing as t

from .._evidence import FAMILIES, PROTOCOLS, printable
from .._ports import HIGHEST, LOWEST, format_ports

_DEEPEST = 20  # lists and objects in each other: the page makes a few
_LONGEST_NUMBER = 20  # digits
_LONGEST_AGENT = 60  # characters

# As formatFates in roles/visit/files/probe.js writes it
_OPEN, _LIMITED, _SILENT, _UNASKED = "o", "l", "s", "u"
_RUN = re.compile(r"([olsu])([0-9]*)", re.ASCII)
_STRETCH = re.compile(r"([0-9]{1,5})((?:[olsu](?:[1-9][0-9]{0,4})?)+)", re.ASCII)

Facts = t.Dict[str, t.Any]


def read_result(body: bytes) -> Facts:
    """Return what a result says, with nothing in it that no page makes; raises ValueError where that cannot be."""
    told = _object(_parse(body))
    families = _object(told.get("families", {}))
    return {
        "visitor": _text(told.get("visitor")),
        "agent": printable(_text(told.get("agent", "")))[:_LONGEST_AGENT].strip(),
        "families": {family: _family(families[family]) for family in FAMILIES if family in families},
        "seconds": _finite(told.get("seconds", 0)),
        "trouble": printable(_text(told.get("trouble", ""))).strip(),
    }


def _family(value: t.Any) -> Facts:
    told = _object(value)
    return {protocol: _ports(_text(told[protocol])) for protocol in PROTOCOLS if protocol in told}


def _ports(text: str) -> Facts:
    """Return which ports were asked, which of them were open, and which may be silent by a limit on the way.

    `443o,50000os2` is: 443 and 50000 were open, 50001 and 50002 silent.
    """
    found: dict[str, list[int]] = {_OPEN: [], _LIMITED: [], _SILENT: [], _UNASKED: []}
    free = LOWEST
    for stretch in text.split(",") if text else ():
        match = _STRETCH.fullmatch(stretch)
        if not match or int(match.group(1)) < free:
            raise ValueError("no ports in their order")
        free = int(match.group(1))
        for fate, times in _RUN.findall(match.group(2)):
            first, free = free, free + int(times or 1)
            if free > HIGHEST + 1:
                raise ValueError("no port")
            found[fate] += range(first, free)
    return {
        "asked": format_ports(found[_OPEN] + found[_SILENT]),
        "open": format_ports(found[_OPEN]),
        "limited": format_ports(found[_LIMITED]),
    }


def _object(value: t.Any) -> Facts:
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _text(value: t.Any) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _finite(value: t.Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("no finite number")
    return float(value)


def _parse(body: bytes) -> t.Any:
    """Take JSON apart; raises ValueError for what is none, or would keep Python busy."""
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
