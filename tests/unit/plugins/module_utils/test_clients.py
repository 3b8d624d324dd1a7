# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import socket
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _clients
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.proc_net import ESTABLISHED, LISTEN, Socket
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement

TABLE = [
    Requirement("https", "tcp", frozenset([443]), "https"),
    Requirement("ice-tcp", "tcp", frozenset([7881]), "ice-tcp"),
    Requirement("media", "udp", frozenset(range(50000, 60001)), "stun"),
]
NOBODY = ("", 0)
OWN = ("127.0.0.1", "::1", "203.0.113.10")
FAR, FAR6 = "198.51.100.7", "2001:db8:100::7"


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Socket]]:
    """The kernel's tables of sockets, to be filled; this host has the addresses of OWN."""
    tables: dict[str, list[Socket]] = {"tcp": [], "udp": []}
    monkeypatch.setattr(_clients, "sockets", lambda protocol: iter(tables[protocol]))
    monkeypatch.setattr(_clients, "_is_own", lambda ip: ip in OWN)
    return tables


def sock(port: int, ip: str = "0.0.0.0", peer: int = 0, state: int = ESTABLISHED) -> Socket:
    return Socket(port, (ip, peer), state, 1)


def flow(source: str, sport: int, dport: int, left: int = 119, words: str = "[ASSURED] ", protocol: str = "udp") -> str:
    there = f"src={source} dst=203.0.113.10 sport={sport} dport={dport}"
    back = f"src=203.0.113.10 dst={source} sport={dport} dport={sport}"
    return f"ipv4     2 {protocol:8} 17 {left} {there} {back} {words}mark=0 zone=0 use=2\n"


def tracked(tmp_path: pathlib.Path, *lines: str) -> str:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/nf_conntrack").write_text("".join(lines), encoding="ascii")
    return str(tmp_path)


def test_connections_from_other_hosts_are_counted_by_entry(kernel: t.Any, tmp_path: pathlib.Path) -> None:
    kernel["tcp"] += [sock(443, FAR, 1001), sock(443, FAR, 1002), sock(443, FAR6, 1001), sock(7881, FAR, 1003)]
    found = _clients.clients(TABLE, NOBODY, str(tmp_path))
    assert found == [
        {"protocol": "tcp", "ports": "443", "connections": 3},
        {"protocol": "tcp", "ports": "7881", "connections": 1},
    ]
    assert _clients.sentence(found) == "3 to 443/tcp and 1 to 7881/tcp"


@pytest.mark.parametrize(
    "row",
    [
        sock(443, "127.0.0.1", 1001),  # haproxy's and others' own ways
        sock(443, "::1", 1001),
        sock(443, "203.0.113.10", 1001),  # hairpin
        sock(22, FAR, 1001),  # the admin's SSH
        sock(443, FAR, 50022),  # the same, where sshd has that port
        sock(40000, FAR, 443),  # the server is somebody else's client
        sock(443, state=LISTEN),
        sock(443, FAR, 1001, 0x06),  # TIME_WAIT
    ],
)
def test_what_is_no_client_is_no_false_alarm(kernel: t.Any, tmp_path: pathlib.Path, row: Socket) -> None:
    kernel["tcp"].append(row)
    assert _clients.clients(TABLE, (FAR, 50022), str(tmp_path)) == []


def test_over_udp_a_socket_alone_is_no_client_bound_or_connected(kernel: t.Any, tmp_path: pathlib.Path) -> None:
    kernel["udp"] += [sock(50100, state=0x07), sock(50200, FAR, 1001), sock(50300, "127.0.0.1", 1001)]
    assert _clients.clients(TABLE, NOBODY, str(tmp_path)) == []


def test_a_tracked_flow_with_packets_both_ways_a_moment_ago_is_a_client(kernel: t.Any, tmp_path: pathlib.Path) -> None:
    kernel["udp"] += [sock(port, state=0x07) for port in (50100, 50200)]
    proc = tracked(tmp_path, flow(FAR, 1001, 50100), flow(FAR, 1002, 50100), flow("203.0.113.10", 50200, 2001))
    (row,) = _clients.clients(TABLE, NOBODY, proc)
    assert row["connections"] == 2  # the third is one of this host's own


@pytest.mark.parametrize(
    "line",
    [
        flow(FAR, 1001, 50100, left=90),  # an earlier preflight's
        flow(FAR, 1001, 50100, words=""),  # nothing went back
        flow(FAR, 1001, 50101),  # nobody holds that port
        flow("127.0.0.1", 1001, 50100),
        flow(FAR, 1001, 50100, protocol="tcp"),
        "nonsense\n",
        "\n",
        "ipv4     2 udp      17 119 src=x [ASSURED]\n",
    ],
)
def test_any_other_flow_is_no_client(kernel: t.Any, tmp_path: pathlib.Path, line: str) -> None:
    kernel["udp"].append(sock(50100, state=0x07))
    assert _clients.clients(TABLE, NOBODY, tracked(tmp_path, line)) == []


def test_a_longer_memory_for_flows_is_reckoned_with(kernel: t.Any, tmp_path: pathlib.Path) -> None:
    kernel["udp"].append(sock(50100, state=0x07))
    (tmp_path / "sys/net/netfilter").mkdir(parents=True)
    (tmp_path / "sys/net/netfilter/nf_conntrack_udp_timeout_stream").write_text("300\n", encoding="ascii")
    proc = tracked(tmp_path, flow(FAR, 1001, 50100, left=200), flow(FAR, 1002, 50100, left=290))
    (row,) = _clients.clients(TABLE, NOBODY, proc)
    assert row["connections"] == 1


@pytest.mark.parametrize(
    ("ip", "own"), [("127.0.0.1", True), ("192.0.2.77", False), ("2001:db8::77", False), ("x", False)]
)
def test_an_address_is_this_hosts_own_if_it_can_be_bound(ip: str, own: bool) -> None:
    assert _clients._is_own(ip) is own


def test_the_kernels_own_table_is_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert (port, client.getsockname()[:2]) in _clients._connected()
