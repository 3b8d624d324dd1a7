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
    "families": {"ipv4": {"tcp": "80s,443o", "udp": "1o7su2,50000l"}},
    "seconds": 12.5,
    "trouble": "",
}
TCP = {"asked": "80,443", "open": "443", "limited": ""}
UDP = {"asked": "1-8", "open": "1-7", "limited": "50000"}


def read(**more: t.Any) -> dict[str, t.Any]:
    return read_result(json.dumps({**RESULT, **more}).encode("utf-8"))


def read_udp(fates: t.Any) -> t.Any:
    return read(families={"ipv4": {"udp": fates}})["families"]["ipv4"]["udp"]


def test_what_a_page_makes_is_kept() -> None:
    assert read() == {**RESULT, "families": {"ipv4": {"tcp": TCP, "udp": UDP}}}


def test_nothing_is_said_of_ports_that_were_not_asked() -> None:
    nothing = {"asked": "", "open": "", "limited": ""}
    assert read_udp("") == read_udp("1u65535") == nothing


def test_as_much_as_there_is() -> None:
    assert read_udp("1o65535")["open"] == "1-65535"
    assert read_udp("65535o")["open"] == "65535"


@pytest.mark.parametrize(
    "fates",
    ["1", "o", "1x", "1o0", "0o", "1o65536", "65535o2", "65536o", "1o,1o", "5o3,7s", "1o,", ",1o", " 1o", "1o-1"],
)
def test_what_is_not_in_its_order_is_refused(fates: str) -> None:
    with pytest.raises(ValueError, match="no port"):
        read_udp(fates)


def test_what_no_page_makes_goes_no_further() -> None:
    marked = {"__ansible_type": "_AnsibleTaggedStr", "value": "{{ 1 }}"}
    families = {"ipv4": {**RESULT["families"]["ipv4"], **marked}, "ipv7": 3, **marked}  # type: ignore[index]
    assert read(**marked, x=marked, families=families) == read()


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
        {"families": {"ipv4": {"udp": {"asked": "1-9"}}}},
        {"families": {"ipv6": {"tcp": 80}}},
    ],
)
def test_what_is_not_as_a_page_makes_it_is_refused(more: dict[str, t.Any]) -> None:
    with pytest.raises(ValueError, match=r"no |port"):
        read(**more)


@pytest.mark.parametrize("body", [b"", b"[1]", b'"x"', b"\xff", b'{"visitor": "aaaaaaaa", "seconds": 1e999}'])
def test_what_is_no_result_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"Expecting|decode|no "):
        read_result(body)
