# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._probe.sweep import TIME_OVER
from ansible_collections.plugnmeet.server.plugins.plugin_utils._cause import Cause
from ansible_collections.plugnmeet.server.plugins.plugin_utils._firewall import read_firewall
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.advice import Advice, advise
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import families
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import listing, shortened
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import Command, ServerCommand, reserve_ports
from ansible_collections.plugnmeet.server.tests.unit.plugins.plugin_utils.rules_of import ROW

Facts = dict[str, t.Any]

CAUSE = Cause(
    state="blocked_upstream",
    facts={},
    gap="",
    inside="",
    unseen=False,
    ports=(("udp", "50000-60000"),),
    names=("media",),
    entries=(("udp", "50000-60000"),),
    ends=(("ext", "ipv4"),),
    addresses=("203.0.113.10",),
)
OPEN_UPSTREAM = (
    "Open 50000-60000/udp to 203.0.113.10 in the firewall in front of meet1 "
    "(the provider's security group or network firewall, or the router)"
)
OPEN_ON_HOST = "In meet1's own firewall, allow incoming 50000-60000/udp. With ufw:"


def advice(state: str, **facts: t.Any) -> Advice:
    return advise(CAUSE._replace(state=state, facts=facts), "meet1", "meet.example.com")


CERTIFICATE = {
    "subject": "CN=inspected.example",
    "issuer": "O=Middlebox {Ltd}",
    "expires": "2026-11-23 13:00 UTC",
}
NOBODY_LISTENS = "So does another machine that it is forwarded to, on which nobody listens, and some firewalls."
CASES: list[tuple[str, Facts, str, str]] = [
    ("blocked_upstream", {}, "Nothing of it reached meet1's network card, and nothing came back.", OPEN_UPSTREAM),
    (
        "rejected_upstream",
        {"by": "ICMP admin prohibited", "offender": "198.51.100.1"},
        "198.51.100.1 refuses it with ICMP admin prohibited, and nothing of it reached meet1's network card.",
        "Open 50000-60000/udp to 203.0.113.10 in the firewall at 198.51.100.1 ",
    ),
    (
        "rejected_upstream",
        {"by": "ICMP net unreachable", "offender": "198.51.100.1"},
        "198.51.100.1 knows no way to 203.0.113.10 (ICMP net unreachable).",
        "Have the routes to 203.0.113.10 mended at 198.51.100.1, by whoever runs that router",
    ),
    (
        "rejected_upstream",
        {"by": "ICMP time exceeded", "offender": "198.51.100.1"},
        "It never comes to 203.0.113.10: it goes round in circles, until 198.51.100.1 drops it (ICMP time exceeded).",
        "Have the routes to 203.0.113.10 mended at 198.51.100.1, by whoever runs that router",
    ),
    (
        "rejected_upstream",
        {"by": "TCP reset"},
        "A device on the way refuses it with TCP reset, and nothing of it reached meet1's network card. "
        + NOBODY_LISTENS,
        OPEN_UPSTREAM,
    ),
    (
        "rejected_upstream",
        {"by": "ICMP port unreachable", "offender": "203.0.113.10"},
        "203.0.113.10 refuses it with ICMP port unreachable, and nothing of it reached meet1's network card. "
        + NOBODY_LISTENS,
        OPEN_UPSTREAM,
    ),
    (
        "blocked_on_host",
        {},
        "It reached meet1's network card, and meet1's own firewall dropped it.",
        OPEN_ON_HOST,
    ),
    (
        "rejected_on_host",
        {"by": "TCP reset"},
        "It reached meet1's network card, and meet1 itself refused it with TCP reset.",
        OPEN_ON_HOST,
    ),
    (
        "return_blocked",
        {"where": "beyond"},
        "meet1 got the question, and its answer left the network card, but never came back to ext.",
        "In the firewall in front of meet1, allow outgoing packets from source ports 50000-60000/udp",
    ),
    (
        "return_blocked",
        {"where": "target", "reason": "Operation not permitted"},
        "meet1 got the question, but its answer was stopped on meet1 itself: Operation not permitted.",
        "In meet1's own firewall, allow outgoing packets from source ports 50000-60000/udp",
    ),
    (
        "return_blocked",
        {"where": "target"},
        "meet1 got the question, but its answer was stopped on meet1 itself: it never got to the network card.",
        "In meet1's own firewall, allow outgoing packets from source ports 50000-60000/udp",
    ),
    (
        "port_in_use",
        {"process": "nginx", "pid": "7", "unit": "nginx.service"},
        "On meet1 nginx (process 7, unit nginx.service) holds it, so nothing could be tested there.",
        "If meet1 does not need it:",
    ),
    (
        "port_in_use",
        {"process": "python3", "pid": "7", "unit": "session-1.scope"},
        "On meet1 python3 (process 7, unit session-1.scope) holds it, so nothing could be tested there.",
        "End what holds 50000-60000/udp on meet1, or make it use another port",
    ),
    (
        "port_in_use",
        {},
        "On meet1 the kernel holds it, so nothing could be tested there.",
        "End what holds 50000-60000/udp on meet1, or make it use another port",
    ),
    (
        "wrong_server",
        {"what": '"SSH-2.0"'},
        'Somebody else answered at 203.0.113.10 in the place of meet1, with "SSH-2.0".',
        "Make meet.example.com lead to meet1: check its DNS records",
    ),
    (
        "intercepted",
        {"to": "60001"},
        "It arrived at meet1 on port 60001: the port is translated on the way.",
        "Forward 50000-60000/udp to meet1 unchanged, port by port, with nothing in between",
    ),
    (
        "intercepted",
        {"to": "51000-51099"},
        "It arrived at meet1 on ports 51000-51099: the ports are translated on the way.",
        "Forward 50000-60000/udp to meet1 unchanged, port by port, with nothing in between",
    ),
    (
        "intercepted",
        {"via": "198.51.100.1 port 9"},
        "The answer came back from 198.51.100.1 port 9, which was not asked; browsers drop such answers.",
        "Forward 50000-60000/udp to meet1 unchanged, port by port, with nothing in between",
    ),
    (
        "intercepted",
        {"what": '"HTTP/1.1 400"'},
        'It reached meet1, but what came back was "HTTP/1.1 400": something on the way answers in its place.',
        "Forward 50000-60000/udp to meet1 unchanged, port by port, with nothing in between",
    ),
    (
        "intercepted",
        {"what": "another certificate", "kind": "certificate", "server": "nginx", "certificate": CERTIFICATE},
        (
            'It reached meet1, but what came back was a certificate that "O=Middlebox {Ltd}" issued for '
            '"CN=inspected.example", valid until 2026-11-23 13:00 UTC: something on the way answers in its place.'
        ),
        "Where a firewall looks into TLS: let it leave meet.example.com alone, or probe from a host in another ",
    ),
    (
        "intercepted",
        {"what": "this session's answer with something else around it", "kind": "changed", "server": "box"},
        (
            "It reached meet1, but what came back was this session's answer with something else around it from "
            '"box": something on the way answers in its place.'
        ),
        "Forward 50000-60000/udp to meet1 unchanged, port by port, with nothing in between",
    ),
    (
        "intercepted",
        {"what": "HTTP status 502", "kind": "proxy", "via": "1.1 squid"},
        (
            'It reached meet1, but what came back was HTTP status 502, via "1.1 squid": something on the way '
            "answers in its place."
        ),
        "Take the proxy or CDN in front of meet.example.com out of the way of 50000-60000/udp, or probe from ",
    ),
    (
        "wrong_server",
        {"what": "another certificate", "kind": "certificate", "certificate": CERTIFICATE},
        (
            "Somebody else answered at 203.0.113.10 in the place of meet1, with a certificate "
            'that "O=Middlebox {Ltd}" issued for "CN=inspected.example", valid until 2026-11-23 13:00 UTC. So does a '
            "firewall that looks into TLS, a CDN, or another web server."
        ),
        (
            "Where a firewall looks into TLS: let it leave meet.example.com alone, or probe from a host in "
            "another network than that of ext (preflight_probers)"
        ),
    ),
    (
        "wrong_server",
        {"what": "another certificate", "kind": "certificate", "certificate": {}},
        (
            "Somebody else answered at 203.0.113.10 in the place of meet1, with another certificate. So does a "
            "firewall that looks into TLS, a CDN, or another web server."
        ),
        "Where a firewall looks into TLS: let it leave meet.example.com alone, or probe from a host in another ",
    ),
    (
        "wrong_server",
        {"what": 'a redirect to "https://meet.example.com/"', "kind": "redirect", "server": "haproxy"},
        (
            "Somebody else answered at 203.0.113.10 in the place of meet1, with a redirect to "
            '"https://meet.example.com/" from "haproxy". '
            "Let's Encrypt would follow that, and look for its proof there."
        ),
        "Let what stands in front of meet1 pass 50000-60000/udp on, at the least /.well-known/acme-challenge/",
    ),
    (
        "wrong_server",
        {"what": 'a redirect to "http://login.example/"', "kind": "portal"},
        (
            "Somebody else answered at 203.0.113.10 in the place of meet1, with a redirect to "
            '"http://login.example/". So '
            "does a captive portal or a filter in the network of ext."
        ),
        "Sign in to the network of ext, or probe from a host in another network than that of ext (preflight_probers)",
    ),
    (
        "wrong_server",
        {"what": "HTTP status 503", "kind": "proxy", "server": "squid", "via": "1.1 box"},
        (
            "Somebody else answered at 203.0.113.10 in the place of meet1, with HTTP status 503 from "
            '"squid", via "1.1 box". So does a proxy, a CDN or a load balancer that stands between.'
        ),
        "Take the proxy or CDN in front of meet.example.com out of the way of 50000-60000/udp, or probe from a host ",
    ),
    (
        "wrong_server",
        {"what": "HTTP status 404", "kind": "server", "server": "nginx"},
        'Somebody else answered at 203.0.113.10 in the place of meet1, with HTTP status 404 from "nginx".',
        "Make meet.example.com lead to meet1: check its DNS records",
    ),
    (
        "wrong_server",
        {"what": "many things", "kind": "many things", "server": "many things"},
        'Somebody else answered at 203.0.113.10 in the place of meet1, with many things from "many things".',
        "Make meet.example.com lead to meet1: check its DNS records",
    ),
    (
        "intercepted",
        {"what": "nothing"},
        "The connection reached meet1, but nothing that was said in it: something on the way looks into it.",
        "Forward 50000-60000/udp to meet1 unchanged, port by port, with nothing in between",
    ),
    (
        "untested",
        {"reason": "it has no way to 203.0.113.10 (Network is unreachable)"},
        "ext could not ask over IPv4: it has no way to 203.0.113.10 (Network is unreachable).",
        "Mend this on ext, or probe from a host that can (preflight_probers)",
    ),
]


@pytest.mark.parametrize(("state", "facts", "explanation", "first_step"), CASES)
def test_a_state_is_explained_and_mended(state: str, facts: Facts, explanation: str, first_step: str) -> None:
    given = advice(state, **facts)
    assert given.explanation == explanation
    assert given.remedy[0].startswith(first_step)


@pytest.mark.parametrize(("state", "facts", "explanation", "first_step"), CASES)
def test_sentences_read_well(state: str, facts: Facts, explanation: str, first_step: str) -> None:
    given = advice(state, **facts)
    assert explanation
    assert first_step
    assert re.fullmatch(r"[\"\w].*[^.\s]\.", given.explanation)
    assert all(step and not step.endswith(".") and "  " not in step for step in given.remedy)
    assert "None" not in " ".join([given.explanation, *given.remedy])


@pytest.mark.parametrize(("state", "facts"), [case[:2] for case in CASES if case[1].get("kind")])
def test_whoever_answers_in_its_place_every_way_to_mend_it_is_named(state: str, facts: Facts) -> None:
    usual = advice(state, what=facts["what"]).remedy
    steps = advice(state, **facts).remedy
    assert sorted(steps[-len(usual) :]) == sorted(usual)
    assert len(steps) - len(usual) == (facts["kind"] in {"redirect", "portal", "proxy", "certificate"})


def test_every_state_of_the_contract_has_advice() -> None:
    covered = {case[0] for case in CASES} | {"open"}
    assert covered == {
        "open",
        "blocked_upstream",
        "rejected_upstream",
        "blocked_on_host",
        "rejected_on_host",
        "return_blocked",
        "port_in_use",
        "wrong_server",
        "intercepted",
        "untested",
    }


@pytest.mark.parametrize(
    "state", ["blocked_upstream", "rejected_upstream", "return_blocked", "wrong_server", "blocked_on_host"]
)
def test_a_gap_says_that_the_place_is_not_known(state: str) -> None:
    cause = CAUSE._replace(state=state, gap="the listener was gone")
    given = advise(cause, "meet1", "meet.example.com")
    assert given.explanation == "No proof came back; where it was lost is not known, because the listener was gone."
    assert given.remedy == advise(CAUSE._replace(state=state), "meet1", "meet.example.com").remedy


NFT_DROP = {
    "protocol": "udp",
    "family": "ipv4",
    "ports": "50000-60000",
    "action": "drop",
    "hook": "input",
    "manager": "nftables",
    "zone": "",
    "table": "inet own",
    "chain": "in",
    "rule": "udp dport 50000-60000 drop",
    "before": "",
    "position": 2,
    "handle": 7,
    "certain": True,
}


@pytest.mark.parametrize("about", [{}, {"certain": False}, {"ports": "50000-59999"}, {"family": "ipv6"}])
def test_what_the_network_card_did_not_show_the_rules_may(about: dict[str, t.Any]) -> None:
    firewall = read_firewall({"in_force": "nftables", "rules": [{**NFT_DROP, **about}]})
    given = advise(CAUSE._replace(gap="it did not look"), "meet1", "x", firewall)
    unplaced = "No proof came back; where it was lost is not known, because it did not look."
    if about:
        assert given == (unplaced, [OPEN_UPSTREAM])
    else:
        assert given.explanation == (
            f"{unplaced} But meet1's own firewall would stop it. "
            'That is the rule "udp dport 50000-60000 drop" of chain in in table inet own.'
        )
        assert given.remedy[1] == "nft insert rule inet own in position 7 udp dport 50000-60000 accept"


ON_HOST = CAUSE._replace(state="blocked_on_host", sources=("198.51.100.2",))


def with_rules(cause: Cause, *rows: dict[str, t.Any], in_force: str = "nftables") -> Advice:
    return advise(cause, "meet1", "x", read_firewall({"in_force": in_force, "rules": list(rows)}))


@pytest.mark.parametrize("in_force", ["ufw", "nftables", "none"])
@pytest.mark.parametrize("rows", [[], [{**NFT_DROP, "protocol": "tcp"}]])
def test_where_no_rule_of_a_known_firewall_stops_it_nobody_is_told_to_open_it(
    in_force: str, rows: list[dict[str, t.Any]]
) -> None:
    given = with_rules(ON_HOST, *rows, in_force=in_force)
    assert given.explanation == (
        "It reached meet1's network card, and went no further. No rule of meet1's own firewall was found that stops it."
    )
    assert given.remedy == [
        "On meet1, look for what stops it: at all rules, the way back to ext, and rp_filter:",
        "nft list ruleset",
        "ip route get 198.51.100.2",
        "sysctl -a -r '\\.rp_filter'",
    ]
    assert [type(step) for step in given.remedy[1:]] == [Command] * 3


IPV6_TOO = ON_HOST._replace(ends=(("ext", "ipv4"), ("ext", "ipv6")), addresses=("203.0.113.10", "2001:db8::10"))


@pytest.mark.parametrize(
    ("cause", "rows", "of", "opened"),
    [
        (ON_HOST, [{"ports": "55000"}], "55000/udp", "55000"),
        (IPV6_TOO, [{}], "50000-60000/udp over IPv4", "50000-60000"),
        (IPV6_TOO, [{"ports": "55000"}, {"ports": "55000", "family": "ipv6"}], "55000/udp", "55000"),
        (ON_HOST._replace(ports=(("tcp", "443"), *ON_HOST.ports)), [{}], "50000-60000/udp", "50000-60000"),
    ],
)
def test_a_rule_explains_the_ports_that_it_stops_and_no_others(
    cause: Cause, rows: list[Facts], of: str, opened: str
) -> None:
    given = with_rules(cause, *({**NFT_DROP, **row} for row in rows))
    assert given.explanation == (
        f"It reached meet1's network card, and went no further. Of {of} that is the rule "
        '"udp dport 50000-60000 drop" of chain in in table inet own. '
        "No rule of meet1's own firewall was found that stops the rest."
    )
    assert f"nft insert rule inet own in position 7 udp dport {opened} accept" in given.remedy
    assert given.remedy[-4].startswith("On meet1, look for what stops the rest: at all rules, ")


def test_what_a_rule_does_not_translate_is_not_said_to_be() -> None:
    cause = ON_HOST._replace(ports=(("tcp", "443"), *ON_HOST.ports))
    given = with_rules(cause, TRANSLATING)
    assert "itself sends what comes to" not in given.explanation
    assert "Of 50000-60000/udp that is the rule" in given.explanation


def test_the_setting_that_makes_a_policy_is_told() -> None:
    policy = {**NFT_DROP, "rule": "-P INPUT DROP", "position": 0, "setting": "IPV6=no in /etc/default/ufw"}
    given = with_rules(ON_HOST, policy, in_force="ufw")
    assert "in table inet own, made by IPV6=no in /etc/default/ufw." in given.explanation


@pytest.mark.parametrize("in_force", ["", "unknown"])
def test_where_its_rules_could_not_be_read_it_is_the_firewall_all_the_same(in_force: str) -> None:
    given = with_rules(ON_HOST, in_force=in_force)
    assert given == Advice(
        "It reached meet1's network card, and meet1's own firewall dropped it.",
        [OPEN_ON_HOST, "ufw allow 50000:60000/udp"],
    )


@pytest.mark.parametrize("reason", ["Invalid argument", "Network is unreachable", "No route to host"])
def test_an_answer_without_a_way_back_is_a_matter_of_routes(reason: str) -> None:
    cause = ON_HOST._replace(state="return_blocked", facts={"where": "target", "reason": reason})
    assert with_rules(cause, {**NFT_DROP, "hook": "output"}) == Advice(
        f"meet1 got the question, but has no way for its answer back to ext: {reason}.",
        ["Mend the routes on meet1, which has none to ext:", "ip route get 198.51.100.2"],
    )


TRANSLATING = {
    **NFT_DROP,
    "action": "translate",
    "hook": "prerouting",
    "table": "ip nat",
    "chain": "DOCKER",
    "rule": "udp dport 50000-60000 dnat to 172.17.0.2",
}


@pytest.mark.parametrize(
    ("state", "facts", "result"),
    [
        ("blocked_on_host", {}, "Nothing came back from there."),
        ("rejected_on_host", {"by": "TCP reset"}, "It came to nothing there: TCP reset."),
        ("wrong_server", {"what": '"SSH-2.0-x"'}, 'What came back was "SSH-2.0-x".'),
        ("intercepted", {"to": "80"}, "It arrived at port 80."),
    ],
)
def test_a_rule_of_the_servers_own_that_translates_a_port_is_the_cause(state: str, facts: Facts, result: str) -> None:
    given = with_rules(ON_HOST._replace(state=state, facts=facts), TRANSLATING)
    assert given.explanation == (
        "meet1 itself sends what comes to 50000-60000/udp to another port or address. That is the rule "
        f'"udp dport 50000-60000 dnat to 172.17.0.2" of chain DOCKER in table ip nat. {result}'
    )
    assert given.remedy[:2] == [
        "On meet1, where nftables is in charge:",
        "nft insert rule ip nat DOCKER position 7 udp dport 50000-60000 accept",
    ]
    assert given.remedy[2].startswith("And stop the container that publishes the port")


def test_a_rule_that_translates_the_other_familys_ports_is_not_the_cause() -> None:
    cause = ON_HOST._replace(state="wrong_server", facts={"what": "x"}, ends=(("ext", "ipv6"),))
    assert with_rules(cause, TRANSLATING) == advise(cause, "meet1", "x")


LIMIT = {**NFT_DROP, "rule": "udp dport 50000-60000 limit rate over 700/second drop", "certain": False}


@pytest.mark.parametrize("odd", ["50001,50003,50007", ",".join(map(str, range(50001, 52000, 2)))])
def test_a_limit_is_told_as_one_and_let_past_for_the_whole_entry(odd: str) -> None:
    given = with_rules(ON_HOST._replace(ports=(("udp", odd),)), LIMIT)
    assert "That is a limit, the rule" in given.explanation
    assert given.explanation.endswith("Chance decides which ports such a limit stops.")
    assert given.remedy[1:-1] == ["nft insert rule inet own in position 7 udp dport 50000-60000 accept"]


def test_ports_in_too_many_pieces_are_opened_as_the_whole_entry_and_nothing_else() -> None:
    odd = ",".join(map(str, range(50001, 50100, 2)))
    cause = ON_HOST._replace(ports=(("tcp", "443"), ("udp", odd)), entries=(("tcp", "443"), ("udp", "50000-60000")))
    given = advise(cause, "meet1", "x")
    assert given.remedy[1:] == ["ufw allow 443/tcp", "ufw allow 50000:60000/udp"]


@pytest.mark.parametrize(
    "state",
    ["blocked_upstream", "rejected_upstream", "return_blocked", "wrong_server", "blocked_on_host", "untested"],
)
def test_what_a_longer_time_may_fill_is_a_gap_to_run_again(state: str) -> None:
    cause = CAUSE._replace(state=state, gap="it was ended, or preflight_ttl was over", unseen=True)
    given = advise(cause, "meet1", "meet.example.com")
    assert given.explanation == (
        "No proof came back; where it was lost is not known, because it was ended, or preflight_ttl was over."
    )
    assert given.remedy == ["Run it again, with a longer preflight_ttl if the time was over"]


def test_who_had_no_time_is_to_ask_again() -> None:
    given = advice("untested", reason=f"{TIME_OVER}, and the way lost 20% of what it asked")
    again = "Run it again when ext and meet1 have less to do, or from another host (preflight_probers)"
    assert given.remedy == [again]


@pytest.mark.parametrize(
    ("facts", "forwards"),
    [
        ({"by": "TCP reset"}, True),
        ({"by": "ICMP port unreachable", "offender": "203.0.113.10"}, True),
        ({"by": "ICMP port unreachable", "offender": "198.51.100.1"}, False),
        ({"by": "ICMP admin prohibited", "offender": "203.0.113.10"}, False),
    ],
)
def test_what_looks_like_another_machine_is_to_be_forwarded_to_the_right_one(facts: Facts, forwards: bool) -> None:
    step = "If a router has 203.0.113.10: forward 50000-60000/udp to meet1"
    assert (step in advice("rejected_upstream", **facts).remedy) == forwards


def test_ufw_is_told_of_a_range_in_its_own_way() -> None:
    assert advice("blocked_on_host").remedy == [OPEN_ON_HOST, "ufw allow 50000:60000/udp"]


def test_ufw_is_told_in_rules_that_it_takes() -> None:
    many = ",".join(str(port) for port in range(1, 40, 2))
    cause = CAUSE._replace(state="blocked_on_host", ports=(("tcp", "80,443"), ("udp", many)))
    steps = advise(cause, "meet1", "x").remedy[1:]
    assert steps[0] == "ufw allow 80,443/tcp"
    assert all(step.endswith("/udp") for step in steps[1:])
    assert [step.count(",") + 1 for step in steps[1:]] == [5, 5, 5, 5]
    named = [port for step in steps[1:] for port in step.split()[2].partition("/")[0].split(",")]
    assert named == many.split(",")


def test_a_guess_is_to_be_copied_and_is_not_said_to_mend_it() -> None:
    (command,) = [step for step in advice("blocked_on_host").remedy if isinstance(step, Command)]
    assert command == "ufw allow 50000:60000/udp"
    assert not isinstance(command, ServerCommand)


@pytest.mark.parametrize(
    ("holder", "remedy"),
    [
        (
            {"process": "python3", "pid": "7", "unit": f"docker-0123456789ab{'c' * 52}.scope"},
            ["If meet1 does not need it:", "docker stop 0123456789ab"],
        ),
        (
            {"process": "docker-proxy", "pid": "7", "unit": "docker.service"},
            [
                "Stop the container on meet1 that publishes 80/tcp, or let it publish another port:",
                "docker ps --filter publish=80",
            ],
        ),
        (
            {"process": "python3", "pid": "7", "unit": "plugnmeet.service"},
            ["Name plugnmeet in preflight_services, and what else is to be stopped for the test"],
        ),
        (
            {"process": "haproxy", "pid": "7", "unit": "haproxy.service"},
            [
                "If meet1 does not need it:",
                "systemctl disable --now haproxy.service",
                (
                    "If it is part of plugNmeet: name haproxy in preflight_services, "
                    "and what else is to be stopped for the test"
                ),
            ],
        ),
        (
            {"process": "apache2", "pid": "7", "unit": "apache2.service"},
            [
                "If meet1 does not need it:",
                "systemctl disable --now apache2.service",
                "If it is part of plugNmeet: stop it for the test with preflight_services=plugnmeet,haproxy,apache2",
            ],
        ),
    ],
)
def test_who_holds_a_port_is_ended_as_what_it_is(holder: Facts, remedy: list[str]) -> None:
    cause = CAUSE._replace(state="port_in_use", facts=holder, ports=(("tcp", "80"),))
    given = advise(cause, "meet1", "x").remedy
    assert given == remedy
    # Whether it is needed is for a person to say.
    assert not any(isinstance(step, ServerCommand) for step in given)


@pytest.mark.parametrize("unit", ["ssh.service", "sshd.service", "ssh.socket", "sshd.socket"])
def test_nobody_is_told_to_stop_sshd(unit: str) -> None:
    holder = {"process": "sshd", "pid": "7", "unit": unit}
    cause = CAUSE._replace(state="port_in_use", facts=holder, ports=(("tcp", "443"),))
    (step,) = advise(cause, "meet1", "x").remedy
    assert step == (
        "Let sshd on meet1 listen on another port than 443/tcp "
        "(Port in /etc/ssh/sshd_config, or ListenStream of ssh.socket)"
    )


@pytest.mark.parametrize("ephemeral", [{}, {"ephemeral": "True"}])
def test_a_units_name_is_one_word_whatever_is_in_it(ephemeral: Facts) -> None:
    cause = CAUSE._replace(state="port_in_use", facts={"pid": "7", "unit": "x;reboot;.service", **ephemeral})
    steps = [step for step in advise(cause, "meet1", "x").remedy if step.startswith("systemctl")]
    assert steps
    assert all(step.endswith(" 'x;reboot;.service'") for step in steps)


def test_who_looks_into_tls_is_no_matter_of_names_first() -> None:
    steps = advice("wrong_server", what="another certificate", kind="certificate", certificate=CERTIFICATE).remedy
    assert steps[-1] == "Make meet.example.com lead to meet1: check its DNS records"
    assert advice("wrong_server", what="HTTP status 404", kind="server").remedy[0] == steps[-1]


def test_a_self_signed_certificate_is_more_likely_another_servers() -> None:
    own = {**CERTIFICATE, "issuer": CERTIFICATE["subject"]}
    told = advice("wrong_server", what="another certificate", kind="certificate", certificate=own)
    assert 'a certificate that "CN=inspected.example" issued for itself, valid' in told.explanation
    assert told.remedy[1] == "Make meet.example.com lead to meet1: check its DNS records"


def test_an_unresolved_address_is_mended_by_name() -> None:
    cause = CAUSE._replace(
        state="untested", ends=(("ext", None),), addresses=(), facts={"reason": '"meet.example.com" does not resolve'}
    )
    given = advise(cause, "meet1", "meet.example.com")
    assert given.explanation == '"meet.example.com" does not resolve.'
    assert given.remedy == ["Mend the name, or give the one that outsiders use as preflight_address"]


def test_a_prober_that_cannot_be_used_is_mended_for_ansible() -> None:
    cause = CAUSE._replace(
        state="untested",
        ends=(("ext", None),),
        addresses=(),
        facts={"prober": "ext", "reason": "ext could not be used: no route"},
    )
    given = advise(cause, "meet1", "meet.example.com")
    assert given.explanation == "ext could not be used: no route."
    assert given.remedy == [
        "Make it work for Ansible (ansible -i INVENTORY -m ping ext), or name another in preflight_probers",
    ]


def test_a_family_without_a_way_may_be_dropped_and_what_was_only_not_sent_may_not() -> None:
    mend = "Mend this on ext, or probe from a host that can (preflight_probers)"
    assert advice("untested", reason="x").remedy == [mend]
    assert advice("untested", reason="x", route="none").remedy == [
        mend,
        "If meet1 shall not be reached over IPv4: take 203.0.113.10 out of its name",
    ]


def test_who_visits_is_asked_for_another_network_and_not_for_a_prober() -> None:
    assert advice("untested", reason="x", visit="browser", route="none").remedy == [
        "Run it again, and open the page in a network that has IPv4",
        "If meet1 shall not be reached over IPv4: take 203.0.113.10 out of its name",
    ]
    limited = advice("untested", limit="flows", where="beyond", visit="browser").remedy
    assert limited[-1] == "Or run it again in some minutes, or with a visitor in another network"


@pytest.mark.parametrize("state", ["blocked_upstream", "rejected_upstream"])
def test_a_family_of_which_nothing_was_seen_may_lead_somewhere_else(state: str) -> None:
    cause = CAUSE._replace(state=state, facts={"by": "x"} if state == "rejected_upstream" else {})
    assert advise(cause, "meet1", "meet.example.com").remedy == [OPEN_UPSTREAM]
    assert advise(cause._replace(unseen=True), "meet1", "meet.example.com").remedy == [
        OPEN_UPSTREAM,
        "If meet1 is not at 203.0.113.10: correct its DNS records, or preflight_address",
        "If meet1 shall not be reached over IPv4: take 203.0.113.10 out of its name",
    ]


def test_nobody_is_told_to_take_all_addresses_out_of_a_name() -> None:
    cause = CAUSE._replace(
        unseen=True, ends=(("ext", "ipv4"), ("ext", "ipv6")), addresses=("203.0.113.10", "2001:db8::10")
    )
    assert advise(cause, "meet1", "meet.example.com").remedy == [
        OPEN_UPSTREAM.replace("203.0.113.10", "203.0.113.10 and 2001:db8::10"),
        "If meet1 is not at 203.0.113.10 and 2001:db8::10: correct its DNS records, or preflight_address",
    ]


def test_an_address_has_no_dns_records() -> None:
    def remedy(state: str, **facts: str) -> list[str]:
        cause = CAUSE._replace(state=state, facts=facts, unseen=True)
        return advise(cause, "meet1", "203.0.113.10").remedy

    assert remedy("blocked_upstream") == [
        OPEN_UPSTREAM,
        "If meet1 is not at 203.0.113.10: correct preflight_address",
    ]
    assert remedy("rejected_upstream", by="ICMP host unreachable") == [
        "Give meet1 the address 203.0.113.10, or correct preflight_address"
    ]
    assert remedy("wrong_server")[0] == "If 203.0.113.10 is not meet1's address: correct preflight_address"
    assert remedy("untested", reason="x", route="none") == [
        "Mend this on ext, or probe from a host that can (preflight_probers)"
    ]


@pytest.mark.parametrize("state", ["blocked_upstream", "rejected_upstream", "wrong_server", "untested"])
def test_a_witness_from_inside_says_nothing_of_the_way(state: str) -> None:
    given = advise(CAUSE._replace(state=state, inside="ext does not stand for the internet: x"), "meet1", "x")
    assert given.explanation == "ext does not stand for the internet: x."
    assert given.remedy[0] == "Name a host outside meet1's network in preflight_probers"


def test_a_witness_from_inside_still_knows_what_the_target_does() -> None:
    cause = CAUSE._replace(state="blocked_on_host", inside="ext does not stand for the internet: x")
    assert advise(cause, "meet1", "x") == advise(cause._replace(inside=""), "meet1", "x")


@pytest.mark.parametrize(
    ("facts", "answer", "first"),
    [
        ({"kind": "portal", "what": "a redirect to x"}, "a redirect to x", "Sign in to the network of ext"),
        ({"by": "TCP reset"}, "TCP reset", "Probe from a host in another network (preflight_probers)"),
    ],
)
def test_what_is_near_is_the_probers_own_network(facts: Facts, answer: str, first: str) -> None:
    given = advice("untested", where="near", **facts)
    assert given.explanation == (
        f"Something in the network of ext answered in meet1's place, with {answer}: it is the first hop after ext, and "
        "meet1 is farther away."
    )
    assert given.remedy[0] == first
    assert given.remedy[-1].endswith("robe from a host in another network (preflight_probers)")


def test_a_witness_from_inside_is_told_to_step_outside() -> None:
    given = advise(CAUSE._replace(state="open", inside="ext does not stand for the internet: x"), "meet1", "x")
    assert given.explanation == "ext does not stand for the internet: x."
    assert given.remedy[0] == "Name a host outside meet1's network in preflight_probers"


@pytest.mark.parametrize(
    ("items", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_a_list_is_written_as_people_do(items: list[str], text: str) -> None:
    assert listing(items) == text


def test_several_ends_are_named_together() -> None:
    cause = CAUSE._replace(
        state="untested",
        facts={"reason": "x", "route": "none"},
        ends=(("a", "ipv4"), ("a", "ipv6"), ("b", "ipv6")),
        addresses=("203.0.113.10", "2001:db8::10"),
    )
    words: t.Any = advise(cause, "meet1", "x")
    assert words.explanation == "a and b could not ask over IPv4 and IPv6: x."
    assert words.remedy == [
        "Mend this on a and b, or probe from a host that can (preflight_probers)",
        "If meet1 shall not be reached over IPv4 and IPv6: take 203.0.113.10 and 2001:db8::10 out of its name",
    ]


def test_netcat_asked_even_where_that_proves_nothing() -> None:
    facts = {"reason": "what was typed into netcat arrived, and the way back was not tested", "visit": "netcat"}
    cause = CAUSE._replace(state="untested", facts=facts, ends=(("netcat 192.0.2.7", "ipv4"),))
    words = advise(cause, "meet1", "x")
    assert words.explanation == "Over IPv4 what was typed into netcat arrived, and the way back was not tested."
    assert words.remedy == ["Run it again, and open the page in a current browser outside meet1's network"]


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((("a", None),), ""),
        ((("a", "ipv4"), ("b", "ipv4")), "IPv4"),
        ((("a", "ipv4"), ("a", "ipv6"), ("b", None)), "IPv4 and IPv6"),
    ],
)
def test_families_are_named_once_and_none_has_no_name(ends: t.Any, text: str) -> None:
    assert families(CAUSE._replace(ends=ends)) == text


@pytest.mark.parametrize(
    ("ports", "text"),
    [
        ("1", "1"),
        ("1,3,5,7,9-11", "1,3,5,7,9-11"),
        ("1,3,5,7,9,11", "1,3,5,7,9,… (6 ranges)"),
    ],
)
def test_a_set_of_many_ranges_is_shortened(ports: str, text: str) -> None:
    assert shortened(ports) == text


def hops(*found: dict[str, str]) -> Cause:
    return CAUSE._replace(last_hops=tuple(tuple(sorted(hop.items())) for hop in found))


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            [{"hop": "1", "of": "2", "router": "198.51.100.1"}, {"hop": "1", "of": "2", "router": "2001:db8:100::1"}],
            "It got as far as 198.51.100.1 and 2001:db8:100::1, the only router between ext and meet1.",
        ),
        ([{"hop": "1", "router": "192.0.2.1"}], "It got as far as 192.0.2.1, the first router after ext."),
        (
            [{"hop": "3", "of": "8", "router": "192.0.2.3", "next": "192.0.2.4"}],
            "It got as far as 192.0.2.3, router 3 on the way from ext, of 7, and not to 192.0.2.4 behind it.",
        ),
        ([{"hop": "6", "of": "7", "router": "192.0.2.6"}], "It got as far as 192.0.2.6, the last router before meet1."),
        ([{"hop": "4", "router": "192.0.2.4"}], "It got as far as 192.0.2.4, router 4 on the way from ext."),
    ],
)
def test_the_last_router_on_the_way_is_told(found: list[dict[str, str]], sentence: str) -> None:
    explanation = advise(hops(*found), "meet1", "meet.example.com").explanation
    assert explanation == f"Nothing of it reached meet1's network card, and nothing came back. {sentence}"


def test_a_rule_for_the_wrong_protocol_is_told() -> None:
    cause = hops({"instead": "tcp", "port": "55000"})
    cause = cause._replace(ports=(("tcp", "7881"), ("udp", "50000-60000")))
    told = advise(cause, "meet1", "meet.example.com")
    assert told.explanation.endswith("nothing came back. But TCP does get through to 50000-60000.")
    assert told.remedy[1] == "If there is a rule for 50000-60000: it must be for UDP, not for TCP"


@pytest.mark.parametrize("state", ["blocked_upstream", "blocked_on_host", "rejected_on_host"])
@pytest.mark.parametrize(
    ("missing", "told"),
    [("50000,60000", True), ("60000", True), ("50000-50001", False), ("50001", False), ("50000-60000", False)],
)
def test_a_range_without_its_ends_is_told(state: str, missing: str, told: bool) -> None:
    cause = CAUSE._replace(state=state, facts={"by": "x"}, ports=(("udp", missing),))
    sentence = "That is how a rule for 50000-60000/udp looks that is off by one."
    assert advise(cause, "meet1", "meet.example.com").explanation.endswith(sentence) == told


def test_a_single_port_has_no_ends() -> None:
    cause = CAUSE._replace(ports=(("tcp", "80"),), entries=(("tcp", "80"),))
    assert "off by one" not in advise(cause, "meet1", "meet.example.com").explanation


def test_a_port_that_the_system_picked_for_somebody_is_kept_for_the_media_server() -> None:
    cause = CAUSE._replace(
        state="port_in_use",
        facts={"process": "dnsmasq", "pid": "7", "unit": "dnsmasq.service", "ephemeral": "True"},
        ports=(("udp", "50123"),),
    )
    told = advise(cause, "meet1", "meet.example.com")
    assert told.explanation == (
        "On meet1 dnsmasq (process 7, unit dnsmasq.service) holds it, as a port that the system picked for it, "
        "so nothing could be tested there."
    )
    assert told.remedy[1:3] == reserve_ports("50000-60000")
    assert told.remedy[-2:] == ["Then let it have another port:", "systemctl restart dnsmasq.service"]
    assert [step for step in told.remedy if isinstance(step, ServerCommand)] == told.remedy[1:3] + told.remedy[4:]


@pytest.mark.parametrize(
    ("limit", "where", "explanation", "step"),
    [
        (
            "flows",
            "beyond",
            "no new connection got through, not even to ports known to be open: a connection table on the way is full",
            "Raise the number of connections that the router or firewall in front of meet1 or of ext can hold; ",
        ),
        (
            "flows",
            "target",
            "no new connection got through, not even to ports known to be open: a connection table on meet1 is full",
            "Raise the number of connections that meet1 can hold; ",
        ),
        (
            "questions",
            "beyond",
            "nothing got through, not even to ports known to be open: something on the way shuts ext out",
            "Let ext ask all of it on the router or firewall in front of meet1 or of ext ",
        ),
    ],
)
def test_a_way_that_takes_no_more_is_told(limit: str, where: str, explanation: str, step: str) -> None:
    cause = CAUSE._replace(state="untested", facts={"limit": limit, "where": where}, after=("4096", "4051"))
    told = advise(cause, "meet1", "meet.example.com")
    assert told.explanation == f"After 4096 and 4051 answers {explanation}. Whether these ports are open is not known."
    assert told.remedy[0].startswith(step)
    assert ("sysctl -w net.netfilter.nf_conntrack_max=65536" in told.remedy) == (where == "target")


def test_ports_in_too_many_pieces_are_opened_as_what_the_table_has() -> None:
    pieces = ",".join(str(port) for port in range(50000, 50100, 2))
    one, few = (CAUSE._replace(ports=(("udp", ports),)) for ports in (pieces, "50001,50003"))
    assert advise(one, "meet1", "meet.example.com").remedy[0] == OPEN_UPSTREAM
    assert advise(few, "meet1", "meet.example.com").remedy[0].startswith("Open 50001,50003/udp to ")


def test_a_rule_that_keeps_out_another_prober_is_no_reason() -> None:
    row = {**ROW, "rule": "-A INPUT -s 198.51.100.3/32 -j DROP", "sources": ["198.51.100.3"]}
    firewall = read_firewall({"in_force": "iptables-nft", "rules": [row]})
    assert row["rule"] not in advise(ON_HOST, "meet1", "meet.example.com", firewall).explanation
    for sources in (("198.51.100.3",), ()):
        told = advise(ON_HOST._replace(sources=sources), "meet1", "meet.example.com", firewall)
        assert row["rule"] in told.explanation
