# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import Evidence
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import parse_requirements
from ansible_collections.plugnmeet.server.plugins.plugin_utils import _visitors, _waiting

TABLE = parse_requirements([{"name": "media", "protocol": "udp", "ports": "1-9"}])
ADDRESSES = {"ipv4": "203.0.113.10"}
Facts = dict[str, t.Any]


def told(asked: str = "1-9", opened: str = "1-9", **more: t.Any) -> Facts:
    families = {"ipv4": {"udp": {"asked": asked, "open": opened}, "tcp": {"asked": "", "open": ""}}}
    return {"agent": "Chrome on Windows", "families": families, **more}


def visitor(name: str = "aaaaaaaa", vantage: int = 0, result: t.Any = None, quiet: float = 0.0) -> Facts:
    return {
        "visitor": name,
        "vantage": vantage,
        "addresses": ["198.51.100.2"],
        "arrived": {"udp": "1-5", "tcp": ""},
        "quiet": quiet,
        "result": result,
        "brought_to": 80,
    }


def received(ports: str, vantage: int = 0) -> Facts:
    return {"seen": "received", "protocol": "udp", "family": "ipv4", "vantage": vantage, "ports": ports, "detail": {}}


def heard(visit: Facts, evidence: list[Facts]) -> tuple[Facts, Facts]:
    """The first witness with its evidence by what was seen, and what is left of the listener's."""
    probes = _visitors.witnesses(visit, ADDRESSES, "nobody came", TABLE)
    probes, stopped = _visitors.hear(probes, {**visit, "evidence": evidence}, TABLE)
    found: Facts = {}
    for row in probes[0]["evidence"]:
        found[row["seen"]] = {**found.get(row["seen"], {}), row["ports"]: row["detail"]}
    return {**probes[0], "found": found}, stopped


def test_the_word_of_a_browser_counts_where_the_listener_heard_it() -> None:
    probe, stopped = heard({"visitors": [visitor(result=told())]}, [received("1-7")])
    assert probe["item"] == "browser 198.51.100.2, Chrome on Windows"
    assert probe["source"] == {"ipv4": "198.51.100.2"}
    assert probe["found"] == {"open": {"1-7": {}}, "moved": {"8-9": {"to": "1-7"}}}
    assert stopped["evidence"] == [received("1-7")]


def test_what_a_browser_did_not_hear_is_left_to_the_listener() -> None:
    probe, stopped = heard({"visitors": [visitor(result=told(opened="1-3"))]}, [received("1-7")])
    assert probe["found"] == {"open": {"1-3": {}}}
    assert stopped["evidence"] == [received("1-7")]  # 4-7: the way back


def test_what_a_browser_did_not_ask_is_untested() -> None:
    probe, dummy = heard({"visitors": [visitor(result=told("1-3", "1-3"))]}, [received("1-3")])
    assert list(probe["found"]["unsent"]) == ["4-9"]
    probe, dummy = heard({"visitors": [visitor(result=told("", "", trouble="WebRTC is off"))]}, [])
    assert probe["found"]["unsent"] == {"1-9": {"reason": "WebRTC is off", "visit": "browser"}}
    probe, dummy = heard({"visitors": [visitor(result=told("", ""))]}, [])
    assert probe["found"]["unsent"]["1-9"]["route"] == "none"


def test_where_a_browser_is_not_sure_an_answer_is_not_called_lost() -> None:
    probe, stopped = heard({"visitors": [visitor(result=told("1-3", "1-2"))]}, [received("1-7")])
    assert stopped["evidence"] == [received("1-3")]
    assert list(probe["found"]["unsent"]) == ["4-9"]


@pytest.mark.parametrize(("answered", "state"), [("7-8", "unsent"), ("7", "left to the listener")])
def test_an_answer_over_a_connection_that_a_browser_does_not_count_is_not_called_lost(
    answered: str, state: str
) -> None:
    table = parse_requirements([{"name": "ice-tcp", "protocol": "tcp", "ports": "7-8"}])
    result = told("", "")
    result["families"]["ipv4"]["tcp"] = {"asked": "7-8", "open": "7"}
    rows = {"received": "7-8", "answered": answered}
    seen = [{**received(ports), "protocol": "tcp", "seen": what} for what, ports in rows.items()]
    probes = _visitors.witnesses({"visitors": [visitor(result=result)]}, ADDRESSES, "", TABLE)
    (probe,), stopped = _visitors.hear(probes, {"visitors": [visitor(result=result)], "evidence": seen}, table)
    found = {row["ports"]: row["seen"] for row in probe["evidence"]}
    assert found == {"7": "open", **({"8": "unsent"} if state == "unsent" else {})}
    assert stopped["evidence"][0]["ports"] == ("7" if state == "unsent" else "7-8")


BOTH = {**ADDRESSES, "ipv6": "2001:db8:113::10"}


def over_both(evidence: list[Facts], opened: str = "", limited: str = "", asked: str = "1-9") -> Facts:
    """What a browser that asked over both families is taken to have seen over IPv6, by what was seen."""
    result = told()
    result["families"]["ipv6"] = {"udp": {"asked": asked, "open": opened, "limited": limited}, "tcp": {}}
    visit = {"visitors": [visitor(result=result)]}
    probes = _visitors.witnesses(visit, BOTH, "", TABLE)
    (probe,), dummy = _visitors.hear(probes, {**visit, "evidence": evidence}, TABLE)
    return {row["seen"]: row["detail"] for row in probe["evidence"] if row["family"] == "ipv6"}


def test_a_family_over_which_nothing_arrived_may_be_one_that_the_visitor_has_not() -> None:
    unsent = over_both([received("1-9")])["unsent"]
    assert unsent["route"] == "none"
    assert unsent["reason"].startswith("nothing of the visitor arrived over it")


@pytest.mark.parametrize("seen", ["arrived", "received"])
def test_a_family_over_which_something_arrived_is_there(seen: str) -> None:
    assert over_both([received("1-9"), {**received("3"), "family": "ipv6", "seen": seen}]) == {}
    other = {**received("443"), "family": "ipv6", "seen": seen, "protocol": "tcp"}
    assert over_both([received("1-9"), other]) == {}


def test_where_nothing_arrived_at_all_no_family_is_the_reason() -> None:
    assert over_both([]) == {}
    assert over_both([{**received("1-9"), "vantage": 7}]) == {}  # of somebody else


def test_what_a_browser_has_as_open_speaks_for_its_family() -> None:
    assert set(over_both([received("1-9")], opened="1-9")) == {"moved"}


@pytest.mark.parametrize(("arrived", "kept"), [("1-9", "1-8"), ("1-7", "1-7"), ("1-6", "1-4")])
def test_ports_that_a_limit_on_the_way_silenced_are_not_closed(arrived: str, kept: str) -> None:
    result = told("1-4", "1-4")
    result["families"]["ipv4"]["udp"]["limited"] = "5-8"
    probe, stopped = heard(
        {"visitors": [visitor(result=result)]}, [received("1-6"), {**received(arrived), "seen": "arrived"}]
    )
    assert probe["found"]["limited"] == {"5-8": {"limit": "flows", "after": "4", "visit": "browser"}}
    assert list(probe["found"]["unsent"]) == ["9"]
    # Answers were not lost; and that the limit is on the target is said where most arrived there.
    assert [row["ports"] for row in stopped["evidence"]] == ["1-4", kept]


def test_a_family_that_a_limit_silenced_is_there() -> None:
    assert set(over_both([received("1-9")], limited="1-9", asked="")) == {"unsent"}  # nothing of it arrived
    came = [received("1-9"), {**received("3"), "family": "ipv6"}]
    assert set(over_both(came, limited="1-9", asked="")) == {"limited"}


def test_who_leaves_confirms_nothing() -> None:
    probe, stopped = heard({"visitors": [visitor()]}, [received("1-5")])
    assert {ports: detail["visit"] for ports, detail in probe["found"]["unsent"].items()} == {
        "1-5": "left",
        "6-9": "left",
    }
    assert set(probe["found"]) == {"unsent"}
    assert stopped["evidence"] == [received("")]  # or it would say that answers were lost


def test_who_leaves_is_not_heard_beside_who_finished() -> None:
    visit = {"visitors": [visitor(), visitor("bbbbbbbb", 1, told())]}
    (probe,) = _visitors.witnesses(visit, ADDRESSES, "", TABLE)
    assert (probe["visitor"], probe["vantage"]) == ("bbbbbbbb", 1)


def test_two_behind_one_address_have_two_names() -> None:
    visit = {"visitors": [visitor(result=told()), visitor("bbbbbbbb", 1, told())]}
    names = [probe["item"] for probe in _visitors.witnesses(visit, ADDRESSES, "", TABLE)]
    assert names == ["browser 198.51.100.2, Chrome on Windows", "browser 198.51.100.2, Chrome on Windows (2)"]


def test_netcat_tests_no_way_back() -> None:
    texts = [{"protocol": "udp", "address": "198.51.100.2", "port": 3, "text": "test", "count": 1}]
    probe, dummy = heard({"visitors": [], "texts": texts}, [])
    assert probe["item"] == "netcat 198.51.100.2"
    assert "way back was not tested" in probe["found"]["unsent"]["3"]["reason"]
    assert set(probe["found"]["unsent"]) == {"3", "1-2,4-9"}


def test_nobody_proves_nothing() -> None:
    probe, dummy = heard({}, [])
    assert (probe["item"], probe["found"]["unsent"]["1-9"]["reason"]) == ("nobody", "nobody came")


def test_a_prober_is_no_visitor() -> None:
    probes = [{"item": "ext", "evidence": []}]
    stopped = {"evidence": [received("1")]}
    assert _visitors.hear(probes, stopped, TABLE) == (probes, stopped)


@pytest.mark.parametrize(
    "families",
    [
        3,
        {"ipv4": []},
        {"ipv4": {"udp": {"asked": "nonsense"}}},
        {"ipv4": {"udp": 3}},
        {"ipv6": {"tcp": {"limited": "0"}}},
    ],
)
def test_a_result_that_no_page_makes_costs_nobody_else(families: t.Any) -> None:
    odd = visitor("bbbbbbbb", 1, {"families": families})
    visit = {"visitors": [visitor(result=told()), odd], "evidence": [received("1-9")]}
    rows = [*_visitors.witnesses({"visitors": [odd]}, ADDRESSES, "", TABLE)]
    rows += _visitors.witnesses(visit, ADDRESSES, "", TABLE)
    assert [row["visitor"] for row in rows] == ["bbbbbbbb", "aaaaaaaa"]  # the odd one alone, and not beside another
    (mistaken, honest), dummy = _visitors.hear(rows, visit, TABLE)
    assert [(row["seen"], row["ports"]) for row in honest["evidence"]] == [("open", "1-9")]
    ((seen, reason),) = [(row["seen"], row["detail"]["reason"]) for row in mistaken["evidence"]]
    assert (seen, reason) == ("unsent", "its result is not what this version's page makes; use one version")


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (told(), ""),
        (told(opened="1-3"), ""),  # silent ports are silent whatever else is
        (told("1-3", "1-2"), ""),
        (told("1-3", "1-3"), "it did not ask 4-9/udp over IPv4, or not often enough to be sure"),
        (told(trouble="WebRTC is off"), "WebRTC is off"),
        (told("1-3", "1-2", trouble="WebRTC is off"), "WebRTC is off"),
        ({}, "it did not ask 1-9/udp over IPv4, or not often enough to be sure"),
        ({"families": 3}, "its result is not what this version's page makes; use one version"),
    ],
)
def test_a_result_settles_the_matter_where_all_was_asked_or_something_is_closed(result: Facts, why: str) -> None:
    assert _visitors.unsettled(visitor(result=result), ADDRESSES, TABLE) == why
    conclusive = _visitors.conclusive([visitor(), visitor(result=result)], ADDRESSES, TABLE)
    assert len(conclusive) == (0 if why else 1)


def test_what_a_limit_may_have_kept_back_settles_nothing() -> None:
    result = told("1-9", "1-3")
    result["families"]["ipv4"]["udp"]["limited"] = "4-9"
    assert _visitors.unsettled(visitor(result=result), ADDRESSES, TABLE).startswith("it did not ask 4-9/udp")
    result["families"]["ipv4"]["udp"]["limited"] = "5-9"
    assert _visitors.unsettled(visitor(result=result), ADDRESSES, TABLE) == ""


def test_each_family_and_only_what_is_required_has_to_be_asked() -> None:
    table = parse_requirements(
        [
            {"name": "media", "protocol": "udp", "ports": "1-9"},
            {"name": "turn", "protocol": "udp", "ports": "443", "required": False},
            {"name": "web", "protocol": "tcp", "ports": "80,443"},
        ]
    )
    families = {"ipv4": {"udp": {"asked": "1-9", "open": "1-9"}, "tcp": {"asked": "80,443", "open": "80,443"}}}
    one = visitor(result={"families": families})
    assert _visitors.unsettled(one, ["ipv4"], table) == ""
    assert _visitors.unsettled(one, ["ipv4", "ipv6"], table) == ""  # its network has no IPv6
    families["ipv6"] = {"udp": {"asked": "1-4", "open": "1-4"}}
    assert _visitors.unsettled(one, ["ipv4", "ipv6"], table) == (
        "it did not ask 80,443/tcp over IPv6 and 5-9/udp over IPv6, or not often enough to be sure"
    )


def test_what_a_visitor_calls_itself_is_printable_and_short() -> None:
    result = told(agent="\x1b[31mred\n" + "x" * 500)
    name = _visitors.name(visitor(result=result))
    assert name.isprintable()
    assert len(name) < 100


def test_the_line_says_who_came_and_what_is_missing() -> None:
    assert _waiting.line({"seconds_left": 61}, 9) == "Waiting: nobody has come yet. 1:01 left."
    assert _waiting.line({"visitors": [visitor()], "seconds_left": 5}, 9) == (
        "browser 198.51.100.2: 5 ports arrived, 4 missing. 0:05 left."
    )
    # Who left, and who asks silent ports, show the same.
    assert _waiting.line({"visitors": [visitor(quiet=60)]}, 9) == (
        "browser 198.51.100.2: 5 ports arrived, quiet for 60 s."
    )
    assert _waiting.line({"visitors": [visitor(quiet=14)]}, 9).endswith("5 ports arrived, 4 missing.")
    assert _waiting.line({"visitors": [visitor(result=told())]}, 9).endswith("Chrome on Windows: finished.")


def test_the_line_stays_a_line() -> None:
    visit = {"visitors": [visitor(str(number)) for number in range(20)], "seconds_left": 600}
    line = _waiting.line(visit, 9)
    assert len(line) <= 79
    assert line.endswith(" 10:00 left.")


def test_the_end_says_what_became_of_each() -> None:
    texts = [{"protocol": "tcp", "address": "198.51.100.3", "port": 80, "text": "test", "count": 2}]
    visit = {"visitors": [visitor(), visitor("b", 1, told())], "texts": texts, "texts_dropped": 7}
    assert _waiting.summary(visit, {"b"}) == [
        "browser 198.51.100.2: 5 ports arrived, left before the end, and is not counted.",
        "browser 198.51.100.2, Chrome on Windows: 5 ports arrived, finished; its result came over TCP port 80.",
        '"test" came to 80/tcp from 198.51.100.3 2 times (arrived, way back not tested).',
        "7 more texts came than are shown.",
    ]


def test_evidence_is_whole() -> None:
    probe, dummy = heard({"visitors": [visitor(result=told("1-4", "1-2"))]}, [received("1-3")])
    ports = Evidence.from_list(probe["evidence"]).about("udp", "ipv4", 0)
    assert format_ports(ports) == "1-2,5-9"  # 3 and 4 were asked and stayed silent
