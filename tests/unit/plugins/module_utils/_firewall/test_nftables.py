# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.nftables import tables
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.packet import IN, OUT, Packet
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.truth import bits_of, ports_of
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.walk import walk
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils._firewall import samples

UDP = Packet(IN, False, "udp", "ipv4", "eth0", "198.51.100.2", ("203.0.113.10",))
TCP = UDP._replace(protocol="tcp")
SIX = UDP._replace(family="ipv6", peer="2001:db8:100::2", own=("2001:db8:113::10",))
PORTS = bits_of([(53, 53), (80, 80), (443, 443), (7881, 7881), (9000, 9000), (49999, 50003)])

Found = t.List[t.Tuple[str, t.List[int], bool]]


def stops(packet: Packet, ruleset: str = samples.NFT_JSON, listing: str = samples.NFT_LISTING) -> Found:
    """What stops which ports, and whether for sure."""
    return [
        (stop.rule.text if stop.rule else stop.base.text, list(ports_of(stop.ports)), stop.certain)
        for stop in walk(tables(json.loads(ruleset), listing), packet, PORTS)
    ]


POLICY = "type filter hook input priority filter; policy drop;"


def test_tcp_from_outside() -> None:
    assert stops(TCP) == [(POLICY, [53, *range(49999, 50004)], True)]


def test_a_pair_of_address_and_port_is_one_elements() -> None:
    assert stops(TCP._replace(peer="198.51.100.3")) == [(POLICY, [53, 9000, *range(49999, 50004)], True)]


def test_who_is_in_a_set_gets_nothing_through() -> None:
    everything = list(ports_of(PORTS))
    for peer in ("198.51.100.66", "192.0.2.7"):
        for packet in (TCP._replace(peer=peer), UDP._replace(peer=peer)):
            found = stops(packet)
            assert {(text, certain) for text, dummy, certain in found} == {("ip saddr @banned drop", True)}
            assert sorted(port for dummy, ports, certain in found for port in ports) == everything


def test_udp_meets_a_verdict_map_and_a_rate() -> None:
    reject = "ip daddr 203.0.113.10 counter reject with icmp admin-prohibited"
    assert stops(UDP) == [
        ("udp dport vmap @ends", [50000], True),
        (reject, [50001], True),
        ('udp dport 50000-60000 limit rate over 1000/second drop comment "no, floods"', [50002, 50003], False),
        (POLICY, [53, 80, 7881, 9000, 49999], True),
    ]


def test_rules_of_the_other_family_are_not_met() -> None:
    met = [text for text, dummy, certain in stops(SIX)]
    assert met == [
        "udp dport vmap @ends",
        'udp dport 50000-60000 limit rate over 1000/second drop comment "no, floods"',
        POLICY,
    ]


def test_an_answer_and_what_follows_go_free() -> None:
    assert stops(UDP._replace(direction=OUT, established=True)) == []
    assert stops(UDP._replace(established=True)) == []


def test_a_chain_of_one_interface_is_read_from_the_listing() -> None:
    assert stops(UDP._replace(interface="lo"))[0] == (
        "udp dport != 53 drop",
        [80, 443, 7881, 9000, *range(49999, 50004)],
        True,
    )


def test_the_place_of_a_rule_is_told() -> None:
    first = walk(tables(json.loads(samples.NFT_JSON), samples.NFT_LISTING), UDP, PORTS)[0]
    assert first.rule
    assert (first.rule.handle, first.rule.position, first.table.title, first.via) == (16, 6, "inet filter", ("input",))


def test_without_a_listing_rules_have_their_handle_at_least() -> None:
    on_another_interface = samples.NFT_JSON.replace('"ingress", "prio"', '"ingress", "dev": "lo", "prio"')
    assert [text for text, dummy, certain in stops(UDP, on_another_interface, "")] == [
        "handle 16",
        "handle 8",
        "handle 18",
        "policy drop",
    ]


def test_firewalld_lets_in_what_its_zone_allows() -> None:
    listing = samples.FIREWALLD_LISTING
    for packet in (TCP, UDP, SIX):
        (found,) = walk(tables(json.loads(samples.FIREWALLD_JSON), listing), packet, PORTS | 1 << 22)
        assert found.rule
        assert (found.rule.text, found.certain) == ("reject with icmpx admin-prohibited", True)
        assert found.via == ("filter_INPUT", "filter_INPUT_ZONES", "filter_IN_public")
        assert (22 in ports_of(found.ports)) is (packet.protocol != "tcp")
    assert walk(tables(json.loads(samples.FIREWALLD_JSON), listing), UDP._replace(established=True), PORTS) == []


# One expression at a time


def one_rule(*expression: t.Any, family: str = "inet", **more: t.Any) -> str:
    """A ruleset of one chain with one rule."""
    where = {"family": family, "table": "t"}
    chain = {**where, "name": "c", "type": "filter", "hook": "input", "prio": 0, "policy": "accept", **more}
    rule = {**where, "chain": "c", "handle": 9, "expr": list(expression)}
    return json.dumps({"nftables": [{"table": {"family": family, "name": "t"}}, {"chain": chain}, {"rule": rule}]})


def match(left: t.Any, right: t.Any, operator: str = "==") -> dict[str, t.Any]:
    return {"match": {"op": operator, "left": left, "right": right}}


DROP: dict[str, t.Any] = {"drop": None}


def payload(protocol: str, field: str) -> dict[str, t.Any]:
    return {"payload": {"protocol": protocol, "field": field}}


def meta(key: str) -> dict[str, t.Any]:
    return {"meta": {"key": key}}


def verdict_of(packet: Packet, *expression: t.Any, port: int = 443) -> bool | None:
    """Whether a rule of this expression and a drop stops the port; None if that cannot be told."""
    found = walk(tables(json.loads(one_rule(*expression, DROP)), ""), packet, 1 << port)
    return False if not found else True if found[0].certain else None


@pytest.mark.parametrize(
    ("expression", "tcp", "udp"),
    [
        (match(payload("tcp", "dport"), 443), True, False),
        (match(payload("tcp", "dport"), "https"), True, False),
        (match(payload("tcp", "dport"), 443, "!="), False, False),
        (match(payload("tcp", "dport"), 80, "!="), True, False),
        (match(payload("udp", "dport"), {"set": [{"elem": {"val": 443}}, {"range": [1, 9]}]}), False, True),
        (match(payload("th", "dport"), {"range": [400, 500]}), True, True),
        (match(payload("th", "dport"), 443, ">="), True, True),
        (match(payload("th", "dport"), 443, "<"), False, False),
        (match(payload("th", "sport"), 1024, ">"), None, None),
        (match(payload("th", "sport"), 53), False, False),
        (match({"payload": {"base": "th", "offset": 16, "len": 16}}, 443), True, True),
        (match({"payload": {"base": "nh", "offset": 0, "len": 8}}, 1), None, None),
        (match(payload("tcp", "doff"), 5), None, False),
        (match(payload("ip", "protocol"), "tcp"), True, False),
        (match(payload("ip", "protocol"), 17), False, True),
        (match(payload("ip", "ttl"), 64), None, None),
        (match(payload("ip6", "saddr"), "::1", "!="), False, False),
        (match(payload("ip", "saddr"), {"range": ["198.51.100.1", "198.51.100.9"]}), True, True),
        (match(payload("ip", "saddr"), "example.com"), None, None),
        (match(payload("icmp", "type"), "echo-request"), False, False),
        (match(payload("ether", "saddr"), "02:00:00:00:00:01"), None, None),
        (match(meta("l4proto"), {"set": ["tcp", "udp"]}), True, True),
        (match(meta("l4proto"), "tcp", "!="), False, True),
        (match(meta("nfproto"), "ipv4"), True, True),
        (match(meta("protocol"), "ip6"), False, False),
        (match(meta("iif"), "eth0"), True, True),
        (match(meta("oifname"), "eth0"), False, False),
        (match(meta("pkttype"), "host"), True, True),
        (match(meta("mark"), 0), None, None),
        (match({"ct": {"key": "state"}}, ["established", "related"], "in"), False, False),
        (match({"ct": {"key": "state"}}, "new", "in"), True, True),
        (match({"ct": {"key": "direction"}}, "reply"), False, False),
        (match({"ct": {"key": "status"}}, "dnat", "in"), False, False),
        (match({"ct": {"key": "mark"}}, 1), None, None),
        (match({"fib": {"result": "type", "flags": ["daddr"]}}, "local"), True, True),
        (match({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, False), False, False),
        (match({"fib": {"result": "oif", "flags": ["daddr"]}}, "eth0"), None, None),
        (match(payload("tcp", "flags"), "syn", "in"), True, False),
        (match({"&": [payload("tcp", "flags"), {"|": ["syn", "ack"]}]}, "syn"), True, False),
        (match({"&": [payload("tcp", "flags"), ["fin", "syn"]]}, ["fin", "syn"]), False, False),
        (match({"&": [payload("tcp", "flags"), "rst"]}, 0), True, False),
        (match({"&": [payload("tcp", "flags"), 7]}, 2), None, None),
        (match({"exthdr": {"name": "rt", "field": "type"}}, 0), False, False),
        (match({"exthdr": {"name": "frag"}}, False), True, True),
        (match({"numgen": {"mode": "random", "mod": 100, "offset": 0}}, 20, "<"), None, None),
        (match(payload("th", "dport"), "@gone"), None, None),
        ({"limit": {"rate": 5, "per": "second"}}, None, None),
        ({"xt": {"type": "match", "name": "recent"}}, None, None),
        ({"set": {"op": "add", "elem": payload("ip", "saddr"), "set": "@seen"}}, True, True),
        ({"set": {"op": "add", "elem": payload("ip", "saddr"), "set": "@seen", "stmt": [{"limit": {}}]}}, None, None),
        ({"counter": {"packets": 1, "bytes": 2}}, True, True),
        ({"log": None}, True, True),
        ({"something": "new"}, None, None),
    ],
)
def test_an_expression_is_true_false_or_unknown(expression: t.Any, tcp: bool | None, udp: bool | None) -> None:
    assert (verdict_of(TCP, expression), verdict_of(UDP, expression)) == (tcp, udp)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"drop": None}, [True, True]),
        ({"reject": None}, [True, True]),
        ({"reject": {"type": "icmpx", "expr": "admin-prohibited"}}, [True, True]),
        ({"reject": {"type": "tcp reset"}}, [True, False]),
        ({"reject": {"type": "icmpv6", "expr": "no-route"}}, [False, False]),
        ({"queue": {"num": 0}}, [None, None]),
        ({"accept": None}, [False, False]),
        ({"redirect": {"port": 50000}}, [True, True]),
        ({"redirect": None}, [False, False]),
        ({"dnat": {"addr": "172.17.0.2", "port": 443}}, [True, True]),
        (
            {"dnat": {"addr": {"map": {"key": payload("th", "dport"), "data": {"set": [[443, "10.0.0.1"]]}}}}},
            [None] * 2,
        ),
        ({"tproxy": {"port": 50000}}, [False, False]),
        ({"xt": {"type": "target", "name": "REJECT"}}, [True, True]),
        ({"xt": {"type": "target", "name": "LOG"}}, [False, False]),
        ({"xt": None}, [False, False]),
        ({"jump": {"target": "gone"}}, [False, False]),
        (
            {"vmap": {"key": payload("th", "dport"), "data": {"set": [["*", {"accept": None}], [443, DROP]]}}},
            [True] * 2,
        ),
        (
            {"vmap": {"key": payload("th", "dport"), "data": {"set": [["*", DROP], [443, {"accept": None}]]}}},
            [False] * 2,
        ),
        ({"vmap": {"key": meta("mark"), "data": {"set": [[1, DROP]]}}}, [None, None]),
        ({"vmap": {"something": "new"}}, [False, False]),
    ],
)
def test_a_statement_stops_or_not(statement: t.Any, expected: list[bool | None]) -> None:
    found = [walk(tables(json.loads(one_rule(statement)), ""), packet, 1 << 443) for packet in (TCP, UDP)]
    assert [bool(stop and stop[0].certain) or (None if stop else False) for stop in found] == expected


@pytest.mark.parametrize("odd", [{"xt": None}, {"vmap": {"something": "new"}}, {"xt": {"type": "target", "name": "X"}}])
def test_what_is_odd_makes_the_rest_uncertain(odd: t.Any) -> None:
    (found,) = walk(tables(json.loads(one_rule(odd, policy="drop")), ""), TCP, 1 << 443)
    assert not found.certain


@pytest.mark.parametrize(
    "listing",
    [
        'type filter hook ingress devices = { "eth1", wg0 } priority 0; policy drop;',
        'type filter hook ingress device "eth1" priority filter; policy drop;',
    ],
)
def test_devices_are_read_as_nft_writes_them(listing: str) -> None:
    text = f"table inet t {{ # handle 1\n chain c {{ # handle 1\n  {listing}\n }}\n}}"
    (table,) = tables(json.loads(one_rule(hook="ingress", policy="drop")), text)
    assert table.bases[0].devices[0] == "eth1"
    assert walk([table], TCP, 1) == []


def test_devices_are_read_from_newer_json_too() -> None:
    for devices in ("eth1", ["eth1", "wg0"]):
        (table,) = tables(json.loads(one_rule(hook="ingress", dev=devices)), "")
        assert table.bases[0].devices[0] == "eth1"


def test_what_is_translated_is_told_with_its_rule() -> None:
    ruleset = one_rule({"redirect": {"port": 22}}, type="nat", hook="prerouting", prio=-100)
    (found,) = walk(tables(json.loads(ruleset), ""), TCP, 1 << 443)
    assert (found.action, found.rule and found.rule.handle, found.certain) == ("translate", 9, True)
    assert walk(tables(json.loads(ruleset), ""), TCP._replace(established=True), 1 << 443) == []


@pytest.mark.parametrize(("prio", "stopped"), [(-300, True), (-100, False)])
def test_what_conntrack_does_not_see_is_not_new(prio: int, stopped: bool) -> None:
    new = match({"ct": {"key": "state"}}, "new", "in")
    early = json.loads(one_rule(match(payload("udp", "dport"), 443), {"notrack": None}, hook="prerouting", prio=prio))
    late = json.loads(one_rule(new, {"accept": None}, policy="drop"))
    both = [*tables(early, ""), *tables(late, "")]
    assert [(stop.rule, stop.certain) for stop in walk(both, UDP, 1 << 443)] == ([(None, True)] if stopped else [])
    assert walk(both, TCP, 1 << 443) == []
