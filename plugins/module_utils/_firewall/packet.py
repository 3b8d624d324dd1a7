# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The packet whose way is looked at, and what can be said of it: a question of the prober, the answer, or what follows.

What both packet filters ask of a packet is answered here, so that nftables and iptables cannot differ in it.
"""

from __future__ import annotations

import ipaddress
import socket
import typing as t

from .truth import NO, UNKNOWN, YES, Truth, bits, both, negated, so

IN, OUT = "in", "out"
EPHEMERAL = bits(1024, 65535)  # where a prober asks from

_NUMBERS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
_SIZES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
# No outsider has an address of these: this host, private, shared, loopback, link-local, multicast, reserved.
_NEVER_OUTSIDE = {
    "ipv4": [
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "224.0.0.0/3"),
    ],
    "ipv6": ["::/127", "fc00::/7", "fe80::/10", "ff00::/8"],
}
# And no server is asked at one of these.
_NEVER_ASKED = {"ipv4": ["127.0.0.0/8", "224.0.0.0/3"], "ipv6": ["::/127", "fe80::/10", "ff00::/8"]}

Span = t.Tuple[int, int]  # addresses, from and to


class Packet(t.NamedTuple):
    """A question (IN, conntrack's NEW), its answer (OUT, ESTABLISHED), or what follows that (IN, ESTABLISHED).

    `peer` is the prober's address, and `own` are those that the question may have been sent to; `interface` is the one
    that leads outside. Each of them may be empty, for unknown. Before it is `tracked`, the kernel calls it invalid; of
    the `untracked` ports conntrack never sees it.
    """

    direction: str
    established: bool
    protocol: str
    family: str
    interface: str = ""
    peer: str = ""
    own: tuple[str, ...] = ()
    tracked: bool = True
    untracked: Truth = NO


def is_protocol(packet: Packet, name: str) -> Truth:
    """The transport protocol, by name or number; `all` is any."""
    return so(name in (packet.protocol, str(_NUMBERS[packet.protocol]), "all", "0"))


def is_family(packet: Packet, family: str) -> Truth:
    """`ipv4` or `ipv6`."""
    return so(packet.family == family)


def is_interface(packet: Packet, direction: str, name: str, wildcard: str) -> Truth:
    """The interface on the way in or out; one that ends in `wildcard` stands for all that begin so."""
    if direction != packet.direction or name == "lo":
        return NO
    if name == wildcard:
        return YES
    if not packet.interface:
        return UNKNOWN
    return so(packet.interface.startswith(name[:-1]) if name.endswith(wildcard) else packet.interface == name)


def has_port(packet: Packet, source: bool, ports: int) -> Truth:
    """The port of one end: the server's is the one that is looked at, the prober's is any ephemeral one."""
    if source == (packet.direction == OUT):
        return Truth(ports, 0)
    return YES if not EPHEMERAL & ~ports else UNKNOWN if EPHEMERAL & ports else NO


def has_address(packet: Packet, source: bool, spans: t.Sequence[Span]) -> Truth:
    """The address of one end is in one of `spans`, which are of the packet's own family."""
    if any(span == everything(packet.family) for span in spans):
        return YES
    if source == (packet.direction == IN):
        known, never = [packet.peer] if packet.peer else [], _NEVER_OUTSIDE
    else:
        known, never = list(packet.own), _NEVER_ASKED
    if known:
        inside = [any(first <= number(address) <= last for first, last in spans) for address in known]
        return YES if all(inside) else UNKNOWN if any(inside) else NO
    blocks = [span_of(block) for block in never[packet.family]]
    return NO if all(any(_within(span, block) for block in blocks) for span in spans) else UNKNOWN


def has_state(packet: Packet, state: str) -> Truth:
    """Conntrack's state of the packet, in any case of letters."""
    if state.lower() == "untracked":
        return packet.untracked
    real = "invalid" if not packet.tracked else "established" if packet.established else "new"
    return both([so(state.lower() == real), negated(packet.untracked)])


def has_status(packet: Packet, status: str) -> Truth:
    """Conntrack's status of the connection: nothing has been seen of a new one, and nobody translates its address."""
    if status.lower() in ("expected", "snat", "dnat"):
        return NO
    return UNKNOWN if packet.established else NO


def has_flags(packet: Packet, mask: t.Collection[str], wanted: t.Collection[str]) -> Truth:
    """Of the TCP flags in `mask` just those are set that are `wanted`."""
    if packet.protocol != "tcp":
        return NO
    return so(_flags(packet) & set(mask) == set(wanted))


def has_some_flag(packet: Packet, wanted: t.Collection[str]) -> Truth:
    """Any of these TCP flags is set."""
    return so(packet.protocol == "tcp" and bool(_flags(packet) & set(wanted)))


def has_type(packet: Packet, source: bool, kind: str) -> Truth:
    """The kind of one end's address as the routing table has it: the own one is local, all others are unicast."""
    own = source == (packet.direction == OUT)
    return so(kind.lower() == ("local" if own else "unicast"))


def is_for_us(packet: Packet, kind: str) -> Truth:
    """The kind of delivery: to this host alone, not to all or many."""
    if packet.direction == OUT:
        return UNKNOWN
    return so(kind.lower() in ("host", "unicast"))


def spans_of(texts: t.Iterable[str], family: str) -> list[Span] | None:
    """Addresses, networks and ranges (`first-last`) of `family`, None if one of them cannot be read."""
    try:
        return [span_of(text) for text in texts if (":" in text) == (family == "ipv6")]
    except ValueError:
        return None


def span_of(text: str) -> Span:
    """One of them; raises ValueError for anything else."""
    first, dash, last = text.partition("-")
    if dash:
        return number(first), number(last)
    if "/" not in text:
        return number(text), number(text)
    network = ipaddress.ip_network(text, strict=False)
    return int(network.network_address), int(network.broadcast_address)


def number(address: str) -> int:
    """An address as a number; raises ValueError if it is none."""
    try:
        return int.from_bytes(socket.inet_pton(_SIZES["ipv6" if ":" in address else "ipv4"], address), "big")
    except OSError as error:
        raise ValueError(f"{address} is no address") from error


def everything(family: str) -> Span:
    """All addresses of a family."""
    return 0, (1 << (128 if family == "ipv6" else 32)) - 1


def _within(inner: Span, outer: Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _flags(packet: Packet) -> set[str]:
    """Those of the handshake, one packet after the other."""
    return {"syn", "ack"} if packet.direction == OUT else {"ack"} if packet.established else {"syn"}
