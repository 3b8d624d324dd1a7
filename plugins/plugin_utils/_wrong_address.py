# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What to say, and what to do, about an address that is not the target's."""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import quoted
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.icmp import NEIGHBOUR_MISSING, NO_WAY
from ansible_collections.plugnmeet.server.plugins.plugin_utils._cause import Cause, parts_of
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.name import is_address
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import listing
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import Command

_LETS_ENCRYPT = "Let's Encrypt asks over IPv6 first, and falls back to IPv4 only on time-outs."
_MOST = 4  # of a kind in a sentence


class _Words:
    """What the sentences are made of; `record` is empty where outsiders use an address and no name."""

    def __init__(self, cause: Cause, host: str, address: str) -> None:
        astray = cause.astray or {}
        self.host = host
        self.name = address
        self.ip: str = astray["address"]
        self.family, record = ("IPv6", "AAAA") if ":" in self.ip else ("IPv4", "A")
        self.record = "" if is_address(address) else f"the {record} record of {address}"
        self.own: list[str] = astray["own"]
        self.ipv6_off: str = astray["ipv6_off"]
        self.beside: str = astray["beside"]
        self.arrived: bool = astray["arrived"]


def about_astray(cause: Cause, host: str, address: str) -> tuple[str, list[str]]:
    """Return explanation and remedy for `cause`, which went astray, where outsiders know `host` as `address`."""
    words = _Words(cause, host, address)
    sentences = [f"{_what_is_wrong(words)}.", f"{_what_came_of_it(words, parts_of(cause))}."]
    if words.record and words.beside and words.family == "IPv6":
        sentences.append(_LETS_ENCRYPT)
    return " ".join(sentences), _steps(words)


def _what_is_wrong(words: _Words) -> str:
    if words.ipv6_off:
        truth = f"IPv6 is switched off on {words.host} ({words.ipv6_off})"
    else:
        truth = f"{words.host} has {listing(words.own[:_MOST]) or f'no {words.family} address'}"
    if words.record:
        return f"{words.record[0].upper()}{words.record[1:]} is wrong: it leads to {words.ip}, and {truth}"
    return f"{words.ip} is not {words.host}'s address: {truth}"


def _what_came_of_it(words: _Words, parts: t.Iterable[Cause]) -> str:
    if words.arrived:
        return f"What came for it to {words.host}'s network card was dropped there, as for somebody else"
    there, on_the_way = [], []
    for part in parts:
        by, who = part.facts.get("by"), part.facts.get("offender")
        if part.state == "wrong_server":
            there.append(_answer(part.facts))
        elif by in NEIGHBOUR_MISSING:
            on_the_way.append(f"{who or 'the last router'} finds nobody there")
        elif by in NO_WAY:
            on_the_way.append(f"{who or 'a router'} knows no way there")
        elif by and who and who not in part.addresses:
            on_the_way.append(f"{who} refuses it with {by}")
        elif by:
            there.append(str(by))
    told = [f"somebody else answers there, with {listing(list(dict.fromkeys(there))[:_MOST])}"] if there else []
    told += list(dict.fromkeys(on_the_way))[:_MOST]
    return (
        f"Nothing of it reached {words.host}; {'; '.join(told)}"
        if told
        else (f"Nothing of it reached {words.host}, and nothing came back")
    )


def _answer(facts: t.Mapping[str, t.Any]) -> str:
    certificate = facts.get("certificate")
    if certificate:
        return f"the certificate of {quoted(certificate['subject'])}"
    server = f" from {quoted(facts['server'])}" if facts.get("server") else ""
    return f"{facts.get('what', 'something else')}{server}"


def _steps(words: _Words) -> list[str]:
    switch = words.ipv6_off.startswith("net.")
    give = [
        f"Or {'switch IPv6 on, and ' if switch else ''}give {words.host} the address {words.ip}",
        *([Command(f"sysctl -w {words.ipv6_off}=0")] if switch else []),
    ]
    if not words.record:
        first = f"Give the address by which outsiders reach {words.host} as preflight_address"
        return [f"{first}: {words.own[0]}" if len(words.own) == 1 else first, *give]
    if not words.own:
        mend = f"Remove {words.record} ({words.ip})"
    else:
        remove = ", or remove it" if words.beside else ""
        mend = f"Correct {words.record} to {' or '.join(words.own[:_MOST])}{remove}"
    if words.arrived or words.ipv6_off:
        return [mend, *give]
    return [mend, *give, f"Or, if {words.ip} is a router or proxy in front: make it pass all of it on to {words.host}"]
