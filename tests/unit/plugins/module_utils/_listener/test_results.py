# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._listener.results import read_result

RESULT = {
    "visitor": "aaaaaaaa",
    "agent": "Chrome on Windows",
    "families": {"ipv4": {"tcp": {"asked": "80", "open": ""}, "udp": {"asked": "1-9", "open": "1-8", "limited": "9"}}},
    "seconds": 12.5,
    "trouble": "",
}


def read(**more: t.Any) -> dict[str, t.Any]:
    return read_result(json.dumps({**RESULT, **more}).encode("utf-8"))


def test_what_a_page_makes_is_kept() -> None:
    assert read() == RESULT


def test_what_no_page_makes_goes_no_further() -> None:
    marked = {"__ansible_type": "_AnsibleTaggedStr", "value": "{{ 1 }}"}
    families = {"ipv4": {"udp": {"asked": "2,1", **marked}, **marked}, "ipv7": 3, **marked}
    assert read(**marked, x=marked, families=families) == {**RESULT, "families": {"ipv4": {"udp": {"asked": "1-2"}}}}


@pytest.mark.parametrize("key", ["agent", "trouble"])
def test_words_are_printable_and_short(key: str) -> None:
    told = read(**{key: "\ud800\x1b[31m" + "x" * 1000})[key]
    assert told.isprintable()
    assert told.startswith("[31mxx")
    assert len(told) <= 300
    json.dumps(told).encode("utf-8")


@pytest.mark.parametrize(
    "more",
    [
        {"visitor": ["aaaaaaaa"]},
        {"visitor": None},
        {"agent": {"__ansible_type": "x"}},
        {"trouble": None},
        {"seconds": "12"},
        {"seconds": True},
        {"seconds": None},
        {"families": 3},
        {"families": {"ipv4": []}},
        {"families": {"ipv4": {"udp": "1-9"}}},
        {"families": {"ipv6": {"tcp": {"asked": 80}}}},
        {"families": {"ipv6": {"tcp": {"open": "80-"}}}},
        {"families": {"ipv6": {"tcp": {"limited": "0"}}}},
    ],
)
def test_what_is_not_as_a_page_makes_it_is_refused(more: dict[str, t.Any]) -> None:
    with pytest.raises(ValueError, match=r"no |port"):
        read(**more)


@pytest.mark.parametrize("body", [b"", b"[1]", b'"x"', b"\xff", b'{"visitor": "aaaaaaaa", "seconds": 1e999}'])
def test_what_is_no_result_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"Expecting|decode|no "):
        read_result(body)
