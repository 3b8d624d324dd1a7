# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import typing as t

import pytest
from ansible.errors import AnsibleError

from ansible_collections.plugnmeet.server.plugins.lookup import addresses


def test_an_address_is_itself() -> None:
    found = addresses.LookupModule().run(["203.0.113.10", "2001:db8::1"])
    assert found == [{"ipv4": "203.0.113.10"}, {"ipv6": "2001:db8::1"}]


def test_a_name_has_an_address_of_each_family(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(name: str, *dummy: t.Any, **dummy_more: t.Any) -> list[t.Any]:
        assert name == "meet.example.com"
        ends: list[t.Any] = [(socket.AF_INET6, ("2001:db8::1%eth0", 0, 0, 0))]
        ends += [(socket.AF_INET, ("203.0.113.10", 0)), (socket.AF_INET, ("203.0.113.10", 0))]
        return [(family, 0, 0, "", address) for family, address in ends]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert addresses.LookupModule().run(["meet.example.com"]) == [{"ipv6": "2001:db8::1", "ipv4": "203.0.113.10"}]


def test_of_several_addresses_of_a_family_none_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*dummy: t.Any, **dummy_more: t.Any) -> list[t.Any]:
        return [(socket.AF_INET, 0, 0, "", (f"203.0.113.{last}", 0)) for last in (10, 11)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    said = '"x.example" has several ipv4 addresses, such as 203.0.113.10 and 203.0.113.11; name the one'
    with pytest.raises(AnsibleError, match=said):
        addresses.LookupModule().run(["x.example"])


def test_a_name_without_an_address_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*dummy: t.Any, **dummy_more: t.Any) -> t.NoReturn:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(AnsibleError, match="has no address on the controller"):
        addresses.LookupModule().run(["x.example"])
