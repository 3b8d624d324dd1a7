# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement, parse_requirements

GOOD = {"name": "media", "protocol": "udp", "ports": "50000-50002"}


def test_a_row_says_everything() -> None:
    row = {**GOOD, "required": False, "speaks": "stun", "purpose": "sound"}
    expected = Requirement("media", "udp", frozenset({50000, 50001, 50002}), "stun", False, "sound")
    assert parse_requirements([row]) == [expected]


@pytest.mark.parametrize(("protocol", "speaks"), [("udp", "stun"), ("tcp", "ice-tcp")])
def test_a_short_row_is_required_and_speaks_what_fits(protocol: str, speaks: str) -> None:
    expected = Requirement("x", protocol, frozenset({443}), speaks, True, "")
    assert parse_requirements([{"name": "x", "protocol": protocol, "ports": 443}]) == [expected]


def test_rows_keep_their_order() -> None:
    rows = [{"name": name, "protocol": "tcp", "ports": port} for port, name in enumerate("cab", 1)]
    assert [row.name for row in parse_requirements(rows)] == ["c", "a", "b"]


def test_one_port_can_be_in_both_protocols() -> None:
    both = [{"name": name, "protocol": name, "ports": 443} for name in ("tcp", "udp")]
    assert len(parse_requirements(both)) == 2


@pytest.mark.parametrize(("value", "expected"), [("no", False), ("True", True), (None, True), (False, False)])
def test_required_is_read_as_people_write_it(value: t.Any, expected: bool) -> None:
    assert parse_requirements([{**GOOD, "required": value}])[0].required is expected


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (None, "my_ports must be a list of ports to test, not missing"),
        ("443", 'my_ports must be a list of ports to test, not "443"'),
        ([], "my_ports is an empty list; name at least one port to test"),
        (["443"], 'my_ports[0] is "443"; write it as {name: …, protocol: …, ports: …}'),
        ([GOOD, None], "my_ports[1] is missing; write it as"),
        ([{**GOOD, "port": 80}], 'my_ports[0] has an unknown key "port"; known are'),
        ([{**GOOD, "name": None}], "my_ports[0].name is missing;"),
        ([{**GOOD, "name": "  "}], 'my_ports[0].name is "  ";'),
        ([{**GOOD, "name": 7}], 'my_ports[0].name is "7";'),
        ([{**GOOD, "protocol": "sctp"}], 'my_ports[0].protocol is "sctp"; take tcp or udp'),
        ([{"name": "x", "ports": 1}], "my_ports[0].protocol is missing; take tcp or udp"),
        ([{**GOOD, "protocol": ["udp"]}], "my_ports[0].protocol is \"['udp']\"; take"),
        ([{**GOOD, "speaks": "quic"}], 'my_ports[0].speaks is "quic"; take stun or ice-tcp'),
        (
            [{**GOOD, "speaks": "ice-tcp"}],
            'my_ports[0].speaks is "ice-tcp", which runs over tcp, not udp; take stun, or protocol: tcp',
        ),
        ([{"name": "x", "protocol": "tcp"}], "my_ports[0].ports is missing; write it as"),
        ([{**GOOD, "ports": ""}], 'my_ports[0].ports "" is not a port set'),
        ([{**GOOD, "ports": "0"}], 'my_ports[0].ports "0" has a port outside 1-65535'),
        ([{**GOOD, "ports": 65536}], 'my_ports[0].ports "65536" has a port outside 1-65535'),
        ([{**GOOD, "ports": "9-7"}], 'my_ports[0].ports "9-7" has a range that ends before it starts; write 7-9'),
        ([{**GOOD, "required": "maybe"}], 'my_ports[0].required is "maybe"; take true or false'),
        ([GOOD, {**GOOD, "ports": 1}], 'my_ports[1].name is "media", as an earlier one'),
        (
            [GOOD, {"name": "b", "protocol": "udp", "ports": "50002-50009"}],
            'my_ports[1].ports has 50002/udp, which is in "media" already',
        ),
    ],
)
def test_a_mistake_is_named_with_variable_index_key_and_value(rows: t.Any, sentence: str) -> None:
    with pytest.raises(PreflightError) as raised:
        parse_requirements(rows, "my_ports")
    assert str(raised.value).startswith(sentence)


def test_a_long_value_is_shortened() -> None:
    with pytest.raises(PreflightError) as raised:
        parse_requirements([{**GOOD, "protocol": "u" * 1000}])
    assert len(str(raised.value)) < 120


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_rows = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "name": st.just("a") | _json,
            "protocol": st.sampled_from(("tcp", "udp")) | _json,
            "ports": st.just("80") | _json,
            "speaks": st.just("stun") | _json,
            "required": _json,
            "purpose": _json,
        },
    ),
    max_size=3,
)


@given(_json | _rows)
def test_nothing_raises_anything_else(rows: t.Any) -> None:
    said = ""
    try:
        assert all(row.ports for row in parse_requirements(rows, "my_ports"))
    except PreflightError as error:
        said = str(error)
    assert not said or said.startswith("my_ports")
