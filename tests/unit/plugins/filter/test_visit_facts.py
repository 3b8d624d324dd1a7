# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.filter.visit_facts import FilterModule
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

facts = FilterModule().filters()["visit_facts"]
SESSION = {"id": "A" * 16, "secret": "s" * 32, "certificate": "", "private_key": "key", "started": 1000.5}
TABLE = [
    {"name": "media", "protocol": "udp", "ports": "50000-50009"},
    {"name": "web", "protocol": "tcp", "ports": "80,443"},
]


def made(target: str = "meet.example.com", table: t.Any = None) -> dict[str, t.Any]:
    found: dict[str, t.Any] = facts(SESSION, table or TABLE, target, {"ipv4": "203.0.113.10"}, 15)
    return found


def test_the_page_never_has_the_sessions_secret() -> None:
    assert "s" * 32 not in repr(made())
    assert "private" not in repr(made())
    assert made()["session"]["secret"] == Session("A" * 16, "s" * 32).visit_secret


def test_the_page_knows_how_long_it_works_and_what_it_asks() -> None:
    page = made()["session"]
    assert page["expires"] == 1000 + 15 * 60
    assert [row["ports"] for row in page["ports"]] == ["50000-50009", "80,443"]


@pytest.mark.parametrize(
    ("target", "connect", "url"),
    [
        ("meet.example.com", "http://meet.example.com:80 http://meet.example.com:443", "http://meet.example.com/"),
        ("2001:db8::1", "http:", "http://[2001:db8::1]/"),
        # A policy has ASCII alone.
        (
            "bücher.example",
            "http://xn--bcher-kva.example:80 http://xn--bcher-kva.example:443",
            "http://xn--bcher-kva.example/",
        ),
    ],
)
def test_the_page_may_connect_to_the_server_alone(target: str, connect: str, url: str) -> None:
    assert made(target)["connect"] == connect
    assert made(target)["url"].startswith(url)
    assert f"http://{made(target)['session']['web']}/" == url
    assert made(target)["session"]["name"] == target


def test_without_port_80_another_one_has_the_page() -> None:
    assert made(table=[{"name": "ice", "protocol": "tcp", "ports": "7881"}])["url"].startswith(
        "http://meet.example.com:7881/"
    )
    assert made(table=TABLE[:1])["connect"] == "'none'"


@pytest.mark.parametrize(
    ("ports", "port", "url"),
    [("22,7881", 7881, "http://meet.example.com:7881/"), ("22,5060,6667", 0, ""), ("", 0, "")],
)
def test_where_no_browser_opens_a_page_there_is_no_link(ports: str, port: int, url: str) -> None:
    table = [*TABLE[:1], *([{"name": "other", "protocol": "tcp", "ports": ports}] if ports else [])]
    found = made(table=table)
    assert found["port"] == port
    assert found["url"].startswith(url)
    assert bool(found["url"]) == bool(url)
