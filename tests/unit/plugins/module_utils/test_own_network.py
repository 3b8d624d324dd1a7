# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import socket
import struct

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _own_network
from ansible_collections.plugnmeet.server.plugins.module_utils._own_network import (
    network,
    own_addresses,
    own_network,
    read_addresses,
)


def attribute(kind: int, data: bytes) -> bytes:
    text = struct.pack("=HH", 4 + len(data), kind) + data
    return text + bytes(-len(text) % 4)


def message(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body


def address(family: int, prefix: int, *attributes: bytes) -> bytes:
    return message(20, struct.pack("=BBBBI", family, prefix, 0, 0, 2) + b"".join(attributes))


DONE = message(3, bytes(4))
OF_LAN = address(socket.AF_INET, 24, attribute(1, bytes((203, 0, 113, 10))), attribute(3, b"eth0\0"))


def test_the_addresses_of_all_interfaces_are_read() -> None:
    found: set[str] = set()
    ipv6 = address(socket.AF_INET6, 64, attribute(1, socket.inet_pton(socket.AF_INET6, "2001:db8::10")))
    assert not read_addresses(OF_LAN + ipv6, found)
    assert found == {"203.0.113.10/24", "2001:db8::10/64"}
    assert read_addresses(DONE, found)


def test_of_a_point_to_point_link_this_end_counts() -> None:
    found: set[str] = set()
    ends = attribute(1, bytes((192, 0, 2, 1))), attribute(2, bytes((192, 0, 2, 9)))
    read_addresses(address(socket.AF_INET, 32, *ends), found)
    assert found == {"192.0.2.9/32"}


def test_what_is_no_address_is_passed_over() -> None:
    found: set[str] = set()
    read_addresses(message(16, bytes(16)) + address(7, 0, attribute(1, bytes(6))) + address(2, 8) + OF_LAN, found)
    assert found == {"203.0.113.10/24"}


@pytest.mark.parametrize("data", [message(2, bytes(4)), struct.pack("=IHHII", 3, 20, 0, 1, 0), OF_LAN[:10]])
def test_a_refusal_or_half_an_answer_is_none(data: bytes) -> None:
    with pytest.raises((OSError, struct.error)):
        read_addresses(data, set())


def test_a_loopback_is_always_there() -> None:
    assert "127.0.0.1/8" in own_addresses()


def test_a_kernel_that_tells_nothing_has_no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_NETLINK")
    assert own_addresses() == []


def test_two_processes_share_a_network_and_so_its_name() -> None:
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, network().encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == network() != ""
    os.wait()


def test_another_kernel_is_another_network(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    here = network()
    (tmp_path / "boot_id").write_text("another\n")
    monkeypatch.setattr(_own_network, "_BOOT_ID", str(tmp_path / "boot_id"))
    assert network() not in (here, "")
    monkeypatch.setattr(_own_network, "_BOOT_ID", str(tmp_path / "missing"))
    assert network() == ""
    monkeypatch.setattr(_own_network, "_NETWORK", str(tmp_path / "missing"))
    assert network() == ""


@pytest.mark.parametrize(("setting", "off"), [("1\n", "net.ipv6.conf.all.disable_ipv6"), ("0\n", "")])
def test_what_switched_ipv6_off_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, setting: str, off: str
) -> None:
    (tmp_path / "setting").write_text(setting)
    monkeypatch.setattr(_own_network, "_IPV6_ADDRESSES", str(tmp_path / "setting"))
    monkeypatch.setattr(_own_network, "_IPV6_OFF", str(tmp_path / "setting"))
    assert own_network()["ipv6_off"] == off


def test_a_kernel_without_ipv6_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(_own_network, "_IPV6_ADDRESSES", str(tmp_path / "missing"))
    assert own_network()["ipv6_off"] == "ipv6.disable"
