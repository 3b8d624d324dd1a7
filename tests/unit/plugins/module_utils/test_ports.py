# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import (
    format_ports,
    parse_ports,
    ranges,
    read_ports,
)

ports = st.sets(st.integers(1, 65535), max_size=60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("443", {443}),
        (443, {443}),
        ("80,443", {80, 443}),
        ("7-9", {7, 8, 9}),
        (" 80 , 7 - 9 ", {80, 7, 8, 9}),
        ("5,5,4-6", {4, 5, 6}),
        ("1,65535", {1, 65535}),
        ("080", {80}),
    ],
)
def test_a_port_set_is_read_as_written(text: str | int, expected: set[int]) -> None:
    assert parse_ports(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not a port set"),
        ("http", "is not a port set"),
        ("80,", "is not a port set"),
        ("80-", "is not a port set"),
        ("-80", "is not a port set"),
        ("1-2-3", "is not a port set"),
        ("1.5", "is not a port set"),
        ("80;443", "is not a port set"),
        ("٤٤٣", "is not a port set"),
        ("80\n443", "is not a port set"),
        ("0", "has a port outside 1-65535"),
        ("65536", "has a port outside 1-65535"),
        ("0-80", "has a port outside 1-65535"),
        ("60000-70000", "has a port outside 1-65535"),
        ("999999999", "has a port outside 1-65535"),
        ("60000-50000", "has a range that ends before it starts; write 50000-60000"),
    ],
)
def test_anything_else_is_refused_with_the_value_and_the_reason(text: str, why: str) -> None:
    with pytest.raises(PreflightError) as raised:
        parse_ports(text)
    assert str(raised.value).startswith(f'"{text}" {why}')


@pytest.mark.parametrize("value", [None, True, 1.5, [80], {"ports": 80}])
def test_a_value_that_is_no_text_is_refused(value: t.Any) -> None:
    with pytest.raises(PreflightError):
        parse_ports(value)


@given(ports.filter(bool))
def test_what_is_formatted_is_read_again(numbers: set[int]) -> None:
    assert parse_ports(format_ports(numbers)) == numbers


@given(ports)
def test_ranges_are_sorted_disjoint_and_as_few_as_possible(numbers: set[int]) -> None:
    found = ranges(numbers)
    assert {port for first, last in found for port in range(first, last + 1)} == numbers
    assert all(first <= last for first, last in found)
    assert all(before[1] + 1 < after[0] for before, after in zip(found, found[1:]))


@given(ports)
def test_there_is_one_way_to_write_a_set(numbers: set[int]) -> None:
    shuffled = sorted(numbers, key=lambda port: port * 7919 % 65537)
    assert format_ports(shuffled) == format_ports(iter(sorted(numbers)))


def test_all_media_ports_are_short() -> None:
    assert format_ports(set(range(50000, 60001)) - {55000, 55001, 55002}) == "50000-54999,55003-60000"


def test_no_ports_are_an_empty_text_on_the_wire_only() -> None:
    assert format_ports([]) == ""
    assert read_ports("") == frozenset()
    assert read_ports("80-81") == {80, 81}


@given(st.text(max_size=30))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        ports = parse_ports(text)
    except PreflightError:
        return
    assert ports
