# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import itertools
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import Evidence, Observation
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, read_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.plugin_utils import _verdict
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sides import Target, Vantage, read_target

GAP = "the listener was gone"
PROBER = ("open", "moved", "foreign", "accepted", "rejected", "unsent", "limited", "near")
LISTENER = ("arrived", "passed", "received", "answered", "unanswered", "left", "moved")

# What the prober and the listener saw of a port; the state, what is known, and whether a gap makes it uncertain.
TABLE = [
    ("", "", "blocked_upstream", {}, True),
    ("", "arrived passed", "blocked_on_host", {}, False),
    ("", "arrived received answered left", "return_blocked", {"where": "beyond"}, False),
    ("", "arrived received answered", "return_blocked", {"where": "target"}, True),
    ("", "arrived received unanswered", "return_blocked", {"where": "target"}, False),
    ("", "received", "return_blocked", {"where": "target"}, True),
    ("", "arrived moved", "intercepted", {}, False),
    ("open", "", "open", {}, False),
    ("open", "arrived received answered left", "open", {}, False),
    ("open foreign rejected unsent", "arrived moved unanswered", "open", {}, False),
    ("moved", "", "intercepted", {}, False),
    ("moved rejected", "arrived", "intercepted", {}, False),
    ("foreign", "", "wrong_server", {}, False),
    ("foreign", "arrived", "wrong_server", {}, False),
    ("foreign", "arrived received answered left", "intercepted", {}, False),
    ("accepted", "", "wrong_server", {"what": "a connection, and nothing more"}, True),
    ("accepted", "arrived received left", "intercepted", {"what": "nothing"}, False),
    ("accepted rejected", "received", "intercepted", {"what": "nothing"}, False),
    ("accepted", "arrived received answered left", "return_blocked", {"where": "beyond"}, False),
    ("accepted", "arrived received answered", "return_blocked", {"where": "target"}, True),
    ("accepted", "arrived received unanswered left", "return_blocked", {"where": "target"}, False),
    ("accepted", "arrived", "wrong_server", {"what": "a connection, and nothing more"}, True),
    ("rejected", "", "rejected_upstream", {}, True),
    ("rejected", "arrived", "rejected_on_host", {}, False),
    ("rejected", "arrived received answered left", "return_blocked", {"where": "beyond"}, False),
    ("unsent", "", "untested", {}, False),
    ("unsent", "arrived passed", "blocked_on_host", {}, False),
    ("limited", "", "untested", {"where": "beyond"}, False),
    ("limited", "arrived passed", "untested", {"where": "target"}, False),
    ("limited", "arrived passed received answered left", "return_blocked", {"where": "beyond"}, False),
    ("limited rejected", "", "rejected_upstream", {}, True),
    ("foreign near", "", "untested", {"where": "near"}, False),
    ("foreign near", "received", "untested", {"where": "near"}, False),
    ("foreign near", "arrived", "wrong_server", {}, False),
    ("foreign near", "arrived received answered left", "intercepted", {}, False),
    ("accepted near", "", "untested", {"where": "near", "what": "a connection, and nothing more"}, False),
    ("rejected near", "", "untested", {"where": "near"}, False),
    ("rejected near", "arrived", "rejected_on_host", {}, False),
]


def _names(row: tuple[t.Any, ...]) -> str:
    return f"{row[0] or 'silence'} + {row[1] or 'nothing'}"


def _seen(words: str, protocol: str = "udp") -> dict[tuple[str, str, str], list[int]]:
    return {(word, protocol, ""): [1] for word in words.split()}


@pytest.mark.parametrize(("prober", "listener", "state", "facts", "uncertain"), TABLE, ids=map(_names, TABLE))
@pytest.mark.parametrize("gap", ["", GAP], ids=["whole", "gap"])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_both_sides_evidence_means_a_state(
    sides: t.Any,
    prober: str,
    listener: str,
    state: str,
    facts: dict[str, str],
    uncertain: bool,
    gap: str,
    protocol: str,
) -> None:
    vantage = sides.vantage(_seen(prober, protocol))
    target = sides.target(_seen(listener, protocol), gap)
    (check,) = _verdict.decide([sides.row(protocol, [1])], [vantage], target, True)
    doubt = gap if uncertain else ""
    assert check.results == [_verdict.Result(state, frozenset({1}), facts, doubt)]
    if state == "open":
        assert check.verdict == "passed"
    elif state == "untested" or doubt:
        assert check.verdict == "inconclusive"
    else:
        assert check.verdict == "failed"


@pytest.mark.parametrize(("prober", "listener", "state", "facts", "uncertain"), TABLE, ids=map(_names, TABLE))
def test_where_somebody_else_asked_too_nothing_rests_on_what_the_card_did_not_see(
    sides: t.Any, prober: str, listener: str, state: str, facts: dict[str, str], uncertain: bool
) -> None:
    vantage = sides.vantage(_seen(prober, "tcp"))
    target = sides.target({**_seen(listener, "tcp"), ("claimed", "tcp", ""): [1, 2]})
    (check,) = _verdict.decide([sides.row("tcp", [1])], [vantage], target, True)
    assert check.results == [_verdict.Result(state, frozenset({1}), facts, _verdict._CLAIMED if uncertain else "")]
    gone = sides.target({("claimed", "tcp", ""): [1, 2]}, GAP)
    (check,) = _verdict.decide([sides.row("tcp", [1, 3])], [sides.vantage({})], gone, True)
    assert check.results == [_verdict.Result("blocked_upstream", frozenset({1, 3}), {}, GAP)]


def test_a_flood_of_one_port_makes_no_other_uncertain(sides: t.Any) -> None:
    target = sides.target({("claimed", "tcp", ""): [1], ("arrived", "tcp", ""): [2]})
    (check,) = _verdict.decide([sides.row("tcp", [1, 2, 3])], [sides.vantage({})], target, True)
    assert [(result.state, *result.ports, bool(result.gap)) for result in check.results] == [
        ("blocked_upstream", 1, True),
        ("blocked_on_host", 2, False),
        ("blocked_upstream", 3, False),
    ]


def test_of_a_connection_without_a_mark_nobody_knows_whether_it_arrived(sides: t.Any) -> None:
    seen = {("asked", "tcp", "source=40000; marked=no"): [1, 2], ("asked", "tcp", "source=40001"): [3]}
    (check,) = _verdict.decide([sides.row("tcp", [1, 2, 3])], [sides.vantage(seen)], sides.target({}), True)
    assert check.results == [
        _verdict.Result("blocked_upstream", frozenset({1, 2}), {}, _verdict._UNMARKED),
        _verdict.Result("blocked_upstream", frozenset({3}), {}, ""),
    ]


@pytest.mark.parametrize("asked", ["64:ff9b::cb00:710a", "64:ff9b:1::cb00:710a"])
def test_behind_a_translator_the_target_sees_ipv4(sides: t.Any, asked: str) -> None:
    prober = sides.evidence({("open", "tcp", ""): [1]}, families=["ipv6"])
    vantage = sides.vantage({}, families=["ipv6"], addresses={"ipv6": asked}, evidence=prober)
    own = (ipaddress.ip_interface("203.0.113.10/24"),)
    target = sides.target({("arrived", "tcp", ""): [2], ("passed", "tcp", ""): [2]}, addresses=own)
    (check,) = _verdict.decide([sides.row("tcp", [1, 2, 3])], [vantage], target, vantage_check=True)
    assert [(result.state, *result.ports, result.facts) for result in check.results] == [
        ("open", 1, {}),
        ("blocked_on_host", 2, {}),
        ("blocked_upstream", 3, {}),
    ]


@pytest.mark.parametrize(("gap", "facts"), [("", {"where": "ingress"}), (GAP, {})], ids=["whole", "gap"])
def test_what_the_ingress_hook_did_not_let_pass_was_stopped_there(
    sides: t.Any, gap: str, facts: dict[str, str]
) -> None:
    target = sides.target(_seen("arrived"), gap)
    (check,) = _verdict.decide([sides.row("udp", [1])], [sides.vantage({})], target, True)
    assert (check.verdict, check.results) == ("failed", [_verdict.Result("blocked_on_host", frozenset({1}), facts)])


@pytest.mark.parametrize("prober", ["", "rejected"])
def test_a_tcp_port_that_came_to_one_where_nobody_listens_was_moved(sides: t.Any, prober: str) -> None:
    mine, others = {("asked", "tcp", "source=40000"): [1]}, {("stray", "tcp", "source=40001"): [8080]}
    vantage = sides.vantage({**_seen(prober, "tcp"), **mine})
    target = sides.target({("stray", "tcp", "source=40000"): [7443], **others})
    (check,) = _verdict.decide([sides.row("tcp", [1])], [vantage], target, True)
    assert check.results == [_verdict.Result("intercepted", frozenset({1}), {"to": "7443"})]
    (check,) = _verdict.decide([sides.row("tcp", [1])], [vantage], sides.target(others), True)
    assert check.results[0].state in ("blocked_upstream", "rejected_upstream")


@pytest.mark.parametrize("prober", ["", "open", "foreign", "rejected", "unsent"])
def test_a_port_in_use_is_that_before_all_else(sides: t.Any, prober: str) -> None:
    holder = {"process": "nginx", "pid": "7"}
    target = sides.target({}, GAP, in_use={("tcp", 1): holder, ("udp", 1): {"process": "x"}})
    (check,) = _verdict.decide([sides.row("tcp", [1])], [sides.vantage(_seen(prober, "tcp"))], target, True)
    assert (check.verdict, check.results) == ("failed", [_verdict.Result("port_in_use", frozenset({1}), holder)])


@pytest.mark.parametrize(("required", "verdict"), [(True, "failed"), (False, "warning")])
def test_one_port_that_is_not_open_is_enough_not_to_pass(sides: t.Any, required: bool, verdict: str) -> None:
    vantage = sides.vantage({("open", "udp", ""): range(2, 10_001)})
    (check,) = _verdict.decide([sides.row("udp", range(1, 10_001), required)], [vantage], sides.target({}), True)
    assert (check.verdict, [len(result.ports) for result in check.results]) == (verdict, [9_999, 1])


def test_results_are_parted_by_what_is_known_and_sorted_open_first(sides: t.Any) -> None:
    seen = {
        ("open", "udp", ""): [5, 6],
        ("rejected", "udp", "by=ICMP; offender=192.0.2.1"): [1, 2],
        ("rejected", "udp", "by=ICMP; offender=192.0.2.2"): [3],
    }
    (check,) = _verdict.decide([sides.row("udp", range(1, 8))], [sides.vantage(seen)], sides.target({}), True)
    assert check.results == [
        _verdict.Result("open", frozenset({5, 6}), {}),
        _verdict.Result("rejected_upstream", frozenset({1, 2}), {"by": "ICMP", "offender": "192.0.2.1"}),
        _verdict.Result("rejected_upstream", frozenset({3}), {"by": "ICMP", "offender": "192.0.2.2"}),
        _verdict.Result("blocked_upstream", frozenset({4, 7}), {}),
    ]


def test_a_rejection_by_the_host_itself_names_no_offender(sides: t.Any) -> None:
    seen = {("rejected", "udp", "by=ICMP; offender=203.0.113.10"): [1]}
    target = sides.target({("arrived", "udp", ""): [1]})
    (check,) = _verdict.decide([sides.row("udp", [1])], [sides.vantage(seen)], target, True)
    assert check.results == [_verdict.Result("rejected_on_host", frozenset({1}), {"by": "ICMP"})]


@pytest.mark.parametrize("prober", ["foreign", "foreign accepted", "foreign rejected unsent"])
def test_a_stranger_may_be_the_target_after_its_listener_was_gone(sides: t.Any, prober: str) -> None:
    target = read_target({}, {})
    (check,) = _verdict.decide([sides.row("tcp", [1])], [sides.vantage(_seen(prober, "tcp"))], target, True)
    assert check.results == [_verdict.Result("wrong_server", frozenset({1}), {}, target.gone)]
    assert (bool(target.gone), check.verdict) == (True, "inconclusive")


@pytest.mark.parametrize(
    ("side", "seen", "key", "instead", "state"),
    [
        ("prober", "moved", "to", "101-106", "intercepted"),
        ("listener", "moved", "to", "101-106", "intercepted"),
        ("prober", "moved", "via", "many others", "intercepted"),
        ("prober", "foreign", "what", "many things", "wrong_server"),
        ("both", "foreign", "what", "many things", "intercepted"),
    ],
)
@pytest.mark.parametrize("details", [5, 6])
def test_more_details_than_anybody_reads_are_put_into_one(
    sides: t.Any, side: str, seen: str, key: str, instead: str, state: str, details: int
) -> None:
    found = {(seen, "udp", f"{key}={port + 100}"): [port] for port in range(1, details + 1)}
    received = {("received", "udp", ""): range(1, details + 1)} if side == "both" else {}
    vantage = sides.vantage({} if side == "listener" else found)
    target = sides.target(found if side == "listener" else received)
    (check,) = _verdict.decide([sides.row("udp", range(1, details + 1))], [vantage], target, True)
    apart = [_verdict.Result(state, frozenset({port}), {key: str(port + 100)}) for port in range(1, 6)]
    together = [_verdict.Result(state, frozenset(range(1, 7)), {key: instead})]
    assert check.results == (apart if details == 5 else together)


def test_where_the_ports_of_another_requirement_went_is_not_told_of_this_one(sides: t.Any) -> None:
    vantage = sides.vantage({("moved", "udp", f"to={port + 100}"): [port] for port in range(1, 9)})
    rows = [sides.row("udp", range(1, 8)), sides.row("udp", [8])]
    range_of_ports, single = _verdict.decide(rows, [vantage], sides.target({}), True)
    assert [result.facts for result in range_of_ports.results] == [{"to": "101-107"}]
    assert [result.facts for result in single.results] == [{"to": "108"}]


@pytest.mark.parametrize("known", [{"12ab": {"subject": "CN=x"}}, {}])
@pytest.mark.parametrize("listener", ["", "received"])
def test_a_certificate_is_told_by_whose_it_is(sides: t.Any, known: dict[str, t.Any], listener: str) -> None:
    seen = {("foreign", "tcp", "certificate=12ab; kind=certificate; what=another certificate"): [443]}
    vantage = sides.vantage(seen, certificates=known)
    target = sides.target(_seen(listener, "tcp") and {("received", "tcp", ""): [443]})
    (check,) = _verdict.decide([sides.row("tcp", [443])], [vantage], target, True)
    facts = {"certificate": known.get("12ab", {}), "kind": "certificate", "what": "another certificate"}
    assert check.results == [
        _verdict.Result("intercepted" if listener else "wrong_server", frozenset({443}), facts),
    ]


def test_every_requirement_is_checked_from_every_vantage_over_every_family(sides: t.Any) -> None:
    rows = [sides.row("tcp", [1]), sides.row("udp", [1])]
    vantages = [sides.vantage({}, "a", families=("ipv6", "ipv4")), sides.vantage({}, "b", number=1)]
    checks = _verdict.decide(rows, vantages, sides.target({}), True)
    assert [(check.requirement.protocol, check.vantage.host, check.family) for check in checks] == [
        (protocol, *end) for protocol in ("tcp", "udp") for end in (("a", "ipv4"), ("a", "ipv6"), ("b", "ipv4"))
    ]


def test_what_another_vantage_or_family_saw_does_not_count(sides: t.Any) -> None:
    mine = sides.vantage({}, families=("ipv4",))
    mine.evidence.ports(Observation("open", "udp", "ipv6", 0)).add(1)
    mine.evidence.ports(Observation("open", "udp", "ipv4", 1)).add(1)
    mine.evidence.ports(Observation("open", "tcp", "ipv4", 0)).add(1)
    (check,) = _verdict.decide([sides.row("udp", [1])], [mine], sides.target({}), True)
    assert check.results[0].state == "blocked_upstream"


@pytest.mark.parametrize(
    ("known", "facts"),
    [
        (
            {"failure": "ext could not be used: no Python"},
            {"prober": "ext", "reason": "ext could not be used: no Python"},
        ),
        ({"unresolved": '"x" does not resolve: no'}, {"reason": '"x" does not resolve: no'}),
    ],
    ids=["failure", "unresolved"],
)
def test_a_vantage_without_an_address_tested_nothing(
    sides: t.Any, known: dict[str, str], facts: dict[str, str]
) -> None:
    vantage = sides.vantage({}, families=(), **known)
    (check,) = _verdict.decide([sides.row("udp", [1, 2])], [vantage], sides.target({}), True)
    assert (check.family, check.verdict) == (None, "inconclusive")
    assert check.results == [_verdict.Result("untested", frozenset({1, 2}), facts)]


@pytest.mark.parametrize(
    ("outside", "vantage_check", "required", "verdict"),
    [
        (True, True, True, "passed"),
        (None, True, True, "passed"),
        (False, True, True, "inconclusive"),
        (False, False, True, "passed"),
        (False, True, False, "warning"),
        (True, True, False, "passed"),
    ],
)
def test_an_open_port_passes_only_a_witness_from_outside(
    sides: t.Any, outside: bool | None, vantage_check: bool, required: bool, verdict: str
) -> None:
    vantage = sides.vantage(_seen("open"), outside=outside)
    (check,) = _verdict.decide([sides.row("udp", [1], required)], [vantage], sides.target({}), vantage_check)
    assert check.verdict == verdict


def test_a_witness_from_inside_fails_nobody(sides: t.Any) -> None:
    vantage = sides.vantage({}, outside=False)
    (check,) = _verdict.decide([sides.row("udp", [1])], [vantage], sides.target({}), True)
    assert check.verdict == "inconclusive"


def test_without_a_check_nobody_is_called_inside(sides: t.Any) -> None:
    inside = sides.vantage({("open", "udp", ""): [1]}, outside=False, inside="ext does not stand for the internet: x")
    (check,) = _verdict.decide([sides.row("udp", [1, 2])], [inside], sides.target({}), vantage_check=False)
    assert (check.verdict, check.vantage.inside) == ("failed", "")


def test_where_the_address_is_wrong_all_that_came_of_it_says_so(sides: t.Any) -> None:
    seen = {
        ("foreign", "tcp", "what=x"): [1],
        ("rejected", "tcp", "by=TCP reset"): [2],
        ("unsent", "tcp", "reason=y"): [3],
    }
    own = (ipaddress.ip_interface("203.0.113.99/24"),)
    target = sides.target({}, addresses=own, in_use={("tcp", 4): {"process": "x"}})
    (check,) = _verdict.decide([sides.row("tcp", [1, 2, 3, 4, 5])], [sides.vantage(seen)], target, vantage_check=True)
    assert {result.state: result.facts.get("astray", {}).get("own") for result in check.results} == {
        "wrong_server": ["203.0.113.99"],
        "rejected_upstream": ["203.0.113.99"],
        "blocked_upstream": ["203.0.113.99"],
        "untested": None,
        "port_in_use": None,
    }


def test_with_nothing_to_prove_nothing_passes(sides: t.Any) -> None:
    assert not _verdict.passed([])
    optional = _verdict.decide(
        [sides.row("udp", [1], required=False)], [sides.vantage(_seen("open"))], sides.target({}), True
    )
    assert not _verdict.passed(optional)
    required = _verdict.decide([sides.row("udp", [1])], [sides.vantage(_seen("open"))], sides.target({}), True)
    assert _verdict.passed([*optional, *required])


# Whatever the evidence

ports = st.sets(st.integers(1, 6))
PORTS = frozenset(range(1, 7))


def _evidence_of(kinds: t.Sequence[str]) -> st.SearchStrategy[Evidence]:
    details = st.sampled_from(((), (("by", "TCP reset"),), (("to", "9"),)))
    rows = st.builds(
        Observation,
        st.sampled_from(kinds),
        # Mostly what matters, some of what must not.
        st.sampled_from(("udp", "udp", "udp", "tcp")),
        st.sampled_from(("ipv4", "ipv4", "ipv4", "ipv6")),
        st.sampled_from((0, 0, 0, 1)),
        details,
    )

    def put(found: dict[Observation, set[int]]) -> Evidence:
        evidence = Evidence()
        for row, numbers in found.items():
            evidence.ports(row).update(numbers)
        return evidence

    return st.dictionaries(rows, ports, max_size=12).map(put)


vantages = st.builds(
    Vantage,
    host=st.just("ext"),
    number=st.sampled_from((0, 0, 0, 1)),
    failure=st.just(""),
    unresolved=st.just(""),
    addresses=st.sampled_from(({"ipv4": "203.0.113.10"}, {"ipv4": "203.0.113.10", "ipv6": "2001:db8::10"}, {})),
    source=st.just({}),
    local=st.just({}),
    outside=st.sampled_from((True, False, None)),
    inside=st.just(""),
    evidence=_evidence_of(("open", "open", "open", *PROBER)),
)
targets = st.builds(
    Target,
    evidence=_evidence_of(LISTENER),
    in_use=st.dictionaries(
        st.tuples(st.sampled_from(("tcp", "udp")), st.integers(1, 6)), st.sampled_from(({}, {"pid": "1"})), max_size=3
    ),
    gap=st.sampled_from(("", GAP, read_target({}, {}).gap)),
)
requirements = st.builds(
    Requirement,
    name=st.just("x"),
    protocol=st.sampled_from(("udp", "udp", "udp", "tcp")),
    ports=ports.filter(bool).map(frozenset),
    speaks=st.just("stun"),
    required=st.booleans(),
)
decisions = st.tuples(st.lists(requirements, max_size=2), st.lists(vantages, max_size=2), targets, st.booleans()).map(
    lambda drawn: (drawn[2], _verdict.decide(*drawn))
)

Decision = tuple[Target, list[_verdict.Check]]


@given(decisions)
def test_every_port_lands_in_exactly_one_result(decision: Decision) -> None:
    for check in decision[1]:
        assert sum(len(result.ports) for result in check.results) == len(check.requirement.ports)
        assert frozenset().union(*(result.ports for result in check.results)) == check.requirement.ports
        assert all(result.ports for result in check.results)


@given(decisions)
def test_passed_means_that_each_port_has_its_proof(decision: Decision) -> None:
    for check in decision[1]:
        if check.verdict == "passed":
            assert check.family is not None
            proven = check.vantage.evidence.all("open", check.requirement.protocol, check.family, check.vantage.number)
            assert check.requirement.ports <= proven
            assert not any((check.requirement.protocol, port) in decision[0].in_use for port in check.requirement.ports)


@given(decisions)
def test_a_gap_fails_no_port_that_was_silent(decision: Decision) -> None:
    target, checks = decision
    for check in checks:
        requirement, family = check.requirement, check.family or ""
        told = {port for protocol, port in target.in_use if protocol == requirement.protocol}
        for side, kinds in ((check.vantage.evidence, PROBER), (target.evidence, LISTENER)):
            for kind in kinds:
                told |= side.all(kind, requirement.protocol, family, check.vantage.number)
        if target.gap and not requirement.ports & told:
            assert check.verdict != "failed"


TAPPED = ("arrived", "passed", "left")
_some_ports = st.lists(st.sets(st.integers(1, 6)), min_size=len(TAPPED), max_size=len(TAPPED))


@given(st.lists(requirements, min_size=1, max_size=2), st.lists(vantages, min_size=1, max_size=2), targets, _some_ports)
def test_frames_that_were_missed_make_no_firm_statement_that_would_not_hold_with_them(
    rows: list[Requirement], probers: list[Vantage], target: Target, missed: list[set[int]]
) -> None:
    whole = target._replace(gap="")
    kept = [
        {**row, "ports": format_ports(read_ports(row["ports"]) - missed[TAPPED.index(row["seen"])])}
        if row["seen"] in TAPPED
        else row
        for row in target.evidence.to_list()
    ]
    torn = target._replace(gap=GAP, evidence=Evidence.from_list([row for row in kept if row["ports"]]))
    for before, after in zip(
        _verdict.decide(rows, probers, whole, True), _verdict.decide(rows, probers, torn, True), strict=True
    ):
        true = {port: result for result in before.results for port in result.ports}
        for result in after.results:
            for port in result.ports if not result.gap and result.state not in ("open", "untested") else ():
                assert result.state == true[port].state
                assert result.facts.get("where") in (None, true[port].facts.get("where"))


@given(decisions)
def test_what_is_optional_never_fails(decision: Decision) -> None:
    for check in decision[1]:
        if not check.requirement.required:
            assert check.verdict in ("passed", "warning")
        else:
            assert check.verdict in ("passed", "failed", "inconclusive")


@given(decisions)
def test_the_host_passes_only_if_all_that_is_required_did(decision: Decision) -> None:
    required = [check for check in decision[1] if check.requirement.required]
    expected = len(required) > 0 and not [check for check in required if check.verdict != "passed"]
    assert _verdict.passed(decision[1]) is expected


def test_the_table_above_covers_every_state_and_every_observation() -> None:
    states = {row[2] for row in TABLE} | {"port_in_use"}
    assert len(states) == 10
    assert set(itertools.chain(*(f"{row[0]} {row[1]}".split() for row in TABLE))) == {*PROBER, *LISTENER}
