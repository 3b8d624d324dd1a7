# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the sentences about a cause are made of."""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, read_ports
from ansible_collections.plugnmeet.server.plugins.plugin_utils._allow import spread
from ansible_collections.plugnmeet.server.plugins.plugin_utils._cause import Cause
from ansible_collections.plugnmeet.server.plugins.plugin_utils._firewall import Firewall, Rule
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import listing, shortened

FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6", None: ""}

RUN_AGAIN = ["Run it again, with a longer preflight_ttl if the time was over"]


def families(cause: Cause) -> str:
    """The address families of `cause`, as a sentence has them; empty if there was no address."""
    return listing(list(dict.fromkeys(filter(None, (FAMILIES[family] for dummy, family in cause.ends)))))


def ports_of(rules: t.Iterable[Rule], protocol: str, family: str) -> frozenset[int]:
    """The ports that rules are about."""
    return frozenset().union(*(rule.ports for rule in rules if (rule.protocol, rule.family) == (protocol, family)))


class Words:
    """What the sentences are made of."""

    def __init__(self, cause: Cause, host: str, address: str, firewall: Firewall) -> None:
        self.firewall = firewall
        self.family_names = list(dict.fromkeys(family for dummy, family in cause.ends if family))
        self.facts = cause.facts
        self.after = listing(cause.after)
        self.inside = cause.inside
        self.unseen = cause.unseen
        self.last_hops = [dict(hop) for hop in cause.last_hops]
        self.host = host
        self.address = address
        self.has_family = cause.ends[0][1] is not None
        self.vantages = listing(list(dict.fromkeys(vantage for vantage, dummy in cause.ends)))
        self.families = families(cause)
        self.ips = listing(cause.addresses) or address
        self.addresses = cause.addresses
        self.ports = listing([f"{shortened(ports)}/{protocol}" for protocol, ports in cause.ports])
        self.port_sets = cause.ports
        self.entries = cause.entries
        self.sources = cause.sources

    def rules(self, outward: bool) -> list[Rule]:
        """The server's own rules that stop these ports, or the answers from them."""
        return [
            rule
            for rule in self.firewall.rules
            if rule.outward == outward
            and rule.family in self.family_names
            and not (rule.sources and self.sources and {*rule.sources}.isdisjoint(self.sources))
            and any(rule.protocol == protocol and rule.ports & read_ports(ports) for protocol, ports in self.port_sets)
        ]

    def translated(self) -> bool:
        """Tell whether it is rules of the server's own that translate these ports, and no others."""
        rules = self.rules(outward=False)
        return bool(rules) and all(rule.translates for rule in rules) and self.all_in(rules)

    def unexplained(self) -> bool:
        """Tell whether the server's rules are known, and there are ports here that none of them stops."""
        return self.firewall.known and not self.all_in(self.rules(outward=False))

    def all_in(self, rules: t.Sequence[Rule]) -> bool:
        """Tell whether rules are about all of these ports, over each address family."""
        return all(
            read_ports(ports) <= ports_of(rules, protocol, family)
            for protocol, ports in self.port_sets
            for family in self.family_names
        )

    def to_open(self, outward: bool = False) -> list[tuple[str, str]]:
        """The ports for commands: the whole entry where chance chose some of it, or they are in too many pieces."""
        limits = [rule for rule in self.rules(outward) if rule.limits]
        found = []
        for protocol, ports in self.port_sets:
            these = read_ports(ports)
            chance = any(rule.protocol == protocol and rule.ports & these for rule in limits)
            found.append((protocol, self._entry(protocol, ports) if chance or spread(these) else ports))
        return found

    @property
    def wanted(self) -> str:
        """What is to be let in, as a sentence has it."""
        return listing([f"{shortened(ports)}/{protocol}" for protocol, ports in self.to_open()])

    def _entry(self, protocol: str, ports: str) -> str:
        """All of the entries of the table that some ports are of."""
        entries = [read_ports(entry) for over, entry in self.entries if over == protocol]
        return format_ports(read_ports(ports).union(*(entry for entry in entries if entry & read_ports(ports))))

    def stopped_by_rules(self) -> bool:
        """Tell whether it is certain that rules of the server's own would stop all of these ports."""
        return self.all_in([rule for rule in self.rules(outward=False) if rule.certain])

    def fact(self, name: str, otherwise: str = "") -> str:
        return str(self.facts.get(name) or otherwise)
