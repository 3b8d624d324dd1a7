# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.filter.port_table_mistakes import FilterModule

mistakes = FilterModule().filters()["port_table_mistakes"]
GOOD = {"name": "media", "protocol": "udp", "ports": "50000-60000"}


def test_a_good_table_has_no_mistakes() -> None:
    assert mistakes([GOOD]) == []


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ([], "my_ports is an empty list; name at least one port to test."),
        (
            [GOOD, {**GOOD, "name": "x", "ports": "9-7"}],
            'my_ports[1].ports "9-7" has a range that ends before it starts; write 7-9.',
        ),
        ("443", 'my_ports must be a list of ports to test, not "443".'),
    ],
)
def test_the_first_mistake_is_one_sentence(table: t.Any, sentence: str) -> None:
    assert mistakes(table, "my_ports") == [sentence]


@pytest.mark.parametrize(
    "more", [{key: None} for key in ("required", "speaks", "purpose", "expect")] + [{"expect": ""}]
)
def test_a_key_without_a_value_is_refused_here_since_the_modules_do_not_take_it(more: dict[str, t.Any]) -> None:
    (key,) = more
    assert mistakes([GOOD, {**GOOD, "name": "x", "ports": 1, **more}], "my_ports") == [
        f"my_ports[1].{key} is empty; give it a value, or leave it out."
    ]
    assert mistakes([{**GOOD, "purpose": ""}]) == []


def test_a_table_of_which_nothing_is_required_proves_nothing() -> None:
    optional = {**GOOD, "required": "no"}
    inner = {**GOOD, "name": "inner", "ports": "6379", "expect": "closed"}
    assert mistakes([optional], "my_ports", required=True) == [
        "my_ports has no entry that is required, so that nothing would be proven; make one required: true."
    ]
    assert mistakes([optional]) == mistakes([optional, inner], required=True) == []


def test_the_variable_has_a_name_if_none_is_given() -> None:
    assert mistakes([])[0].startswith("ports is")
