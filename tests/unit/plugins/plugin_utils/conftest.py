# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the verdict and the report share: both sides, made by hand."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _evidence
from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import Evidence, Observation
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sides import Target, Vantage

OUTSIDE = {"ipv4": "198.51.100.2", "ipv6": "2001:db8:1::2"}
LOCAL = {"ipv4": "192.0.2.7", "ipv6": "2001:db8:2::7"}  # what the prober has itself, behind NAT
ADDRESSES = {"ipv4": "203.0.113.10", "ipv6": "2001:db8::10"}

Seen = t.Mapping[tuple[str, str, str], t.Iterable[int]]


class Sides:
    """Makes what both sides saw; an observation is written as (seen, protocol, detail), with its ports."""

    def evidence(self, seen: Seen, vantage: int = 0, families: t.Iterable[str] = ("ipv4",)) -> Evidence:
        found = Evidence()
        for (what, protocol, text), ports in seen.items():
            values = dict(pair.split("=", 1) for pair in text.split("; ") if pair)
            for family in families:
                observation = Observation(what, protocol, family, vantage, _evidence.detail(**values))
                found.ports(observation).update(ports)
        return found

    def vantage(
        self,
        seen: Seen,
        host: str = "ext",
        number: int = 0,
        families: t.Sequence[str] = ("ipv4",),
        **known: t.Any,
    ) -> Vantage:
        values: dict[str, t.Any] = {
            "host": host,
            "number": number,
            "failure": "",
            "unresolved": "",
            "addresses": {family: ADDRESSES[family] for family in families},
            "source": {family: OUTSIDE[family] for family in families},
            "local": {family: LOCAL[family] for family in families},
            "destination": {family: ADDRESSES[family] for family in families},
            "certificates": {},
            "outside": True,
            "inside": "",
            "evidence": self.evidence(seen, number, families),
            "came_to": {},
        }
        return Vantage(**{**values, **known})

    def target(self, seen: Seen, gap: str = "", **known: t.Any) -> Target:
        values: dict[str, t.Any] = {"evidence": self.evidence(seen), "in_use": {}, "gap": gap}
        return Target(**{**values, **known})

    def row(self, protocol: str, ports: t.Iterable[int], required: bool = True, name: str = "") -> Requirement:
        speaks = "stun" if protocol == "udp" else "ice-tcp"
        return Requirement(name or protocol, protocol, frozenset(ports), speaks, required, "what it is for")


@pytest.fixture
def sides() -> Sides:
    return Sides()
