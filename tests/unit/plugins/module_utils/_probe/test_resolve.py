# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.icmp import Rejection
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.resolve import Path, resolve


@pytest.mark.parametrize(
    ("address", "name", "to"),
    [("127.0.0.1", "ipv4", ("127.0.0.1", 443)), ("::1", "ipv6", ("::1", 443, 0, 0))],
)
def test_an_address_is_its_own_path(address: str, name: str, to: tuple[t.Any, ...]) -> None:
    (path,) = resolve(address)
    assert (path.name, path.ip, path.local, path.no_way, path.to(443)) == (name, address, address, "", to)


def publish(monkeypatch: pytest.MonkeyPatch, published: list[tuple[socket.AddressFamily, str]]) -> None:
    answer = [(family, socket.SOCK_DGRAM, 17, "", (ip, 0, 0, 0)[: 2 if "." in ip else 4]) for family, ip in published]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *dummy, **more: answer if more else [])


def test_a_name_has_one_path_a_family(monkeypatch: pytest.MonkeyPatch) -> None:
    published = [
        (socket.AF_INET6, "::1"),
        (socket.AF_INET, "127.0.0.1"),
        (socket.AF_INET, "127.0.0.1"),
        (socket.AF_UNIX, "x"),
        (socket.AF_UNIX, "y"),
    ]
    publish(monkeypatch, published)
    assert [(path.name, path.ip) for path in resolve("meet.example.com")] == [("ipv4", "127.0.0.1"), ("ipv6", "::1")]


@pytest.mark.parametrize(
    ("family", "name", "first", "second"),
    [(socket.AF_INET, "ipv4", "127.0.0.1", "127.0.0.2"), (socket.AF_INET6, "ipv6", "::1", "::2")],
)
def test_a_name_with_several_addresses_of_a_family_is_refused(
    monkeypatch: pytest.MonkeyPatch, family: socket.AddressFamily, name: str, first: str, second: str
) -> None:
    publish(monkeypatch, [(family, first), (family, first), (family, second)])
    with pytest.raises(PreflightError) as raised:
        resolve("meet.example.com")
    assert str(raised.value) == (
        f'"meet.example.com" has several {name} addresses, such as {first} and {second}; name the one to test'
    )


@pytest.mark.parametrize(
    ("local", "offender", "by", "is_own"),
    [
        ("192.0.2.7", "192.0.2.7", "ICMP admin prohibited", True),
        ("192.0.2.7", "192.0.2.7", "ICMP port unreachable", True),
        ("192.0.2.7", "192.0.2.7", "ICMP host unreachable", False),  # a neighbour that does not answer ARP
        ("192.0.2.7", "192.0.2.7", "ICMP address unreachable", False),  # likewise in IPv6
        ("192.0.2.7", "203.0.113.10", "ICMP admin prohibited", False),
        ("192.0.2.7", "198.51.100.1", "ICMP admin prohibited", False),
        ("203.0.113.10", "203.0.113.10", "ICMP admin prohibited", False),  # prober and target are the same host
    ],
)
def test_this_hosts_own_firewall_is_told_from_others(local: str, offender: str, by: str, is_own: bool) -> None:
    path = Path(socket.AF_INET, "ipv4", "203.0.113.10", ("203.0.113.10", 0), local, "")
    assert path.is_own(Rejection(443, by, offender)) is is_own


@pytest.mark.parametrize("address", ["meet..example", "." * 300, "x" * 70 + ".example"])
def test_what_is_no_name_does_not_resolve(address: str) -> None:
    with pytest.raises(PreflightError) as raised:
        resolve(address)
    assert str(raised.value).startswith(f'"{address}" does not resolve: ')


def test_a_name_that_nobody_knows_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*dummy: object, **more: object) -> t.NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, f"Name or service not known{'' if more else '!'}")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(PreflightError, match=r'"nobody\.example" does not resolve: Name or service not known$'):
        resolve("nobody.example")


def test_a_name_with_neither_family_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *dummy, **more: [] if more else None)
    with pytest.raises(PreflightError, match="has neither an IPv4 nor an IPv6 address"):
        resolve("mail.example")


@pytest.mark.parametrize(
    ("address", "why"), [("255.255.255.255", "Permission denied"), ("fe80::1", "Invalid argument")]
)
def test_an_address_without_a_way_says_why(address: str, why: str) -> None:
    (path,) = resolve(address)
    assert (path.local, path.no_way) == ("", why)
