# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.plugin_utils import _firewall
from ansible_collections.plugnmeet.server.plugins.plugin_utils._firewall import Firewall, read_firewall
from ansible_collections.plugnmeet.server.tests.unit.plugins.plugin_utils.rules_of import ROW, rule


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        "x",
        {},
        {"rules": "x"},
        {"rules": [None, {}, {**ROW, "ports": "x"}, {**ROW, "position": "x"}, {**ROW, "ports": None}]},
        {"failed": True, "msg": "it did not work"},
    ],
)
def test_whatever_came_back_it_is_no_crash(result: t.Any) -> None:
    found = read_firewall(result)
    assert (found.in_force, found.rules, found.cloud) == ("", (), "")


def test_what_came_back_is_safe_to_print() -> None:
    assert "\x1b" not in rule(rule="\x1b[31m-j DROP").rule
    assert read_firewall({"in_force": "ufw\n", "cloud": "aws"}) == Firewall("ufw ", (), "aws")
    assert len(read_firewall({"rules": [ROW] * 1000}).rules) == _firewall._MOST_RULES


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("udp dport 50000-60000 limit rate over 1000/second drop", True),
        ("tcp dport 443 ct count over 20 reject", True),
        ("-A INPUT -p udp -m hashlimit --hashlimit-above 100/sec --hashlimit-name media -j DROP", True),
        ("-A INPUT -p tcp -m connlimit --connlimit-above 9 -j REJECT", True),
        ("-A INPUT -m comment --comment limited -j DROP", False),
        ("udp dport 50000-60000 drop", False),
    ],
)
def test_a_limit_is_known_by_what_it_asks(text: str, limits: bool) -> None:
    assert rule(rule=text).limits is limits
