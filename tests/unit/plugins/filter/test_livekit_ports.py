# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.plugnmeet.server.plugins.filter.livekit_mistakes import livekit_mistakes
from ansible_collections.plugnmeet.server.plugins.filter.livekit_ports import livekit_ports

TABLE = [
    {"name": name, "protocol": protocol, "ports": ports, "purpose": "kept"}
    for name, protocol, ports in (
        ("acme", "tcp", "80"),
        ("ice-tcp", "tcp", "7881"),
        ("media", "udp", "50000-60000"),
        ("turn-udp", "udp", "443"),
    )
]
# Ten times ten times ... ten: as text it would fill any memory.
BOMB = "n0: &n0 [x]\n" + "".join(
    f"n{number}: &n{number} [{', '.join([f'*n{number - 1}'] * 10)}]\n" for number in range(1, 10)
)
TURN = "turn: {enabled: true, udp_port: 443}\n"


@pytest.mark.parametrize(
    ("config", "ports"),
    [
        ("rtc: {port_range_start: 40000, port_range_end: 41000, tcp_port: 7882}\n" + TURN, "80 7882 40000-41000 443"),
        ("rtc: {udp_port: 7882, port_range_start: 1, port_range_end: 2}\n" + TURN, "80 7881 1-2 443"),
        ("rtc: {udp_port: 7882, port_range_start: 1}\n", "80 7881 7882"),
        ("rtc: {udp_port: 7882}\n", "80 7881 7882"),
        ("rtc: {port_range_end: 50500}\n", "80 7881 50000-60000"),
        ("rtc: {udp_port: 7882-7885}\n", "80 7881 7882-7885"),
        ("turn: {enabled: true, udp_port: 3478}\n", "80 7881 50000-60000 3478"),
        ("turn: {enabled: false, udp_port: 3478}\n", "80 7881 50000-60000"),
        ("rtc: {tcp_port: 0}\n", "80 50000-60000"),
        ("rtc: {tcp_port: , udp_port: , port_range_start: }\n", "80 7881 50000-60000"),
        ("development: true\n", "80 7881 7882"),
        ("development: true\nrtc: {port_range_end: 50500}\n", "80 7881 7882"),
        ("development: true\nrtc: {port_range_start: 1, port_range_end: 2}\n", "80 7881 1-2"),
        ("development: false\n", "80 7881 50000-60000"),
        ("", "80 7881 50000-60000"),
        ("rtc:\nkeys: {a: b}\n", "80 7881 50000-60000"),
    ],
)
def test_what_is_set_up_is_what_is_tested(config: str, ports: str) -> None:
    assert livekit_mistakes(config) == []
    rows = livekit_ports(TABLE, config)
    assert [row["ports"] for row in rows] == ports.split()
    assert all(row["purpose"] == "kept" for row in rows)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ("rtc: {", "livekit.yaml is no YAML; mend it, or leave preflight_ports_from empty."),
        ("text", 'livekit.yaml has "text" where the section rtc should be; mend it.'),
        ("rtc: [1]", "where the section rtc should be"),
        ("rtc: {port_range_start: 60000, port_range_end: 50000}", "has a range that ends before it starts"),
        ("rtc: {tcp_port: 2001-99-99}", "livekit.yaml is no YAML; mend it"),
        ("rtc: " + "[" * 5000, "livekit.yaml is no YAML; mend it"),
        (BOMB + "rtc: {tcp_port: *n9}", 'rtc.tcp_port in livekit.yaml: "a list" is not a port set'),
        (BOMB + "rtc: *n9", 'livekit.yaml has "a list" where the section rtc should be'),
        ("rtc: {port_range_start: 50000}", "LiveKit takes whatever port is free; give it both."),
        ("rtc: {tcp_port: high}", 'rtc.tcp_port in livekit.yaml: "high" is not a port set'),
        ("turn: {enabled: true, udp_port: 70000}", "has a port outside 1-65535"),
    ],
)
def test_what_livekit_would_not_take_is_one_sentence(config: str, complaint: str) -> None:
    (sentence,) = livekit_mistakes(config)
    assert complaint in sentence
    with pytest.raises(AnsibleFilterError, match="livekit_ports: "):
        livekit_ports(TABLE, config)


@pytest.mark.parametrize("table", [None, [{}], "text"])
def test_what_is_no_table_is_refused(table: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="livekit_ports: "):
        livekit_ports(table, "")
