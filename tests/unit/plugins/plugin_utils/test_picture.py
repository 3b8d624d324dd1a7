# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import textwrap
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.plugin_utils._cause import Cause
from ansible_collections.plugnmeet.server.plugins.plugin_utils._picture import picture
from ansible_collections.plugnmeet.server.plugins.plugin_utils._report import WIDTH

CAUSE = Cause(
    state="blocked_upstream",
    facts={},
    gap="",
    inside="",
    unseen=False,
    ports=(("udp", "50000-60000"),),
    names=("media",),
    entries=(("udp", "50000-60000"),),
    ends=(("ext", "ipv4"), ("ext", "ipv6")),
    addresses=("203.0.113.10", "2001:db8:113::10"),
)
ROUTER = ((("hop", "1"), ("router", "198.51.100.1")),)


def draw(state: str, last_hops: t.Any = (), **facts: str) -> list[str]:
    return picture(CAUSE._replace(state=state, facts=facts, last_hops=last_hops), "meet1")


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ("blocked_upstream", "ext --> the way --x meet1's network card ... firewall ... listener"),
        ("rejected_upstream", "ext --> the way --x meet1's network card ... firewall ... listener"),
        ("blocked_on_host", "ext --> the way --> meet1's network card --> firewall --x listener"),
        ("rejected_on_host", "ext --> the way --> meet1's network card --> firewall --x listener"),
    ],
)
def test_a_question_ends_where_it_is_cut_off(state: str, line: str) -> None:
    assert draw(state) == [line]


def test_the_ingress_hook_is_before_the_firewall() -> None:
    assert draw("blocked_on_host", where="ingress") == [
        "ext --> the way --> meet1's network card --x firewall ... listener"
    ]


@pytest.mark.parametrize(
    ("where", "answer"),
    [
        ("beyond", "ext ... the way x-- meet1's network card <-- firewall <-- listener"),
        ("target", "ext ... the way ... meet1's network card ... firewall x-- listener"),
    ],
)
def test_an_answer_has_a_line_of_its_own(where: str, answer: str) -> None:
    question = "ext --> the way --> meet1's network card --> firewall --> listener"
    assert draw("return_blocked", where=where) == [question, answer]


def test_a_router_that_is_known_is_named() -> None:
    assert draw("blocked_upstream", ROUTER)[0].startswith("ext --> 198.51.100.1 --x ")
    assert draw("rejected_upstream", offender="192.0.2.1")[0].startswith("ext --> 192.0.2.1 --x ")
    several = (*ROUTER, (("hop", "1"), ("router", "2001:db8:100::1")))
    assert draw("blocked_upstream", several)[0].startswith("ext --> the way --x ")


@pytest.mark.parametrize("state", ["port_in_use", "wrong_server", "intercepted", "untested", "open"])
def test_where_there_is_no_place_there_is_no_picture(state: str) -> None:
    assert draw(state) == []


def test_where_the_place_is_not_certain_there_is_no_picture() -> None:
    assert picture(CAUSE._replace(gap="the listener was gone"), "meet1") == []


def test_a_witness_from_inside_sees_no_place() -> None:
    assert picture(CAUSE._replace(inside="ext does not stand for the internet: x"), "meet1") == []


@pytest.mark.parametrize("state", ["blocked_upstream", "wrong_server", "blocked_on_host"])
def test_what_went_astray_ends_at_an_address_that_is_not_the_targets(state: str) -> None:
    astray = {"address": "2001:db8::66", "arrived": False}
    cause = CAUSE._replace(state=state, astray=astray, last_hops=ROUTER)
    assert picture(cause, "meet1") == ["ext --> 2001:db8::66 --x meet1's network card ... firewall ... listener"]
    cause = cause._replace(astray={**astray, "arrived": True})
    assert picture(cause, "meet1") == ["ext --> 2001:db8::66 --> meet1's network card --x firewall ... listener"]


def test_several_probers_are_counted() -> None:
    cause = CAUSE._replace(ends=(("ext", "ipv4"), ("ext", "ipv6"), ("far", "ipv4")))
    assert picture(cause, "meet1")[0].startswith("2 probers --> the way --x ")


@pytest.mark.parametrize("where", ["beyond", "target"])
def test_no_picture_has_more_than_six_lines(where: str) -> None:
    hop = (("hop", "1"), ("router", "2001:db8:1111:2222:3333:4444:5555:6666"))
    cause = CAUSE._replace(
        state="return_blocked", facts={"where": where}, ends=((".".join(["x" * 50] * 5), "ipv6"),), last_hops=(hop,)
    )
    lines = [line for text in picture(cause, ".".join(["y" * 50] * 5)) for line in textwrap.wrap(text, WIDTH - 4)]
    assert 2 < len(lines) <= 6
