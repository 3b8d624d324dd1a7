# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import json
import os
import pathlib
import stat
import typing as t
import unicodedata

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import parse_ports
from ansible_collections.plugnmeet.server.plugins.plugin_utils import _report, _sides, _verdict
from ansible_collections.plugnmeet.server.plugins.plugin_utils._certificate import read_certificate
from ansible_collections.plugnmeet.server.plugins.plugin_utils._firewall import UNKNOWN, Firewall, read_firewall
from ansible_collections.plugnmeet.server.tests.unit.plugins.plugin_utils.certificate_of import certificate_of

MEDIA = range(50_000, 60_001)
HOLE = {55_000, 55_001, 55_002}

STARTED = 1_700_000_000.7  # seconds since the epoch

Made = tuple[_report.Report, list[_verdict.Check], list[_sides.Vantage]]


def make(sides: t.Any, rows: t.Any, vantages: t.Any, target: t.Any = None, **known: t.Any) -> Made:
    checks = _verdict.decide(rows, vantages, target or sides.target({}), True)
    values: dict[str, t.Any] = {"host": "meet1", "address": "meet.example.com", "services": [], "seconds": 4.1234}
    report = _report.build(checks=checks, vantages=vantages, **{**values, **known})
    return report, checks, vantages


def show(made: Made, path: str = "", firewall: Firewall = UNKNOWN) -> str:
    return _report.render(*made, STARTED, path, firewall)


def hole(sides: t.Any) -> Made:
    vantage = sides.vantage({("open", "udp", ""): set(MEDIA) - HOLE})
    services = [{"unit": "haproxy", "was": "active", "now": "active", "down_seconds": 2.61}]
    return make(sides, [sides.row("udp", MEDIA, name="media")], [vantage], services=services)


def test_the_report_is_exactly_the_contracts(sides: t.Any) -> None:
    report, *dummy = hole(sides)
    explanation = "Nothing of it reached meet1's network card, and nothing came back."
    remedy = (
        "Open 55000-55002/udp to 203.0.113.10 in the firewall in front of meet1 "
        "(the provider's security group or network firewall, or the router)"
    )
    assert report == {
        "schema": 1,
        "host": "meet1",
        "address": "meet.example.com",
        "passed": False,
        "seconds": 4.1,
        "vantages": [
            {
                "host": "ext",
                "outside": True,
                "source": {"ipv4": "198.51.100.2"},
                "address": {"ipv4": "203.0.113.10"},
                "source_local": {"ipv4": "192.0.2.7"},
                "source_port": {},
                "address_local": {"ipv4": "203.0.113.10"},
            }
        ],
        "checks": [
            {
                "name": "media",
                "protocol": "udp",
                "ports": "50000-60000",
                "required": True,
                "speaks": "stun",
                "purpose": "what it is for",
                "expect": "open",
                "vantage": "ext",
                "family": "ipv4",
                "verdict": "failed",
                "results": [
                    {"state": "open", "ports": "50000-54999,55003-60000", "count": 9998},
                    {
                        "state": "blocked_upstream",
                        "ports": "55000-55002",
                        "count": 3,
                        "explanation": explanation,
                        "remedy": [remedy],
                    },
                ],
            }
        ],
        "services": [{"unit": "haproxy", "was": "active", "now": "active", "down_seconds": 2.61}],
        "strangers": {},
    }


def test_strangers_are_counted_and_many_are_told_of(sides: t.Any) -> None:
    vantage, rows = sides.vantage({("open", "udp", ""): MEDIA}), [sides.row("udp", MEDIA, name="media")]
    few = make(sides, rows, [vantage], strangers={"datagrams": 3, "connections": 1})
    assert few[0]["strangers"] == {"datagrams": 3, "connections": 1}
    assert "trangers" not in show(few)
    many = show(make(sides, rows, [vantage], strangers={"datagrams": 48_000, "connections": 0}))
    assert "Meanwhile strangers came to these ports with 48000 datagrams. None of them got an answer." in " ".join(
        many.split()
    )


def test_one_stranger_is_no_strangers(sides: t.Any) -> None:
    vantage, rows = sides.vantage({("open", "udp", ""): MEDIA}), [sides.row("udp", MEDIA, name="media")]
    made = make(sides, rows, [vantage], strangers={"datagrams": 48_000, "connections": 1})
    assert "strangers came to these ports with 48000 datagrams and 1 connection." in " ".join(show(made).split())


def test_what_is_known_has_the_contracts_names(sides: t.Any) -> None:
    seen = {("rejected", "udp", "by=ICMP x; offender=192.0.2.1"): [2]}
    target = sides.target(
        {("received", "udp", ""): [3], ("left", "udp", ""): [3]},
        in_use={("udp", 1): {"process": "nginx", "pid": "7", "unit": "nginx.service"}},
    )
    report, *dummy = make(sides, [sides.row("udp", [1, 2, 3])], [sides.vantage(seen)], target)
    in_use, rejected, blocked = report["checks"][0]["results"]
    assert in_use["holder"] == {"process": "nginx", "pid": 7, "unit": "nginx.service"}
    assert (rejected["by"], rejected["from"]) == ("ICMP x", "192.0.2.1")
    assert blocked["where"] == "beyond"


def test_what_passed_needs_no_words(sides: t.Any) -> None:
    made = make(sides, [sides.row("udp", [1, 2])], [sides.vantage({("open", "udp", ""): [1, 2]})])
    report = made[0]
    assert report["passed"] is True
    assert report["checks"][0]["results"] == [{"state": "open", "ports": "1-2", "count": 2}]
    assert "->" not in show(made)


def test_without_an_address_the_family_is_null(sides: t.Any) -> None:
    nowhere = sides.vantage({}, families=(), unresolved='"x" does not resolve: no')
    report, *dummy = make(sides, [sides.row("udp", [1])], [nowhere])
    (check,) = report["checks"]
    assert (check["family"], check["verdict"], check["results"][0]["state"]) == (None, "inconclusive", "untested")


def test_the_screen_shows_a_table_and_below_it_why_and_what_to_do(sides: t.Any) -> None:
    assert (
        show(hole(sides), "reports/meet1.json")
        == """
PLUGNMEET PREFLIGHT of meet1 (meet.example.com), 2023-11-14 22:13:20 UTC
  from ext: 198.51.100.2 (NAT of 192.0.2.7) to 203.0.113.10

PORT             FOR             NEED      RESULT
50000-60000/udp  what it is for  required  FAILED: blocked upstream (3 of
                                           10001)

55000-55002/udp, over IPv4, from ext: blocked upstream
  ext --> the way --x meet1's network card ... firewall ... listener
  Nothing of it reached meet1's network card, and nothing came back.
  -> Open 55000-55002/udp to 203.0.113.10 in the firewall in front of meet1
     (the provider's security group or network firewall, or the router)

Stopped for 2.6 s for the test, and running again: haproxy.
meet1 did not pass: 1 of 1 required entries not proven open: media
(50000-60000/udp). It took 4.1 s. Report: reports/meet1.json
"""
    )


def test_a_service_that_did_not_come_back_is_shown(sides: t.Any) -> None:
    vantage = sides.vantage({("open", "udp", ""): [1]})
    services = [
        {
            "unit": "haproxy",
            "was": "active",
            "now": "failed",
            "down_seconds": None,
            "journal": ["cannot bind socket [0.0.0.0:443]", "Failed with result 'exit-code'."],
        },
        {"unit": "redis", "was": "active", "now": "active", "down_seconds": 1.98},
        {"unit": "plugnmeet", "was": "active", "now": "active", "down_seconds": 3.04},
        {"unit": "nginx", "was": "not-found", "now": "not-found", "down_seconds": None},
    ]
    made = make(sides, [sides.row("udp", [1])], [vantage], services=services)
    assert show(made).splitlines()[-7:] == [
        "Stopped for 3.0 s for the test, and running again: redis and plugnmeet.",
        "haproxy was active before, and is failed now!",
        "  cannot bind socket [0.0.0.0:443]",
        "  Failed with result 'exit-code'.",
        "Not stopped, since meet1 has no such unit: nginx.",
        "meet1 passed: the one required entry is proven open from outside. It took",
        "4.1 s.",
    ]


def test_what_stood_still_before_is_not_said_to_run_again(sides: t.Any) -> None:
    services = [{"unit": "nginx", "was": "inactive", "now": "inactive"}]
    made = make(sides, [sides.row("udp", [1])], [sides.vantage({})], services=services)
    assert "Stopped for the test" not in show(made)
    assert "nginx" not in show(made)


@pytest.mark.parametrize(
    ("known", "line"),
    [
        ({"local": {"ipv4": "198.51.100.2"}}, "  from ext: 198.51.100.2 to 203.0.113.10"),
        ({"local": {}, "destination": {}}, "  from ext: 198.51.100.2 to 203.0.113.10"),
        ({}, "  from ext: 198.51.100.2 (NAT of 192.0.2.7) to 203.0.113.10"),
        (
            {"destination": {"ipv4": "10.0.0.5"}},
            "  from ext: 198.51.100.2 (NAT of 192.0.2.7) to 203.0.113.10 (NAT of 10.0.0.5)",
        ),
        ({"source": {}}, "  from ext: 192.0.2.7 to 203.0.113.10"),
        ({"source": {}, "local": {}}, "  from ext to 203.0.113.10"),
        ({"addresses": {}}, "  from ext"),
    ],
    ids=[
        "as both see it",
        "as the other sees it",
        "behind NAT",
        "both behind NAT",
        "as it sees itself",
        "not known",
        "no address",
    ],
)
def test_a_prober_stands_with_the_best_address_that_is_known(sides: t.Any, known: t.Any, line: str) -> None:
    made = make(sides, [sides.row("udp", [1])], [sides.vantage({}, **known)])
    assert show(made).splitlines()[2] == line


def test_steps_that_are_too_many_for_the_screen_are_counted(sides: t.Any) -> None:
    scattered = range(1, 91, 2)  # 45 ranges, which take 9 rules of ufw
    target = sides.target({("arrived", "udp", ""): scattered, ("passed", "udp", ""): scattered})
    made = make(sides, [sides.row("udp", scattered)], [sides.vantage({})], target)
    (remedy,) = [result["remedy"] for result in made[0]["checks"][0]["results"]]
    assert len(remedy) == 10
    steps = [line for line in show(made).splitlines() if line.startswith(("  -> ", "     ufw allow"))]
    assert len(steps) == 9
    assert steps[-2:] == ["     ufw allow 61,63,65,67,69/udp", "  -> and 2 more, which the report has"]


def test_commands_are_shown_whole_and_unmarked_and_are_in_the_report(sides: t.Any) -> None:
    seen = {("arrived", "udp", ""): [50000], ("passed", "udp", ""): [50000]}
    chain = "a_chain_that_somebody_gave_a_very_long_name_indeed"
    rule = {
        **dict.fromkeys(("action", "zone", "before"), ""),
        "protocol": "udp",
        "family": "ipv4",
        "ports": "50000",
        "hook": "input",
        "manager": "nftables",
        "table": "inet filter",
        "chain": chain,
        "rule": 'iifname "eth0" drop',
        "position": 3,
        "handle": 7,
        "certain": True,
    }
    firewall = read_firewall({"in_force": "nftables", "rules": [rule]})
    made = make(sides, [sides.row("udp", [50000])], [sides.vantage({})], sides.target(seen), firewall=firewall)
    command = f"nft insert rule inet filter {chain} position 7 udp dport 50000 accept"
    (result,) = made[0]["checks"][0]["results"]
    assert result["commands"] == [command]
    assert result["remedy"] == [
        "On meet1, where nftables is in charge:",
        command,
        "And the same in /etc/nftables.conf, to last",
    ]
    assert {type(step) for step in result["remedy"] + result["commands"]} == {str}
    shown = "\n".join(["  -> On meet1, where nftables is in charge:", f"     {command}", "  -> And the same in "])
    assert len(command) > 79
    assert shown in show(made, firewall=firewall)
    assert f"""the rule 'iifname "eth0" drop' of chain {chain}""" in result["explanation"]


def test_a_remedy_without_a_command_that_mends_has_no_key_for_it(sides: t.Any) -> None:
    (result,) = [result for result in hole(sides)[0]["checks"][0]["results"] if result["state"] != "open"]
    assert "commands" not in result


def test_what_concerns_all_of_the_table_is_not_listed(sides: t.Any) -> None:
    rows = [sides.row("tcp", [80], name="acme"), sides.row("udp", MEDIA, name="media")]
    assert "\nevery port, over IPv4, from ext: blocked upstream\n" in show(make(sides, rows, [sides.vantage({})]))
    one = sides.vantage({("open", "tcp", ""): [80]})
    assert "\n50000-60000/udp, over IPv4, from ext: blocked upstream\n" in show(make(sides, rows, [one]))


def test_ports_that_chance_picked_are_counted_and_not_listed(sides: t.Any) -> None:
    seen = {
        ("open", "udp", ""): range(50_000, 50_004),
        ("limited", "udp", "limit=flows; after=4"): range(50_004, 60_001),
    }
    shown = show(make(sides, [sides.row("udp", MEDIA, name="media")], [sides.vantage(seen, families=["ipv4", "ipv6"])]))
    assert "\n50000-60000/udp, over IPv4 and IPv6, from ext: 19994 of 20002 times untested\n" in shown
    assert "After 4 answers no new connection got through" in shown


def test_who_passes_the_proof_on_is_told_and_does_no_harm(sides: t.Any) -> None:
    seen = {("open", "tcp", 'via=1.1 "box"'): [80]}
    made = make(sides, [sides.row("tcp", [80])], [sides.vantage(seen, families=["ipv4", "ipv6"])])
    assert [check["results"] for check in made[0]["checks"]] == [
        [{"state": "open", "ports": "80", "count": 1, "via": '1.1 "box"'}]
    ] * 2
    assert made[0]["passed"]
    assert "80/tcp, over IPv4 and IPv6: a proxy, '1.1 \"box\"', passes question and proof on" in show(made)


def test_the_summary_names_what_is_not_proven_once(sides: t.Any) -> None:
    vantage = sides.vantage({("open", "tcp", ""): [80]}, families=("ipv4", "ipv6"))
    rows = [sides.row("tcp", [80], name="acme"), sides.row("udp", [5, 6], name="media")]
    report, *dummy = make(sides, rows, [vantage])
    assert _report.summary(report) == ("meet1 did not pass: 1 of 2 required entries not proven open: media (5-6/udp)")


def test_the_summary_counts_entries_of_the_table_and_shortens_their_ports(sides: t.Any) -> None:
    both = ("ipv4", "ipv6")
    rows = [
        sides.row("tcp", [80], name="a"),
        sides.row("udp", range(1, 13, 2), name="b"),
        sides.row("udp", [443], required=False, name="c"),
    ]
    vantages = [sides.vantage({}, "one", families=both), sides.vantage({}, "two", 1, both)]
    report, *dummy = make(sides, rows, vantages)
    assert _report.summary(report) == (
        "meet1 did not pass: 2 of 2 required entries not proven open: a (80/tcp), b (1,3,5,7,9,… (6 ranges)/udp)"
    )


def test_the_summary_counts_what_passed(sides: t.Any) -> None:
    vantage = sides.vantage({("open", "tcp", ""): [80]})
    rows = [sides.row("tcp", [80]), sides.row("udp", [1], required=False)]
    report, *dummy = make(sides, rows, [vantage])
    assert _report.summary(report) == "meet1 passed: the one required entry is proven open from outside"


def test_the_summary_says_why_there_was_nothing_to_prove(sides: t.Any) -> None:
    optional = [sides.row("udp", [443], required=False)]
    report, *dummy = make(sides, optional, [sides.vantage({("open", "udp", ""): [443]})])
    assert _report.summary(report) == "meet1 did not pass: no entry of its port table is required"
    report, *dummy = make(sides, [sides.row("udp", [443])], [])
    assert _report.summary(report) == "meet1 did not pass: there was no prober to ask"


# The screen, whatever there is to show


def _everything(sides: t.Any) -> dict[str, Made]:
    rows = [
        sides.row("tcp", [80], name="acme"),
        sides.row("tcp", [443], name="https"),
        sides.row("udp", MEDIA, name="media"),
        sides.row("udp", [443], required=False, name="turn-udp"),
    ]
    both = ("ipv4", "ipv6")
    details = {
        "silence": {},
        "open": {("open", "tcp", ""): [80, 443], ("open", "udp", ""): [443, *MEDIA]},
        "moved": {("moved", "udp", "to=50001"): MEDIA, ("moved", "udp", "via=198.51.100.1 port 50000"): [443]},
        "foreign": {("foreign", "udp", f"what={'x' * 60}"): MEDIA, ("accepted", "tcp", ""): [80]},
        "rejected": {("rejected", "udp", "by=ICMP admin prohibited; offender=2001:db8:1234:5678:9abc:def0:1:2"): MEDIA},
        "unsent": {("unsent", "udp", "reason=its own firewall does not let the question out (Operation not)"): MEDIA},
    }
    made = {name: make(sides, rows, [sides.vantage(seen, families=both)]) for name, seen in details.items()}
    hostile = read_certificate(certificate_of("{subject}\x1b[2J\n\u202e" + "x" * 50, "{{ 7 * 6 }}" + "y " * 20))
    other = {("foreign", "tcp", "what=another certificate; kind=certificate; certificate=12ab"): [443]}
    made["certificate"] = make(sides, rows, [sides.vantage(other, families=both, certificates={"12ab": hostile})])
    two = [sides.vantage({}, "outside-one"), sides.vantage(details["open"], "outside-two", 1, both)]
    made["two vantages"] = make(sides, rows, two)
    made["gap"] = make(
        sides, rows, two, sides.target({}, gap="the target does not allow a look at its network card (x)")
    )
    holder = {"process": "a-process-name", "pid": "1234567", "unit": "a-unit-of-a-longer-name.service"}
    made["in use"] = make(sides, rows, two, sides.target({}, in_use={("tcp", 80): holder, ("udp", 50_000): holder}))
    made["unresolved"] = make(sides, rows, [sides.vantage({}, families=(), unresolved='"x" does not resolve: no')])
    made["failure"] = make(
        sides, rows, [sides.vantage({}, families=(), failure="ext could not be used: " + "why " * 60)]
    )
    inside = "ext does not stand for the internet: the target sees it as 10.0.0.3, " + "an address of " * 9
    made["inside"] = make(sides, rows, [sides.vantage(details["open"], outside=False, inside=inside)])
    back = {("received", "udp", ""): MEDIA, ("left", "udp", ""): MEDIA, ("unanswered", "udp", "reason=EPERM"): [443]}
    made["return"] = make(sides, rows, [sides.vantage({})], sides.target(back))
    return made


CASES = [
    "silence", "open", "moved", "foreign", "rejected", "unsent", "two vantages", "gap", "in use", "unresolved",
    "failure", "inside", "return", "certificate",
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_screen_is_at_most_80_columns_wide(sides: t.Any, case: str) -> None:
    made = _everything(sides)
    assert set(made) == set(CASES)
    lines = show(made[case], "reports/meet1.json").splitlines()
    assert [line for line in lines if len(line) > 80 or line != line.rstrip()] == []


@pytest.mark.parametrize("case", CASES)
def test_the_screen_and_the_file_have_no_control_characters(sides: t.Any, case: str) -> None:
    made = _everything(sides)[case]
    assert show(made).replace("\n", "").isprintable()
    assert json.dumps(made[0], ensure_ascii=False).isprintable()


@pytest.mark.parametrize("case", CASES)
def test_a_reports_counts_and_ports_agree(sides: t.Any, case: str) -> None:
    for check in _everything(sides)[case][0]["checks"]:
        sets = [parse_ports(result["ports"]) for result in check["results"]]
        assert [result["count"] for result in check["results"]] == list(map(len, sets))
        assert frozenset().union(*sets) == parse_ports(check["ports"])
        assert sum(map(len, sets)) == len(parse_ports(check["ports"]))


def columns(line: str) -> int:
    """How many columns a line takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "FW" else 1 for letter in line)


@pytest.mark.parametrize(
    "purpose", ["\u97f3\u58f0\u3068\u6620\u50cf", "a\u97f3" * 30, "\u97f3\u58f0 " * 20, "\U0001f3a5 " * 3]
)
def test_a_wide_character_takes_two_columns(sides: t.Any, purpose: str) -> None:
    rows = [sides.row("udp", [443])._replace(purpose=purpose), sides.row("tcp", [80])]
    host = "\u65e5\u672c" * 30
    shown = show(make(sides, rows, [sides.vantage({}, host), sides.vantage({("open", "tcp", ""): [80]}, "b", 1)]))
    assert [line for line in shown.splitlines() if columns(line) > 80] == []
    assert host in "".join(shown.split())
    table = shown.partition("\n\n")[2].partition("\n\n")[0].splitlines()
    places = [line.partition(word)[0] for line in table for word in ("NEED", "required") if word in line]
    assert len(places) == 3
    assert len({columns(place) for place in places}) == 1
    assert purpose.replace(" ", "") in "".join(line[9:].partition("  ")[0] for line in table).replace(" ", "")


def test_what_only_a_witness_from_inside_found_open_is_not_called_open(sides: t.Any) -> None:
    witness = sides.vantage({("open", "tcp", ""): [443]}, outside=False, inside="ext is the target itself")
    shown = show(make(sides, [sides.row("tcp", [443])], [witness]))
    assert "NOT PROVEN: open, not from outside" in shown
    assert "443/tcp, over IPv4, from ext: open, not from outside\n" in shown


def test_where_nothing_was_stopped_it_says_so(sides: t.Any) -> None:
    unable = sides.vantage({}, families=(), failure="ext could not be used: no route")
    assert "\nNo service was stopped.\n" in show(make(sides, [sides.row("udp", [1])], [unable]))
    assert "No service was stopped" not in show(hole(sides))


def test_a_short_list_of_ports_has_its_line(sides: t.Any) -> None:
    made = make(sides, [sides.row("tcp", [80, 443])], [sides.vantage({})])
    assert "\n80, 443/tcp  what it is for  required" in show(made)


@pytest.mark.parametrize("listener", ["", "received"])
def test_a_set_of_many_ranges_is_not_too_wide(sides: t.Any, listener: str) -> None:
    scattered = set(range(50_000, 50_200, 2))
    target = sides.target({(listener, "udp", ""): scattered} if listener else {})
    vantage = sides.vantage({("open", "udp", ""): set(MEDIA) - scattered})
    made = make(sides, [sides.row("udp", MEDIA)], [vantage], target)
    assert max(map(len, show(made).splitlines())) <= 80


def test_the_report_has_what_is_known_of_a_certificate_as_it_is(sides: t.Any) -> None:
    known = read_certificate(certificate_of("{subject}", "{{ 7 * 6 }}"))
    seen = {("foreign", "tcp", "what=another certificate; kind=certificate; certificate=12ab"): [443]}
    made = make(sides, [sides.row("tcp", [443])], [sides.vantage(seen, certificates={"12ab": known})])
    (result,) = made[0]["checks"][0]["results"]
    assert result["certificate"] == known
    assert known["subject"] == "CN={subject}"
    assert known["issuer"] == "CN={{ 7 * 6 }}"
    assert 'a certificate that "CN={{ 7 * 6 }}" issued for "CN={subject}", valid until' in result["explanation"]


def test_both_ends_behind_nat_are_in_the_report_as_they_see_themselves(sides: t.Any) -> None:
    known = {"local": {"ipv4": "192.168.0.7"}, "source_port": {"ipv4": 40123}, "destination": {"ipv4": "10.0.0.5"}}
    vantage = sides.vantage({}, **known)
    report, *dummy = make(sides, [sides.row("udp", [1])], [vantage])
    assert report["vantages"] == [
        {
            "host": "ext",
            "outside": True,
            "source": {"ipv4": "198.51.100.2"},
            "address": {"ipv4": "203.0.113.10"},
            "source_local": {"ipv4": "192.168.0.7"},
            "source_port": {"ipv4": 40123},
            "address_local": {"ipv4": "10.0.0.5"},
        }
    ]


def test_a_long_name_is_not_too_wide(sides: t.Any) -> None:
    name = "conferences.department.university.example.org"
    made = make(sides, [sides.row("udp", [1])], [sides.vantage({})], host=name, address=name)
    assert max(map(len, show(made).splitlines())) <= 80


def test_a_pid_that_is_no_number_is_no_error(sides: t.Any) -> None:
    target = sides.target({}, in_use={("udp", 1): {"process": "x", "pid": "many"}})
    make(sides, [sides.row("udp", [1])], [sides.vantage({})], target)


def test_a_detail_cannot_take_the_place_of_the_state(sides: t.Any) -> None:
    vantage = sides.vantage({("rejected", "udp", "state=open; ports=1; count=7"): [1]})
    report, *dummy = make(sides, [sides.row("udp", [1])], [vantage])
    assert report["checks"][0]["results"][0]["state"] == "rejected_upstream"


def test_a_wrong_address_is_explained_once_for_whole_entries(sides: t.Any) -> None:
    seen = {("rejected", "udp", "by=ICMP port unreachable; offender=203.0.113.10"): [50_000]}
    target = sides.target({}, addresses=(ipaddress.ip_interface("203.0.113.99/24"),))
    rows = [sides.row("udp", MEDIA, name="media")]
    vantages = [sides.vantage(seen, source={})]
    checks = _verdict.decide(rows, vantages, target, vantage_check=True)
    report = _report.build("meet1", "meet.example.com", checks, vantages, [], 1.0)
    screen = _report.render(report, checks, vantages, 0.0)
    assert "50000-60000/udp, over IPv4, from ext: rejected upstream and blocked upstream\n" in screen
    assert screen.count("The A record of meet.example.com is wrong") == 1
    assert report["checks"][0]["results"][0]["astray"]["own"] == ["203.0.113.99"]


def test_a_plan_says_who_could_not_ask(sides: t.Any) -> None:
    vantages = [sides.vantage({}, families=(), unresolved='"x" does not resolve'), sides.vantage({}, "b", 1)]
    report, *dummy = make(sides, [sides.row("udp", [1])], vantages)
    assert '\n  could not ask: "x" does not resolve\n  would ask 1/udp (udp) from ext and b\n' in _report.render_plan(
        report, vantages
    )


def test_a_plan_says_what_would_be_done(sides: t.Any) -> None:
    services = [
        {"unit": "haproxy", "was": "active", "now": "inactive"},
        {"unit": "x", "was": "failed", "now": "failed"},
    ]
    vantages = [sides.vantage({}, families=("ipv4", "ipv6")), sides.vantage({}, "b", 1)]
    report, *dummy = make(sides, [sides.row("udp", MEDIA, name="media")], vantages, services=services)
    assert (
        _report.render_plan(report, vantages)
        == """
PLUGNMEET PREFLIGHT of meet1 (meet.example.com): check mode, nothing was tested
  would stop and start again: haproxy
  would ask 50000-60000/udp (media) from ext and b
"""
    )


def test_a_plan_says_who_would_be_in_the_way(sides: t.Any) -> None:
    vantages = [sides.vantage({})]
    report, *dummy = make(sides, [sides.row("udp", MEDIA, name="media")], vantages)
    plan = _report.render_plan(report, vantages, ["3 to 443/tcp", "1 to 7881/tcp"])
    assert (
        "  would stop nothing while there are clients (connections: 3 to 443/tcp and 1\n"
        "    to 7881/tcp), but with preflight_interrupt: true\n"
    ) in plan


# The file


def test_the_file_holds_the_report_for_its_owner_only(sides: t.Any, tmp_path: pathlib.Path) -> None:
    report = {**hole(sides)[0], "address": "bücher.example"}
    path = _report.write(report, str(tmp_path / "new" / "reports"))
    assert path == str(tmp_path / "new" / "reports" / "meet1.json")
    text = pathlib.Path(path).read_text(encoding="utf-8")
    assert json.loads(text) == report
    assert "bücher" in text
    assert text.endswith("}\n")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_tilde_is_the_home_of_who_runs_it(
    sides: t.Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    report = hole(sides)[0]
    assert _report.write(report, "~/reports") == str(tmp_path / "reports" / "meet1.json")
    assert json.loads((tmp_path / "reports" / "meet1.json").read_text(encoding="utf-8")) == report


def test_a_former_report_is_replaced_and_nothing_is_left_beside(sides: t.Any, tmp_path: pathlib.Path) -> None:
    former = tmp_path / "meet1.json"
    former.write_text("old", encoding="utf-8")
    former.chmod(0o644)
    _report.write(hole(sides)[0], str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["meet1.json"]
    assert json.loads(former.read_text(encoding="utf-8"))["host"] == "meet1"
    assert stat.S_IMODE(former.stat().st_mode) == 0o600


def test_a_link_in_its_place_is_replaced_and_not_followed(sides: t.Any, tmp_path: pathlib.Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious", encoding="utf-8")
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "meet1.json").symlink_to(precious)
    _report.write(hole(sides)[0], str(folder))
    assert precious.read_text(encoding="utf-8") == "precious"
    assert not (folder / "meet1.json").is_symlink()


def test_a_report_that_cannot_be_written_leaves_the_former_one(sides: t.Any, tmp_path: pathlib.Path) -> None:
    former = tmp_path / "meet1.json"
    former.write_text("old", encoding="utf-8")
    with pytest.raises(TypeError):
        _report.write({**hole(sides)[0], "checks": object()}, str(tmp_path))
    assert former.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["meet1.json"]


@pytest.mark.parametrize("host", ["a/b", "../meet1", "/etc/passwd", ".."])
def test_a_hosts_name_leads_nowhere_else(sides: t.Any, tmp_path: pathlib.Path, host: str) -> None:
    folder = tmp_path / "deep" / "reports"
    path = _report.write({**hole(sides)[0], "host": host}, str(folder))
    assert pathlib.Path(path).parent == folder
    assert [found.parent for found in tmp_path.rglob("*") if found.is_file()] == [folder]


def test_a_place_that_is_no_directory_is_said(sides: t.Any, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for place in ("file", "file/below"):
        with pytest.raises(PreflightError) as raised:
            _report.write(hole(sides)[0], str(tmp_path / place))
        assert str(raised.value).startswith(f'preflight_report_dir "{tmp_path / place}" cannot be written to: ')


def test_a_directory_that_takes_no_files_is_said(sides: t.Any) -> None:
    with pytest.raises(
        PreflightError, match=r'preflight_report_dir "/proc" cannot be written to: .+; name another one$'
    ):
        _report.write(hole(sides)[0], "/proc")  # where not even root can make a file
