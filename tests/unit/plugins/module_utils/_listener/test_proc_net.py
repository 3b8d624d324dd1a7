# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._listener import proc_net
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.proc_net import Holder, holders, sockets

LISTENING, ESTABLISHED = 0x0A, 0x01


def comm() -> str:
    with open("/proc/self/comm", encoding="utf-8") as file:
        return file.read().strip()


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["ipv4", "ipv6"]
)
def test_a_connection_is_in_the_table_with_its_plain_addresses(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.bind((host, 0))
        server.listen(1)
        port = server.getsockname()[1]
        with socket.create_connection((host, port)) as client:
            rows = {(row.local_port, row.remote): row for row in sockets("tcp")}
            listening = next(row for (local, remote), row in rows.items() if local == port and remote[1] == 0)
            assert (listening.state, listening.inode) == (LISTENING, os.fstat(server.fileno()).st_ino)
            peer = client.getsockname()[:2]
            assert rows[port, peer].state == ESTABLISHED


def test_an_ipv4_peer_of_an_ipv6_socket_has_its_plain_address() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as server:
        server.bind(("", 0))
        server.listen(1)
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            peer = client.getsockname()
            assert any((row.local_port, row.remote) == (port, peer) for row in sockets("tcp"))


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_the_holder_of_a_port_is_named(protocol: str) -> None:
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        if protocol == "tcp":
            sock.listen(1)
        port = sock.getsockname()[1]
        holder = holders(protocol, [port])[port]
        assert (holder.process, holder.pid) == (comm(), os.getpid())


def test_a_descriptor_that_is_gone_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    readlink = os.readlink
    gone = f"/proc/{os.getpid()}/fd/0"

    def racing(path: str) -> str:
        if path == gone:
            raise FileNotFoundError(path)
        return readlink(path)

    monkeypatch.setattr(os, "readlink", racing)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        assert holders("udp", [port])[port].pid == os.getpid()


def test_a_port_that_nobody_holds_has_a_holder_without_a_name() -> None:
    assert holders("udp", [1]) == {1: Holder(None, None, None)}


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("0::/system.slice/haproxy.service\n", "haproxy.service"),
        ("0::/system.slice/docker-4f6a.scope\n", "docker-4f6a.scope"),
        ("0::/user.slice/user-0.slice/user@0.service/app.slice/x.service/payload\n", None),
        ("0::/user.slice/user-1000.slice/session-1.scope\n", "session-1.scope"),
        ("12:pids:/system.slice/nginx.service\n1:name=systemd:/\n0::/system.slice/nginx.service\n", "nginx.service"),
        ("0::/\n", None),
        ("", None),
    ],
)
def test_the_systems_unit_is_read_from_the_control_group(
    monkeypatch: pytest.MonkeyPatch, text: str, unit: str | None
) -> None:
    monkeypatch.setattr(proc_net, "_read", lambda *dummy: text)
    assert proc_net._unit("1") == unit
