# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The server's own packet filter: which of its rules stops a port, and the commands that let it through."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import printable
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, read_ports
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import ServerCommand

_OUTWARD = ("output", "postrouting", "egress")
_MOST_RULES = 500
_MOST_SPANS = 5  # in a command: multiport and ufw take 15 numbers, and a line of the screen holds five spans
# These stand in commands that are there to be copied. To a shell a name can be quoted, but nft reads it once more.
_NAMES = ("manager", "zone", "table", "chain")
_NAME = re.compile(r"[A-Za-z0-9_./ -]*", re.ASCII)
_UFW_USERS_OWN = ("ufw-user-input", "ufw6-user-input")
_TEXTS = ("protocol", "family", "action", "hook", "manager", "zone", "table", "chain", "rule", "before")

PortSets = t.Iterable[tuple[str, str]]  # protocol and ports


class Rule(t.NamedTuple):
    """A rule or policy of the server that stops `ports`, as `host_firewall_info` found it."""

    protocol: str
    family: str
    ports: frozenset[int]
    action: str
    hook: str
    manager: str
    zone: str
    table: str
    chain: str
    rule: str
    before: str
    position: int
    handle: int
    certain: bool

    @property
    def outward(self) -> bool:
        """Whether it stops answers and not questions."""
        return self.hook in _OUTWARD

    @property
    def policy(self) -> bool:
        """Whether it is a chain's policy."""
        return not self.position


class Firewall(t.NamedTuple):
    """What is known of the server's packet filter, and of the `cloud` that it is in; both may be empty."""

    in_force: str
    rules: tuple[Rule, ...]
    cloud: str


UNKNOWN = Firewall("", (), "")


def read_firewall(result: t.Any) -> Firewall:
    """Take the result of `host_firewall_info`, of whatever happened to it."""
    if not isinstance(result, dict):
        return UNKNOWN
    rows = result.get("rules")
    rules = [_rule(row) for row in rows[:_MOST_RULES]] if isinstance(rows, list) else []
    known = {key: printable(result.get(key) or "") for key in ("in_force", "cloud")}
    return Firewall(known["in_force"], tuple(filter(None, rules)), known["cloud"])


def _rule(row: t.Any) -> Rule | None:
    try:
        texts = {key: printable(row[key]) for key in _TEXTS}
        ports = read_ports(str(row["ports"]))
        if not all(_NAME.fullmatch(texts[key]) for key in _NAMES):
            return None
        return Rule(
            ports=ports,
            position=int(row["position"]),
            handle=int(row["handle"]),
            certain=row["certain"] is True,
            **texts,
        )
    except (KeyError, TypeError, ValueError, OverflowError, PreflightError):
        return None


def allow(
    host: str, firewall: Firewall, rules: t.Sequence[Rule], port_sets: PortSets, families: t.Sequence[str]
) -> list[str]:
    """The steps on `host` that let questions to `port_sets` in; empty if nobody is known to be in charge there.

    `rules` are those that stop them. Each is dealt with where it stands, by whoever manages it. If these stop the
    answers, the steps let those out.
    """
    steps = []
    groups = _groups(port_sets)
    for manager in dict.fromkeys([rule.manager for rule in rules] or [firewall.in_force]):
        own = [rule for rule in rules if rule.manager == manager]
        done = _steps(manager, own, groups, families)
        charge = "is in charge" if manager == firewall.in_force else f"has rules beside {firewall.in_force}"
        steps += [f"On {host}, where {manager} {charge}:", *done] if done else []
    return steps


def _steps(
    manager: str, rules: t.Sequence[Rule], groups: t.Sequence[tuple[str, list[str]]], families: t.Sequence[str]
) -> list[str]:
    if manager in ("ufw", "firewalld"):
        if any(rule.outward or rule.hook == "ingress" for rule in rules):
            return []  # these two keep no rules there: somebody wrote it by hand
        return list(map(ServerCommand, _ufw(rules, groups) if manager == "ufw" else _firewalld(rules, groups)))
    if manager.startswith("iptables"):
        commands = [line for family in families for line in _iptables(rules, groups, family)]
        lasting = "And, to keep it after a reboot: netfilter-persistent save (package iptables-persistent)"
    elif manager == "nftables":
        commands = [line for rule in _one_a_chain(rules) for line in _nftables(rule, groups)]
        lasting = "And the same in /etc/nftables.conf, to last"
    else:
        return []
    return [*map(ServerCommand, commands), lasting] if commands else []


def _ufw(rules: t.Sequence[Rule], groups: t.Sequence[tuple[str, list[str]]]) -> list[str]:
    """At the end of the user's own rules, or before the one of these that stops them.

    ufw puts nothing before a rule for the same ports, wherever that stands; but it makes that allow what it denied.
    """
    own = any(rule.chain in _UFW_USERS_OWN for rule in rules)
    behind = any(rule.before.startswith(tuple(f"-A {chain} " for chain in _UFW_USERS_OWN)) for rule in rules)
    verbs = (*(["delete allow"] if own and behind else []), *(["prepend allow"] if own else []), "allow")
    return [f"ufw {verb} {_colons(spans)}/{protocol}" for protocol, spans in groups for verb in verbs]


def _firewalld(rules: t.Sequence[Rule], groups: t.Sequence[tuple[str, list[str]]]) -> list[str]:
    zone = next((f" --zone={rule.zone}" for rule in rules if rule.zone), "")
    ports = " ".join(f"--add-port={span}/{protocol}" for protocol, spans in groups for span in spans)
    return [f"firewall-cmd --permanent{zone} {ports}", "firewall-cmd --reload"]


def _groups(port_sets: PortSets) -> list[tuple[str, list[str]]]:
    """The ports of each protocol as spans, as many at a time as a command takes."""
    sets: dict[str, set[int]] = {}
    for protocol, ports in port_sets:
        sets.setdefault(protocol, set()).update(read_ports(ports))
    return [
        (protocol, spans[at : at + _MOST_SPANS])
        for protocol, ports in sets.items()
        for spans in (format_ports(ports).split(","),)
        for at in range(0, len(spans), _MOST_SPANS)
    ]


def _iptables(rules: t.Sequence[Rule], groups: t.Sequence[tuple[str, list[str]]], family: str) -> list[str]:
    """In front of the rule that stops them; the tool of the family whose rule it is."""
    commands = []
    for rule in _one_a_chain(rule for rule in rules if rule.family == family):
        tool = "iptables" if family == "ipv4" else "ip6tables"
        tool += "-legacy" if rule.manager == "iptables-legacy" else ""
        place = f"-A {rule.chain}" if rule.policy else f"-I {rule.chain} {rule.position}"
        table = "" if rule.table == "filter" else f" -t {rule.table}"
        for protocol, spans in groups:
            end = "sport" if rule.outward else "dport"
            match = f"--{end} {_colons(spans)}" if len(spans) == 1 else f"-m multiport --{end}s {_colons(spans)}"
            commands.append(f"{tool}{table} {place} -p {protocol} {match} -j ACCEPT")
    return commands


def _nftables(rule: Rule, groups: t.Sequence[tuple[str, list[str]]]) -> list[str]:
    verb, place = ("add", "") if rule.policy else ("insert", f" position {rule.handle}")
    end = "sport" if rule.outward else "dport"
    chain = f"{rule.table} {rule.chain}"
    return [f"nft {verb} rule {chain}{place} {protocol} {end} {_set(spans)} accept" for protocol, spans in groups]


def _one_a_chain(rules: t.Iterable[Rule]) -> list[Rule]:
    """The rules of which each is the first in its chain: what is let in before it, is before the others too."""
    first: dict[tuple[str, str], Rule] = {}
    for rule in rules:
        known = first.get((rule.table, rule.chain))
        if known is None or known.policy or 0 < rule.position < known.position:
            first[rule.table, rule.chain] = rule
    return list(first.values())


def _colons(spans: t.Sequence[str]) -> str:
    return ",".join(span.replace("-", ":") for span in spans)


def _set(spans: t.Sequence[str]) -> str:
    return spans[0] if len(spans) == 1 else "{ " + ", ".join(spans) + " }"
