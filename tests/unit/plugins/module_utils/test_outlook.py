# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib
import socket
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _outlook
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.test_live import served, stun


def test_the_first_stun_server_that_answers_is_enough() -> None:
    with served(socket.SOCK_DGRAM, stun(True)) as port:
        servers = ["nowhere.invalid:3478", "no port", f"127.0.0.1:{port}", "127.0.0.1:1"]
        assert _outlook.stun(servers, 2.0) == {servers[0]: "", servers[1]: "", servers[2]: "127.0.0.1"}


def test_this_host_reaches_itself_and_nobody_else() -> None:
    assert _outlook.reaches_itself("127.0.0.1", range(50000, 50100), 1.0) is True
    assert _outlook.reaches_itself("255.255.255.255", range(50000, 50100), 0.1) is False


def test_without_a_free_port_nothing_is_said() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        assert _outlook.reaches_itself("127.0.0.1", [sock.getsockname()[1]], 0.1) is None


def test_a_host_without_the_family_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_socket(*dummy: object) -> t.NoReturn:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", no_socket)
    assert _outlook.reaches_itself("::1", range(50000, 50010), 0.1) is None


def test_reserved_ports_are_not_handed_out(tmp_path: pathlib.Path) -> None:
    (tmp_path / "ip_local_port_range").write_text("32768\t60999\n")
    (tmp_path / "ip_local_reserved_ports").write_text("\n")
    folder = f"{tmp_path}/"
    assert _outlook.ephemeral(folder) == "32768-60999"
    (tmp_path / "ip_local_reserved_ports").write_text("40000,50000-60000\n")
    assert _outlook.ephemeral(folder) == "32768-39999,40001-49999,60001-60999"
    assert _outlook.ephemeral("/nowhere/") == ""
