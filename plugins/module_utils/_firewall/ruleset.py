# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What a packet filter is made of, whatever tool it was made with."""

from __future__ import annotations

import typing as t

from .packet import IN, Packet
from .truth import Truth

# What a rule does with a packet that it is about
ACCEPT = "accept"  # this chain and those that called it are done with it
DROP, REJECT, QUEUE = "drop", "reject", "queue"
JUMP, GOTO, RETURN = "jump", "goto", "return"
CONTINUE = "continue"
TRANSLATE = "translate"  # it ends here as what it was; what becomes of it at another port or address is not looked at
UNCLEAR = "unclear"  # a target that is not known here

STOPS = (DROP, REJECT, QUEUE)
STAYING = (CONTINUE, UNCLEAR)  # the packet goes on to the next rule, as far as can be seen here

# The hooks on the way to a server's program and back, in their order (nft(8), ADDRESS FAMILIES).
HOOKS = {IN: ("ingress", "prerouting", "input"), "out": ("output", "postrouting", "egress")}

NFTABLES, IPTABLES_NFT, IPTABLES_LEGACY = "nftables", "iptables-nft", "iptables-legacy"

Condition = t.Callable[[Packet], Truth]


class Rule(t.NamedTuple):
    """One rule: `text` is how its tool prints it, `position` counts from 1, and a `handle` is nftables' own.

    One that `untracks` takes packets out of conntrack's sight.
    """

    condition: Condition
    verdict: str
    target: str
    text: str
    position: int
    handle: int = 0
    untracks: bool = False


class Base(t.NamedTuple):
    """A chain that the kernel itself calls; one that `translates` sees only the first packet of a connection.

    `devices` is empty for all interfaces.
    """

    chain: str
    hook: str
    priority: int
    policy: str
    text: str
    devices: tuple[str, ...] = ()
    translates: bool = False

    @property
    def tracked(self) -> bool:
        """Whether conntrack has seen the packet by then (NF_IP_PRI_CONNTRACK)."""
        return self.hook != "ingress" and (self.hook not in ("prerouting", "output") or self.priority > -200)


class Table(t.NamedTuple):
    """A table: chains by name, those of them that the kernel calls, and the tool that speaks of it (`tool`)."""

    tool: str
    family: str  # ip, ip6, inet, netdev, as nftables has it
    name: str
    chains: dict[str, list[Rule]]
    bases: list[Base]

    @property
    def title(self) -> str:
        """As its tool calls it."""
        return f"{self.family} {self.name}" if self.tool == NFTABLES else self.name

    def sees(self, family: str) -> bool:
        """Whether packets of `ipv4` or `ipv6` come here."""
        return self.family in ("inet", "netdev", "ip6" if family == "ipv6" else "ip")
