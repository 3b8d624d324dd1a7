# -*- coding: utf-8 -*-
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""From a state to what happened and what to do about it, in plain sentences."""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, ranges
from ansible_collections.plugnmeet.server.plugins.plugin_utils._verdict import Check, Result


class Advice(t.NamedTuple):
    """Why a port is not open, and the steps that mend it; both empty for one that is."""

    explanation: str
    remedy: t.List[str]


def advise(check: Check, result: Result, host: str, address: str) -> Advice:
    """Explain one result of a check of C(host), known outside as C(address)."""
    if result.state == "open" and check.verdict == "passed":
        return Advice("", [])
    if result.state == "open":
        return Advice(f"{check.vantage.inside}." if check.vantage.inside else "", _NAME_ANOTHER_VANTAGE)
    explain, remedies = _ADVICE[result.state]
    words = _Words(check, result, host, address)
    if result.gap:
        return Advice(f"No proof came back; where it was lost is not known, because {result.gap}.", remedies(words))
    return Advice(explain(words), remedies(words))


class _Words:
    """What the sentences are made of."""

    def __init__(self, check: Check, result: Result, host: str, address: str) -> None:
        self.facts = result.facts
        self.host = host
        self.address = address
        self.vantage = check.vantage.host
        self.ip = check.vantage.addresses.get(check.family or "", address)
        self.family = {"ipv4": "IPv4", "ipv6": "IPv6"}.get(check.family or "", "")
        self.protocol = check.requirement.protocol
        self.ports = f"{format_ports(result.ports)}/{self.protocol}"
        self.ranges = ranges(result.ports)

    def fact(self, name: str, otherwise: str = "") -> str:
        return str(self.facts.get(name) or otherwise)


_Explain = t.Callable[[_Words], str]
_Remedies = t.Callable[[_Words], t.List[str]]


def _port_in_use(words: _Words) -> str:
    unit = f", unit {words.fact('unit')}" if words.fact("unit") else ""
    holder = f"{words.fact('process')} (process {words.fact('pid')}{unit})" if words.fact("pid") else "the kernel"
    return f"On {words.host} it is held by {holder}, so nobody can listen there and nothing was tested."


def _free_the_port(words: _Words) -> t.List[str]:
    unit = words.fact("unit")
    if unit.endswith(".service"):
        return [f"If {words.host} does not need it: systemctl disable --now {unit}", f"If it is part of plugNmeet: add {unit} to preflight_services"]
    return [f"End what holds {words.ports} on {words.host}, or make it use another port"]


def _intercepted(words: _Words) -> str:
    if words.fact("to"):
        return f"It arrived at {words.host} on port {words.fact('to')}: the port is translated on the way."
    if words.fact("via"):
        return f"The answer came back from {words.fact('via')}, which was not asked: browsers drop such answers."
    return f"It reached {words.host}, but {words.fact('what', 'something else')} came back: something on the way answers in its place."


def _return_blocked(words: _Words) -> str:
    if words.fact("where") == "beyond":
        return f"{words.host} got the question and its answer left the network card, but never came back to {words.vantage}."
    reason = words.fact("reason", "it never got to the network card")
    return f"{words.host} got the question, but its answer was stopped on {words.host} itself: {reason}."


def _let_answers_out(words: _Words) -> t.List[str]:
    if words.fact("where") == "beyond":
        return [
            f"In the firewall in front of {words.host}, allow outgoing packets from source ports {words.ports} "
            "(a stateless firewall needs a rule of its own for the way back)"
        ]
    return [f"In {words.host}'s own firewall, allow outgoing packets from source ports {words.ports}"]


def _rejected_upstream(words: _Words) -> str:
    who = words.fact("offender", "a device on the way")
    return f"{who} refuses it with {words.fact('by')}, and nothing of it reached {words.host}'s network card."


def _open_upstream(words: _Words) -> t.List[str]:
    offender = words.fact("offender")
    where = f"the firewall at {offender}" if offender and offender != words.ip else f"the firewall in front of {words.host}"
    return [f"Open {words.ports} to {words.ip} in {where} (the provider's security group or network firewall, or the router)"]


def _open_on_host(words: _Words) -> t.List[str]:
    spans = [str(first) if first == last else f"{first}:{last}" for first, last in words.ranges]
    return [
        f"In {words.host}'s own firewall, allow incoming {words.ports}; with ufw: "
        f"ufw allow {','.join(spans[at : at + _MOST_SPANS])}/{words.protocol}"
        for at in range(0, len(spans), _MOST_SPANS)
    ]


def _untested(words: _Words) -> str:
    return f"{words.fact('reason', 'it was not asked')}."


def _could_not_ask(words: _Words) -> str:
    if not words.family:
        return _untested(words)
    return f"{words.vantage} could not ask over {words.family}: {words.fact('reason')}."


def _ask_from_elsewhere(words: _Words) -> t.List[str]:
    if not words.family:
        return [f"Mend this, or name another prober (preflight_probers) or another address than {words.address} (preflight_address)"]
    return [
        f"Probe from a host that has {words.family} (preflight_probers)",
        f"Or, if {words.host} shall not be reached over {words.family}: take the address {words.ip} out of its name",
    ]


_NAME_ANOTHER_VANTAGE = [
    "Name a host outside the target's network in preflight_probers",
    "Or, if that network is all that the server is for: preflight_vantage_check: false",
]
_MOST_SPANS = 7  # ufw takes 15 numbers in a rule

_ADVICE: t.Dict[str, t.Tuple[_Explain, _Remedies]] = {
    "port_in_use": (_port_in_use, _free_the_port),
    "intercepted": (
        _intercepted,
        lambda words: [f"Forward {words.ports} to {words.host} unchanged, port by port, with nothing in between"],
    ),
    "wrong_server": (
        lambda words: f"Not {words.host} answered at {words.ip}, but somebody else, with {words.fact('what')}.",
        lambda words: [
            f"Make {words.address} lead to {words.host}: check its DNS records and where {words.ip} forwards {words.ports}",
            "Take a CDN or proxy out of the way of that name",
        ],
    ),
    "return_blocked": (_return_blocked, _let_answers_out),
    "rejected_on_host": (
        lambda words: f"It reached {words.host}'s network card, and {words.host} itself refused it ({words.fact('by')}).",
        _open_on_host,
    ),
    "rejected_upstream": (_rejected_upstream, _open_upstream),
    "blocked_on_host": (
        lambda words: f"It reached {words.host}'s network card, and {words.host}'s own firewall dropped it.",
        _open_on_host,
    ),
    "untested": (_could_not_ask, _ask_from_elsewhere),
    "blocked_upstream": (
        lambda words: f"Nothing of it reached {words.host}'s network card, and nothing came back.",
        _open_upstream,
    ),
}
