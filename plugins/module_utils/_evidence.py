# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Evidence: what one side can say about a port. The one shape that crosses between hosts.

An observation (see `Observation`) is true of a set of ports. In Python that is a set, on the wire one dict an
observation, with its ports compressed: `{"seen": "open", "protocol": "udp", …, "ports": "50000-60000"}`.
"""

from __future__ import annotations

import typing as t

from ._errors import PreflightError
from ._ports import format_ports, read_ports

# What the prober can see of a port
OPEN = "open"  # this session's proof came back, perhaps `via` somebody who passed it on
MOVED = "moved"  # the proof came back, and says that the question arrived on port `to`
ACCEPTED = "accepted"  # a TCP connection was completed, and then nothing came
FOREIGN = "foreign"  # an answer of somebody else, described by `what`
REJECTED = "rejected"  # refused with `by`, RST or ICMP, from `offender` as far as the kernel tells
RESET_AFTER_CONNECTING = "TCP reset after connecting"  # a `by`: somebody completed the connection before
UNSENT = "unsent"  # the prober itself could not ask; `reason`
# A TCP port without proof was asked from source port `source`; `marked` is "no" where the system took no mark for it
ASKED = "asked"
LIMITED = "limited"  # silent, as were new questions to known open ports: no more `limit` get through `after` so many
# How far it came: `router` of hop `hop` answered last, `next` is behind it, the target is hop `of`; `instead` is the
# protocol that does get through
LAST_HOP = "last_hop"
NEAR = "near"  # what answered without a proof is the first hop, and the target is farther away than the second

# What the listener can see of a port
IN_USE = "in_use"  # not bound: `process`, `pid`, `unit` hold it
ARRIVED = "arrived"  # a question of this session reached the network card
PASSED = "passed"  # the ingress hook (tc, nftables' netdev) let it pass
STRAY = "stray"  # a TCP question of this session, from source port `source`, came to ports that nobody asked
CLAIMED = "claimed"  # a TCP question came that has this session's mark, and may be somebody else's all the same
RECEIVED = "received"  # the question reached the listener, or its socket in the kernel
ANSWERED = "answered"  # the answer was handed to the kernel
UNANSWERED = "unanswered"  # the kernel refused to send the answer; `reason`
LEFT = "left"  # the answer left by the network card

_OF_PROBER = (OPEN, MOVED, ACCEPTED, FOREIGN, REJECTED, UNSENT, LIMITED, ASKED, LAST_HOP, NEAR)
_OF_LISTENER = (IN_USE, ARRIVED, PASSED, STRAY, CLAIMED, RECEIVED, ANSWERED, UNANSWERED, LEFT)
SEEN = frozenset((*_OF_PROBER, *_OF_LISTENER))
PROTOCOLS = ("tcp", "udp")
FAMILIES = ("ipv4", "ipv6")

Detail = t.Tuple[t.Tuple[str, str], ...]

_MOST_TEXT = 300  # characters; what came from the network may be long
# What a host sends may be made to fill the controller's memory: more than any honest one has to say
_MOST_PAIRS = 10  # of a detail
_MOST_PORTS = 5_000_000  # of all observations together


class Observation(t.NamedTuple):
    """What was seen, of which protocol and family, from which vantage; `detail` as sorted key-value pairs.

    The `family` of what concerns both (IN_USE) is empty.
    """

    seen: str
    protocol: str
    family: str = ""
    vantage: int = 0
    detail: Detail = ()


def printable(value: t.Any) -> str:
    """`value` as text that can stand in a table or a file whatever it is, and of bounded length."""
    return "".join(letter if letter.isprintable() else " " for letter in str(value)[:_MOST_TEXT])


def quoted(text: str) -> str:
    """`text` of somebody else, in quotation marks that it has none of itself."""
    mark = next((mark for mark in "\"'`" if mark not in text), "")
    return f"{mark}{text}{mark}" if mark else '"' + text.replace('"', "'") + '"'


def detail(**values: t.Any) -> Detail:
    """The detail of an observation, with what is None left out; what is not printable becomes a blank."""
    return tuple(sorted((printable(key), printable(value)) for key, value in values.items() if value is not None))


class Evidence:
    """The observations of one side."""

    def __init__(self) -> None:
        self._ports: dict[Observation, set[int]] = {}

    def __len__(self) -> int:
        """How many observations there are."""
        return len(self._ports)

    def ports(self, observation: Observation) -> set[int]:
        """The set, to be added to, of the ports of which `observation` is true."""
        return self._ports.setdefault(observation, set())

    def add(self, other: Evidence) -> None:
        """Take in what another part of the same side has seen."""
        for observation, ports in other._ports.items():
            self.ports(observation).update(ports)

    def select(self, seen: str, protocol: str, family: str, vantage: int = 0) -> dict[Detail, set[int]]:
        """The ports of which `seen` is true, by detail."""
        wanted = (seen, protocol, family, vantage)
        return {row.detail: ports for row, ports in self._ports.items() if row[:4] == wanted and ports}

    def all(self, seen: str, protocol: str, family: str, vantage: int = 0) -> set[int]:
        """The ports of which `seen` is true, whatever the detail."""
        return set().union(*self.select(seen, protocol, family, vantage).values())

    def about(self, protocol: str, family: str, vantage: int = 0) -> set[int]:
        """The ports of which anything is known but that they were asked."""
        wanted = (protocol, family, vantage)
        found = (ports for row, ports in self._ports.items() if row[1:4] == wanted and row.seen != ASKED)
        return set().union(*found)

    def to_list(self) -> list[dict[str, t.Any]]:
        """The wire form, sorted."""
        return [
            {
                "seen": row.seen,
                "protocol": row.protocol,
                "family": row.family,
                "vantage": row.vantage,
                "ports": format_ports(ports),
                "detail": dict(row.detail),
            }
            for row, ports in sorted(self._ports.items())
            if ports
        ]

    @classmethod
    def from_list(cls, rows: t.Any) -> Evidence:
        """The inverse of to_list, for data from another host: raises PreflightError for anything else."""
        evidence = cls()
        told = 0
        try:
            for row in rows:
                observation = Observation(
                    seen=str(row["seen"]),
                    protocol=str(row["protocol"]),
                    family=str(row["family"]),
                    vantage=int(row["vantage"]),
                    detail=detail(**{str(key): value for key, value in row["detail"].items()}),
                )
                if (
                    observation.seen not in SEEN
                    or observation.protocol not in PROTOCOLS
                    or observation.family not in ("", *FAMILIES)
                    or len(observation.detail) > _MOST_PAIRS
                ):
                    raise ValueError(observation)
                ports = read_ports(row["ports"])
                told += len(ports)
                if told > _MOST_PORTS:
                    raise ValueError(told)
                evidence.ports(observation).update(ports)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError, PreflightError) as error:
            raise PreflightError("the evidence is not what this version writes; use one version everywhere") from error
        return evidence
