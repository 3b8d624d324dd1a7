# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sides import (
    clean,
    read_clients,
    read_services,
    read_target,
    read_vantage,
)
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.certificates import OTHER_CERTIFICATE

STARTED: dict[str, t.Any] = {
    "in_use": [{"protocol": "tcp", "port": 80, "holder": {"process": "nginx", "pid": 7, "unit": None}}]
}
STOPPED: dict[str, t.Any] = {
    "running": True,
    "tap": {"usable": True, "reason": "", "lost": 0},
    "evidence": [{"seen": "received", "protocol": "udp", "family": "ipv4", "vantage": 0, "ports": "1-3", "detail": {}}],
    "sources": [{"vantage": 0, "address": "198.51.100.2"}],
}
GONE = "the listener was gone before it could be asked what it saw: it was ended, or preflight_ttl was over"
PROBED: dict[str, t.Any] = {
    "unresolved": "",
    "addresses": {"ipv4": "203.0.113.10"},
    "source": {"ipv4": "198.51.100.2"},
    "local": {"ipv4": "192.0.2.7"},
    "destination": {"ipv4": "203.0.113.10"},
    "certificates": {},
    "evidence": [{"seen": "open", "protocol": "udp", "family": "ipv4", "vantage": 0, "ports": "1-3", "detail": {}}],
}


def test_a_target_that_worked_is_taken_whole() -> None:
    target = read_target(STARTED, STOPPED)
    assert target.in_use == {("tcp", 80): {"process": "nginx", "pid": "7"}}
    assert target.evidence.all("received", "udp", "ipv4") == {1, 2, 3}
    assert (target.gap, target.gone) == ("", "")


@pytest.mark.parametrize("stopped", [{}, {"failed": True, "msg": "x"}, {"running": False}])
def test_a_target_that_was_gone_says_so(stopped: dict[str, t.Any]) -> None:
    target = read_target(STARTED, stopped)
    assert target.gap == target.gone == GONE
    assert target.evidence.to_list() == []
    assert target.in_use == {("tcp", 80): {"process": "nginx", "pid": "7"}}


@pytest.mark.parametrize(
    ("stopped", "gap"),
    [
        (
            {**STOPPED, "tap": {"usable": False, "reason": "Operation not permitted"}},
            "the target does not allow a look at its network card (Operation not permitted)",
        ),
        ({**STOPPED, "tap": {}}, "the target does not allow a look at its network card ()"),
        ({**STOPPED, "tap": {"usable": True, "lost": 3}}, "the look at the target's network card missed 3 frames"),
    ],
)
def test_what_is_missing_of_the_target_is_a_gap(stopped: dict[str, t.Any], gap: str) -> None:
    target = read_target(STARTED, stopped)
    assert (target.gap, target.gone) == (gap, "")
    assert target.evidence.all("received", "udp", "ipv4") == {1, 2, 3}


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ({"datagrams": 3, "connections": 0}, {"datagrams": 3, "connections": 0}),
        ({"datagrams": -3, "connections": "7", "more": 1}, {}),
        ({"datagrams": float("nan"), "connections": 10**400}, {}),
        (None, {}),
        ([1], {}),
    ],
)
def test_of_strangers_only_counts_are_taken(told: t.Any, known: dict[str, int]) -> None:
    assert read_target(STARTED, {**STOPPED, "strangers": told}).strangers == known


@pytest.mark.parametrize("port", ["7", True, 0, -1, 65536, 7.0, None, []])
def test_a_source_port_is_one_or_none(port: t.Any) -> None:
    probed = {**PROBED, "source_port": {"ipv4": port, "ipv6": 40123, "x": 7}}
    assert read_vantage("ext", 0, probed, STOPPED).source_port == {"ipv6": 40123}
    assert read_vantage("ext", 0, {**PROBED, "source_port": port}, STOPPED).source_port == {}


def test_a_prober_that_worked_is_taken_whole() -> None:
    vantage = read_vantage("ext", 0, PROBED, STOPPED)
    assert (vantage.host, vantage.number, vantage.failure, vantage.unresolved) == ("ext", 0, "", "")
    assert vantage.addresses == {"ipv4": "203.0.113.10"}
    assert vantage.source == {"ipv4": "198.51.100.2"}
    assert vantage.local == {"ipv4": "192.0.2.7"}
    assert vantage.destination == {"ipv4": "203.0.113.10"}
    assert vantage.certificates == {}
    assert (vantage.outside, vantage.inside) == (True, "")
    assert vantage.evidence.all("open", "udp", "ipv4") == {1, 2, 3}


@pytest.mark.parametrize(
    ("probed", "reason"),
    [
        ({"failed": True, "msg": "No space left."}, "No space left"),
        ({"unreachable": True, "msg": "Connection refused"}, "Connection refused"),
        ({"unreachable": True}, "it did not say why"),
        ({}, "it did not say why"),
        ({"failed": True, "msg": "a\x1b[31m\nb"}, "a [31m b"),
    ],
)
def test_a_prober_that_could_not_probe_says_why(probed: dict[str, t.Any], reason: str) -> None:
    vantage = read_vantage("ext", 0, probed, STOPPED)
    assert vantage.failure == f"ext could not be used: {reason}"
    assert (vantage.addresses, vantage.local, vantage.outside) == ({}, {}, None)


def test_of_a_certificate_is_known_whose_it_is() -> None:
    probed = {**PROBED, "certificates": {"12ab": OTHER_CERTIFICATE, "34cd": "broken"}}
    certificates = read_vantage("ext", 0, probed, STOPPED).certificates
    assert set(certificates) == {"12ab", "34cd"}
    assert certificates["12ab"]["subject"] == "CN=inspected.example,O=Middlebox Ltd"
    assert certificates["34cd"]["subject"] == "somebody unknown"


def test_of_too_many_certificates_only_the_first_are_looked_at() -> None:
    many = {str(number): OTHER_CERTIFICATE for number in range(1000)}
    assert len(read_vantage("ext", 0, {**PROBED, "certificates": many}, STOPPED).certificates) == 20


@pytest.mark.parametrize("certificates", [None, "broken", [OTHER_CERTIFICATE], 7])
def test_certificates_that_are_none_are_none(certificates: t.Any) -> None:
    assert read_vantage("ext", 0, {**PROBED, "certificates": certificates}, STOPPED).certificates == {}


def test_an_address_that_does_not_resolve_is_no_failure_of_the_prober() -> None:
    vantage = read_vantage("ext", 0, {**PROBED, "unresolved": '"x" does not resolve'}, STOPPED)
    assert (vantage.failure, vantage.unresolved) == ("", '"x" does not resolve')


@pytest.mark.parametrize(
    ("source", "inside"),
    [
        ("198.51.100.2", ""),
        ("2001:db8:1::2", ""),
        ("8.8.8.8", ""),
        ("172.15.255.255", ""),
        ("203.0.113.10", "its own address"),
        ("10.0.0.3", "an address that the internet does not have"),
        ("127.0.0.1", "an address that the internet does not have"),
        ("169.254.1.1", "an address that the internet does not have"),
        ("172.31.255.1", "an address that the internet does not have"),
        ("192.168.1.7", "an address that the internet does not have"),
        ("::1", "an address that the internet does not have"),
        ("fd00::7", "an address that the internet does not have"),
        ("fe80::7", "an address that the internet does not have"),
        ("100.63.255.255", ""),
        ("100.64.0.9", "an address that the internet does not have"),
        ("100.128.0.0", ""),
    ],
)
def test_where_the_target_sees_it_tells_whether_it_is_outside(source: str, inside: str) -> None:
    family = "ipv6" if ":" in source else "ipv4"
    vantage = read_vantage("ext", 0, {**PROBED, "source": {family: source}}, {})
    assert vantage.outside is (not inside)
    assert vantage.inside == (
        f"ext does not stand for the internet: the target sees it as {source}, {inside}" if inside else ""
    )


def test_a_prober_of_the_targets_own_network_is_no_outside() -> None:
    stopped = {**STOPPED, "addresses": ["127.0.0.1/8", "198.51.100.9/24", "2001:db8::9/64"]}
    probed = {**PROBED, "source": {"ipv4": "198.51.100.2", "ipv6": "fd00::7"}}
    assert read_vantage("ext", 0, probed, stopped).inside == (
        "ext does not stand for the internet: the target sees it as 198.51.100.2, an address of its own network "
        "198.51.100.0/24, and as fd00::7, an address that the internet does not have"
    )


def test_another_address_of_the_targets_is_its_own() -> None:
    stopped = {**STOPPED, "addresses": ["198.51.100.2/32"]}
    assert "as 198.51.100.2, its own address" in read_vantage("ext", 0, PROBED, stopped).inside


def test_the_target_itself_is_no_outside_even_if_nothing_reached_it() -> None:
    nowhere = {**PROBED, "source": {}, "network": "12ab"}
    vantage = read_vantage("ext", 0, nowhere, {**STOPPED, "sources": [], "network": "12ab"})
    assert (vantage.outside, vantage.inside) == (False, "ext does not stand for the internet: it is the target itself")
    assert read_vantage("ext", 0, nowhere, {"network": "34cd"}).outside is None
    assert read_vantage("ext", 0, {**nowhere, "network": ""}, {"network": ""}).outside is None


@pytest.mark.parametrize("addresses", [None, "x", [None], ["203.0.113.10/33"], ["203.0.113.9/24", "x"], [{}]])
def test_addresses_of_the_target_that_are_none_are_none(addresses: t.Any) -> None:
    stopped = {**STOPPED, "addresses": addresses}
    assert read_target(STARTED, stopped).addresses == ()
    assert read_vantage("ext", 0, PROBED, stopped).outside is True


def test_the_addresses_to_which_questions_came_are_told_by_vantage_and_family() -> None:
    rows = [
        {"vantage": 0, "address": "203.0.113.10"},
        {"vantage": 0, "address": "203.0.113.11"},
        {"vantage": 0, "address": "2001:db8::1"},
        {"vantage": 1, "address": "203.0.113.12"},
        "x",
    ]
    vantage = read_vantage("ext", 0, PROBED, {**STOPPED, "destinations": rows})
    assert vantage.came_to == {"ipv4": ("203.0.113.10", "203.0.113.11"), "ipv6": ("2001:db8::1",)}


def test_the_targets_own_address_behind_nat_is_no_outside_either() -> None:
    probed = {**PROBED, "destination": {"ipv4": "198.51.100.2"}}
    assert read_vantage("ext", 0, probed, STOPPED).outside is False


def test_if_nothing_came_back_the_target_may_know_where_it_came_from() -> None:
    probed = {**PROBED, "source": {}, "destination": {}}
    vantage = read_vantage("ext", 0, probed, {"sources": [{"vantage": 0, "address": "192.168.0.2"}]})
    assert (vantage.source, vantage.outside) == ({"ipv4": "192.168.0.2"}, False)
    vantage = read_vantage("ext", 1, probed, {"sources": [{"vantage": 0, "address": "192.168.0.2"}]})
    assert (vantage.source, vantage.outside) == ({}, None)


def test_cleaned_text_is_printable_and_bounded() -> None:
    assert clean("a\x00\x1b[2J\r\n\u202eb\ud800") == "a  [2J   b "
    assert len(clean("x" * 10_000)) == 300
    assert clean(None) == ""
    assert clean(7) == "7"


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_infinity=False)
    | st.sampled_from(("\x1b[2J", "x" * 5000, "::1", "10.0.0.1", "ipv4", "\ud800"))
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _hostile(good: t.Mapping[str, t.Any]) -> st.SearchStrategy[dict[str, t.Any]]:
    return st.fixed_dictionaries({}, optional={key: st.just(value) | _json for key, value in good.items()})


# What a module may return is any JSON; that a result is a dict is Ansible's own doing.
_observation = _hostile(PROBED["evidence"][0])
_tap = st.fixed_dictionaries({}, optional={"usable": _json, "reason": _json, "lost": _json})
_stopped = st.fixed_dictionaries(
    {},
    optional={
        "running": _json,
        "strangers": _json,
        "tap": _tap,
        "evidence": _json | st.lists(_observation, max_size=2),
        "sources": _json | st.lists(_hostile({"vantage": 0, "address": "198.51.100.2"}), max_size=2),
    },
)
_started = st.fixed_dictionaries({}, optional={"in_use": _json | st.lists(_hostile(STARTED["in_use"][0]), max_size=2)})


@given(_started, _stopped)
def test_a_hostile_target_raises_nothing_else(started: dict[str, t.Any], stopped: dict[str, t.Any]) -> None:
    try:
        target = read_target(started, stopped)
    except PreflightError:
        return
    assert target.gap.isprintable()
    assert len(target.gap) < 500
    for holder in target.in_use.values():
        assert all(value.isprintable() and len(value) <= 300 for value in holder.values())


@given(_hostile(PROBED), _stopped)
def test_a_hostile_prober_raises_nothing_else(probed: dict[str, t.Any], stopped: dict[str, t.Any]) -> None:
    try:
        vantage = read_vantage("ext", 0, probed, stopped)
    except PreflightError:
        return
    words = [vantage.failure, vantage.unresolved, vantage.inside]
    words += [*vantage.addresses.values(), *vantage.source.values(), *vantage.local.values()]
    words += [*vantage.destination.values()]
    words += [word for about in vantage.certificates.values() for word in about.values()]
    assert all(word.isprintable() and len(word) < 500 for word in words)


def test_the_scope_of_an_address_is_left_out() -> None:
    vantage = read_vantage("ext", 0, {**PROBED, "addresses": {"ipv6": "fe80::1%\x1b[2J"}}, STOPPED)
    assert vantage.addresses == {"ipv6": "fe80::1"}


def test_a_detail_with_control_characters_is_cleaned() -> None:
    row = {"seen": "foreign", "protocol": "udp", "family": "ipv4", "vantage": 0, "ports": "1"}
    vantage = read_vantage("ext", 0, {**PROBED, "evidence": [{**row, "detail": {"wh\nat": "\x1b[2J"}}]}, STOPPED)
    assert [row["detail"] for row in vantage.evidence.to_list()] == [{"wh at": " [2J"}]


def test_what_is_told_of_a_holder_is_cleaned() -> None:
    row = {"protocol": "udp", "port": 443, "holder": {"pro\x1b\u202ecess": "x\x1b[2J"}}
    assert read_target({"in_use": [row]}, STOPPED).in_use == {("udp", 443): {"pro  cess": "x [2J"}}


@pytest.mark.parametrize("where", ["port in use", "vantage of an observation"])
def test_infinity_raises_nothing_else(where: str) -> None:
    row = {"protocol": "tcp", "port": float("inf"), "holder": {}}
    seen = {**STOPPED["evidence"][0], "vantage": float("inf")}
    with contextlib.suppress(PreflightError):
        if where == "port in use":
            read_target({"in_use": [row]}, STOPPED)
        else:
            read_target({}, {**STOPPED, "evidence": [seen]})


def test_a_tap_that_is_no_dict_is_a_gap() -> None:
    target = read_target({}, {**STOPPED, "tap": "broken"})
    assert target.gap == "the target does not allow a look at its network card ()"


def test_services_have_their_state_before_and_after_and_what_was_between() -> None:
    quiesced = [
        {"unit": "haproxy", "was": "active", "now": "inactive"},
        {"unit": "redis.service", "was": "active", "now": "active"},
        {"unit": "nginx", "was": "masked", "now": "masked"},
    ]
    restored = [
        {"unit": "haproxy", "was": "inactive", "now": "failed", "down_seconds": None, "journal": ["no\x1b", "luck", 7]},
        {"unit": "redis.service", "was": "inactive", "now": "active", "down_seconds": 2.5},
        # What was not stopped for the test was down at some other time.
        {"unit": "nginx", "was": "masked", "now": "masked", "down_seconds": 99.0, "journal": ["long ago"]},
    ]
    stopped = [7, "redis.service", "haproxy.service"]
    stages = {"quiesced": {"services": quiesced, "stopped": stopped}, "restored": {"services": restored}}
    assert read_services(stages) == [
        {"unit": "haproxy", "was": "active", "now": "failed", "down_seconds": None, "journal": ["no ", "luck", "7"]},
        {"unit": "redis.service", "was": "active", "now": "active", "down_seconds": 2.5},
        {"unit": "nginx", "was": "masked", "now": "masked", "down_seconds": None},
    ]
    assert read_services({"quiesced": {"services": quiesced}}) == [{**row, "down_seconds": None} for row in quiesced]
    assert read_services({}) == []


@pytest.mark.parametrize("seconds", ["2.5", -1, float("nan"), float("inf"), 10**400, None, [], True])
def test_a_time_that_cannot_be_is_none(seconds: t.Any) -> None:
    stopped = ["haproxy.service"]
    quiesced = {"services": [{"unit": "haproxy", "was": "active", "now": "inactive"}], "stopped": stopped}
    restored = {"services": [{"unit": "haproxy", "was": "inactive", "now": "active", "down_seconds": seconds}]}
    (row,) = read_services({"quiesced": quiesced, "restored": restored})
    assert row["down_seconds"] is None


def test_who_is_connected_is_told_in_a_few_words() -> None:
    good = {"protocol": "tcp", "ports": "443", "connections": 3}
    rows: list[t.Any] = [good, "x", {}, {**good, "ports": "4\x1b"}]
    assert read_clients({"quiesced": {"clients": rows}}) == ["3 to 443/tcp", "3 to 4 /tcp"]
    for broken in ({}, {"quiesced": None}, {"quiesced": {"clients": "x"}}):
        assert read_clients(broken) == []


def test_rows_of_services_that_are_broken_are_skipped() -> None:
    good = {"unit": "haproxy", "was": "active", "now": "inactive", "more": "x"}
    broken: list[t.Any] = ["haproxy", None, 7, [], {}, {"unit": "nginx"}, {"unit": "nginx", "was": "active"}]
    stages = {
        "quiesced": {"services": [*broken, good, {"unit": "re\ndis", "was": None, "now": 7}]},
        "restored": {"services": [*broken, {"unit": "haproxy", "was": "inactive", "now": "act\x1bive"}]},
    }
    assert read_services(stages) == [
        {"unit": "haproxy", "was": "active", "now": "act ive", "down_seconds": None},
        {"unit": "re dis", "was": "", "now": "7", "down_seconds": None},
    ]


@pytest.mark.parametrize("stage", [None, "broken", ["broken"], {}, {"services": "broken"}, {"services": None}])
def test_a_stage_of_services_that_is_broken_is_none(stage: t.Any) -> None:
    assert read_services({"quiesced": stage, "restored": stage}) == []
    whole = {"services": [{"unit": "haproxy", "was": "active", "now": "inactive"}]}
    assert read_services({"quiesced": whole, "restored": stage}) == [{**whole["services"][0], "down_seconds": None}]
