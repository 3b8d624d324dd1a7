# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.truth import (
    ALL,
    NO,
    UNKNOWN,
    YES,
    Truth,
    bits,
    bits_of,
    both,
    either,
    negated,
    ports_of,
)

port = st.integers(0, 65535)


def at(truth: Truth, number: int) -> bool | None:
    """What holds of one port."""
    assert not truth.yes & truth.maybe
    return True if truth.yes >> number & 1 else None if truth.maybe >> number & 1 else False


@st.composite
def truths(draw: t.Any) -> Truth:
    """Anything, in three ports."""
    yes, maybe = draw(st.integers(0, 7)), draw(st.integers(0, 7))
    return Truth(yes, maybe & ~yes)


def kleene_and(values: t.Iterable[bool | None]) -> bool | None:
    found = list(values)
    return False if False in found else None if None in found else True


@given(st.lists(truths(), max_size=4), st.integers(0, 2))
def test_each_port_follows_three_valued_logic(many: list[Truth], number: int) -> None:
    values = [at(truth, number) for truth in many]
    opposite = {True: False, False: True, None: None}
    assert at(both(many), number) == kleene_and(values)
    assert at(either(many), number) == opposite[kleene_and(opposite[value] for value in values)]
    for truth, value in zip(many, values):
        assert at(negated(truth), number) == opposite[value]


def test_of_nothing_all_is_true_and_any_is_not() -> None:
    assert both([]) == YES
    assert either([]) == NO
    assert negated(YES) == NO
    assert negated(UNKNOWN) == UNKNOWN
    assert both([YES, UNKNOWN]) == UNKNOWN
    assert both([UNKNOWN, NO]) == NO


@given(st.lists(st.tuples(port, port).map(lambda pair: (min(pair), max(pair))), max_size=5))
def test_ports_are_bits_and_back(ranges: list[tuple[int, int]]) -> None:
    expected = {number for first, last in ranges for number in range(first, last + 1)}
    assert list(ports_of(bits_of(ranges))) == sorted(expected)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(0, 65535, ALL), (5, 4, 0), (-3, 1, 3), (65535, 70000, 1 << 65535), (70000, 80000, 0)],
    ids=["all", "none", "below", "above", "outside"],
)
def test_a_range_ends_where_ports_end(first: int, last: int, expected: int) -> None:
    assert bits(first, last) == expected
