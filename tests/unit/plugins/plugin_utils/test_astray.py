# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.plugin_utils._astray import Astray, astray

BOTH = ("ipv4", "ipv6")
LOOPBACK = ("127.0.0.1/8", "::1/128", "fe80::1/64")
STRAY = "2001:db8::10"  # what ext asks over IPv6
WRONG = Astray(STRAY, ["2001:db8::99"], "", "203.0.113.10", False)


def found(sides: t.Any, own: t.Iterable[str], family: str = "ipv6", seen: t.Any = None, **known: t.Any) -> t.Any:
    of_target = {key: known.pop(key) for key in ("gap", "ipv6_off") if key in known}
    addresses = tuple(ipaddress.ip_interface(each) for each in own)
    target = sides.target(known.pop("heard", {}), addresses=addresses, **of_target)
    return astray(sides.vantage(seen or {}, families=BOTH, **known), family, target)


def test_an_address_that_the_target_does_not_have_is_wrong(sides: t.Any) -> None:
    assert found(sides, (*LOOPBACK, "203.0.113.10/24", "2001:db8::99/64")) == WRONG


def test_an_address_that_the_target_has_is_right(sides: t.Any) -> None:
    assert found(sides, (*LOOPBACK, f"{STRAY}/64")) is None


def test_an_address_of_a_translator_stands_for_one_of_ipv4(sides: t.Any) -> None:
    asked = {"ipv6": "64:ff9b::cb00:710a"}
    assert found(sides, (*LOOPBACK, "203.0.113.10/24"), addresses=asked) is None
    wrong = Astray("203.0.113.10", ["203.0.113.99"], "", "", False)
    assert found(sides, (*LOOPBACK, "203.0.113.99/24"), addresses=asked) == wrong


def test_a_target_without_the_family_has_no_address_of_it(sides: t.Any) -> None:
    assert found(sides, (*LOOPBACK, "203.0.113.10/24")) == WRONG._replace(own=[])
    off = found(sides, ("203.0.113.10/24",), ipv6_off="net.ipv6.conf.all.disable_ipv6")
    assert off == WRONG._replace(own=[], ipv6_off="net.ipv6.conf.all.disable_ipv6")


@pytest.mark.parametrize(("family", "private"), [("ipv4", "10.0.0.5/24"), ("ipv6", "fd00::5/64")])
def test_a_target_with_private_addresses_has_a_nat_in_front(sides: t.Any, family: str, private: str) -> None:
    assert found(sides, (*LOOPBACK, private), family) is None


@pytest.mark.parametrize(
    "known",
    [
        {"gap": "the tap lost frames"},
        {"outside": False},
        {"seen": {("open", "tcp", ""): [80]}},
        {"seen": {("moved", "udp", "to=5"): [4]}},
        {"heard": {("received", "tcp", ""): [80]}, "family": "ipv4"},
        {"came_to": {"ipv6": ("2001:db8::99",)}},
    ],
    ids=["incomplete", "from inside", "proven", "moved", "received", "came to another address by NAT"],
)
def test_nothing_is_wrong_with_an_address_that_may_lead_to_the_target(sides: t.Any, known: dict[str, t.Any]) -> None:
    assert found(sides, ("2001:db8::99/64", "203.0.113.99/24"), **known) is None


def test_a_target_that_does_not_tell_its_addresses_proves_nothing(sides: t.Any) -> None:
    assert found(sides, ()) is None


def test_what_came_for_an_address_that_it_does_not_have_was_dropped(sides: t.Any) -> None:
    known = {"came_to": {"ipv6": (STRAY,)}}
    assert found(sides, ("2001:db8::99/64",), **known) == WRONG._replace(arrived=True)
    assert found(sides, ("fd00::5/64",), **known) == WRONG._replace(arrived=True, own=["fd00::5"])
