# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils import _evidence
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import Evidence, Observation, detail

observations = st.builds(
    Observation,
    st.sampled_from(sorted(_evidence.SEEN)),
    st.sampled_from(_evidence.PROTOCOLS),
    st.sampled_from(("", *_evidence.FAMILIES)),
    st.integers(0, 99),
    st.dictionaries(st.sampled_from(("by", "to", "what", "self")), st.text("abc é", max_size=5)).map(
        lambda values: detail(**values)
    ),
)
port_sets = st.sets(st.integers(1, 65535), min_size=1, max_size=20)
GOOD = {"seen": "open", "protocol": "udp", "family": "ipv4", "vantage": 0, "ports": "80", "detail": {}}


def _of(found: t.Mapping[Observation, t.Iterable[int]]) -> Evidence:
    evidence = Evidence()
    for observation, ports in found.items():
        evidence.ports(observation).update(ports)
    return evidence


@given(st.dictionaries(observations, port_sets, max_size=8))
def test_evidence_survives_the_wire(found: dict[Observation, set[int]]) -> None:
    evidence = _of(found)
    received = Evidence.from_list(json.loads(json.dumps(evidence.to_list())))
    assert received.to_list() == evidence.to_list()
    for row, ports in found.items():
        assert received.select(row.seen, row.protocol, row.family, row.vantage)[row.detail] == ports


@given(st.dictionaries(observations, port_sets, max_size=8))
def test_the_wire_form_does_not_depend_on_the_order(found: dict[Observation, set[int]]) -> None:
    assert _of(found).to_list() == _of(dict(reversed(list(found.items())))).to_list()


def test_selected_are_the_ports_of_one_observation() -> None:
    refused = Observation("rejected", "tcp", "ipv4", 1, detail(by="TCP reset"))
    evidence = _of(
        {
            refused: {1, 2},
            refused._replace(detail=detail(by="ICMP")): {3},
            refused._replace(protocol="udp"): {4},
            refused._replace(family="ipv6"): {5},
            refused._replace(vantage=0): {6},
            refused._replace(seen="open"): {7},
        }
    )
    assert evidence.select("rejected", "tcp", "ipv4", 1) == {(("by", "TCP reset"),): {1, 2}, (("by", "ICMP"),): {3}}
    assert evidence.all("rejected", "tcp", "ipv4", 1) == {1, 2, 3}
    assert evidence.all("moved", "tcp", "ipv4", 1) == set()


def test_an_observation_of_no_port_is_not_sent() -> None:
    assert _of({Observation("open", "udp", "ipv4"): ()}).to_list() == []


def test_details_are_text_sorted_bounded_and_without_what_is_not_known() -> None:
    assert detail(to=80, by="a", who=None) == (("by", "a"), ("to", "80"))
    assert len(detail(what="x" * 10_000)[0][1]) == 300


@pytest.mark.parametrize(
    "rows",
    [
        None,
        7,
        "open",
        {"seen": "open"},
        [None],
        [[]],
        [{}],
        [{**GOOD, "seen": "paradise"}],
        [{**GOOD, "protocol": "sctp"}],
        [{**GOOD, "family": "ipx"}],
        [{**GOOD, "vantage": "first"}],
        [{**GOOD, "vantage": None}],
        [{**GOOD, "vantage": float("nan")}],
        [{**GOOD, "vantage": float("inf")}],
        [{**GOOD, "ports": "70000"}],
        [{**GOOD, "ports": "9-7"}],
        [{**GOOD, "ports": ["80"]}],
        [{**GOOD, "detail": "text"}],
        [{**GOOD, "detail": None}],
        [{key: value for key, value in GOOD.items() if key != "ports"}],
    ],
)
def test_what_no_host_of_ours_sends_is_refused(rows: t.Any) -> None:
    with pytest.raises(PreflightError):
        Evidence.from_list(rows)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_near = st.lists(st.fixed_dictionaries({key: st.just(value) | _json for key, value in GOOD.items()}), max_size=3)


@given(_json | _near)
def test_hostile_input_raises_nothing_else(rows: t.Any) -> None:
    try:
        evidence = Evidence.from_list(rows)
    except PreflightError:
        return
    assert Evidence.from_list(evidence.to_list()).to_list() == evidence.to_list()
