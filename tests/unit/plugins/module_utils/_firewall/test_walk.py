# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.packet import IN, OUT, Packet
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.ruleset import (
    ACCEPT,
    CONTINUE,
    DROP,
    GOTO,
    JUMP,
    NFTABLES,
    QUEUE,
    REJECT,
    RETURN,
    STOPS,
    TRANSLATE,
    UNCLEAR,
    Base,
    Rule,
    Table,
)
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.truth import UNKNOWN, YES, Truth
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.walk import Stop, walk

PORTS = 0b1111
PACKET = Packet(IN, False, "udp", "ipv4", "eth0")


def rule(verdict: str, ports: int = PORTS, maybe: int = 0, target: str = "", text: str = "") -> Rule:
    """A rule about some ports."""
    truth = Truth(ports & ~maybe, maybe)
    return Rule(lambda dummy: truth, verdict, target, text or f"{verdict} {ports:b}", 1)


def table(policy: str = ACCEPT, hook: str = "input", family: str = "inet", **chains: list[Rule]) -> Table:
    """A table whose chain `base` the kernel calls."""
    base = Base("base", hook, 0, policy, f"policy {policy}")
    return Table(NFTABLES, family, "t", {"base": [], **chains}, [base])


def found(stops: list[Stop]) -> list[tuple[str, int, bool]]:
    return [(stop.rule.text if stop.rule else stop.base.text, stop.ports, stop.certain) for stop in stops]


def test_without_tables_everything_gets_through() -> None:
    assert walk([], PACKET, PORTS) == []


def test_a_policy_stops_what_no_rule_lets_in() -> None:
    assert found(walk([table(DROP, base=[rule(ACCEPT, 0b0110)])], PACKET, PORTS)) == [("policy drop", 0b1001, True)]


def test_the_first_rule_counts() -> None:
    rules = [rule(ACCEPT, 0b0001), rule(REJECT, 0b0011), rule(DROP, 0b0111)]
    assert found(walk([table(base=rules)], PACKET, PORTS)) == [("reject 11", 0b0010, True), ("drop 111", 0b0100, True)]


def test_a_later_accept_is_named_and_splits_the_stop() -> None:
    rules = [rule(REJECT), rule(ACCEPT, 0b0011, text="first"), rule(ACCEPT, 0b0110, text="second")]
    stops = walk([table(base=rules)], PACKET, PORTS)
    assert [(stop.before, stop.ports) for stop in stops] == [("first", 0b0011), ("second", 0b0100), ("", 0b1000)]


def test_a_later_accept_is_found_in_other_chains_but_not_behind_another_base_chain() -> None:
    inner = [rule(DROP)]
    rules = [rule(JUMP, target="inner"), rule(JUMP, target="more")]
    more = [rule(ACCEPT, 0b0001, text="there")]
    other = table(base=[rule(ACCEPT, 0b0010, text="elsewhere")])
    stops = walk([table(base=rules, inner=inner, more=more), other], PACKET, PORTS)
    assert [(stop.via, stop.before, stop.ports) for stop in stops] == [
        (("base", "inner"), "there", 0b0001),
        (("base", "inner"), "", 0b1110),
    ]


def test_goto_does_not_come_back_and_return_does() -> None:
    inner = [rule(RETURN, 0b0001)]
    jumping = table(DROP, base=[rule(JUMP, target="inner"), rule(ACCEPT)], inner=inner)
    going = table(DROP, base=[rule(GOTO, target="inner"), rule(ACCEPT)], inner=inner)
    assert walk([jumping], PACKET, PORTS) == []
    assert found(walk([going], PACKET, PORTS)) == [("policy drop", PORTS, True)]


def test_what_one_base_chain_accepts_the_next_may_still_stop() -> None:
    first, second = table(base=[rule(ACCEPT)]), table(base=[rule(DROP, 0b0001)])
    assert found(walk([first, second], PACKET, PORTS)) == [("drop 1", 0b0001, True)]


def test_an_unknown_condition_makes_its_stop_uncertain_and_no_other() -> None:
    rules = [rule(DROP, 0b0011, maybe=0b0011, text="limit"), rule(DROP, 0b0001, text="sure")]
    assert found(walk([table(base=rules)], PACKET, PORTS)) == [("limit", 0b0010, False), ("sure", 0b0001, True)]


def test_an_unknown_accept_makes_what_follows_uncertain() -> None:
    rules = [rule(ACCEPT, 0b0001, maybe=0b0001)]
    assert found(walk([table(DROP, base=rules)], PACKET, PORTS)) == [
        ("policy drop", 0b1110, True),
        ("policy drop", 0b0001, False),
    ]


def test_an_unknown_detour_that_comes_back_changes_nothing() -> None:
    rules = [rule(JUMP, maybe=PORTS, target="log")]
    assert found(walk([table(DROP, base=rules, log=[rule(CONTINUE)])], PACKET, PORTS)) == [("policy drop", PORTS, True)]


def test_nothing_is_certain_of_an_unknown_target() -> None:
    rules = [rule(UNCLEAR, 0b0001)]
    assert (found(walk([table(DROP, base=rules)], PACKET, 0b0001))) == [("policy drop", 0b0001, False)]
    assert walk([table(base=rules)], PACKET, 0b0001) == []


def test_what_is_translated_ends_there() -> None:
    rules = [rule(TRANSLATE, 0b0011, maybe=0b0010)]
    assert found(walk([table(base=rules)], PACKET, PORTS)) == [
        ("translate 11", 0b0001, True),
        ("translate 11", 0b0010, False),
    ]


def test_a_program_at_a_queue_may_let_in() -> None:
    assert found(walk([table(base=[rule(QUEUE)])], PACKET, PORTS)) == [("queue 1111", PORTS, False)]


def test_a_loop_ends() -> None:
    tables = [table(base=[rule(JUMP, target="base")])]
    assert walk(tables, PACKET, PORTS) == []


def test_a_chain_that_is_not_there_is_empty() -> None:
    assert walk([table(base=[rule(JUMP, target="gone")])], PACKET, PORTS) == []


@pytest.mark.parametrize(
    ("packet", "hook", "family", "stopped"),
    [
        (PACKET, "input", "ip", True),
        (PACKET, "input", "ip6", False),
        (PACKET, "prerouting", "inet", True),
        (PACKET, "ingress", "netdev", True),
        (PACKET, "forward", "inet", False),
        (PACKET, "output", "inet", False),
        (PACKET, "input", "bridge", False),
        (PACKET._replace(direction=OUT), "output", "inet", True),
        (PACKET._replace(direction=OUT), "postrouting", "ip", True),
        (PACKET._replace(direction=OUT), "input", "inet", False),
    ],
)
def test_only_chains_on_the_way_count(packet: Packet, hook: str, family: str, stopped: bool) -> None:
    assert bool(walk([table(DROP, hook=hook, family=family)], packet, PORTS)) is stopped


def test_hooks_and_priorities_order_the_chains() -> None:
    def early(name: str, hook: str, priority: int) -> Table:
        return Table(NFTABLES, "inet", name, {}, [Base("base", hook, priority, DROP, name)])

    tables = [early("input", "input", -500), early("late", "prerouting", 10), early("first", "prerouting", -10)]
    assert found(walk(tables, PACKET, PORTS)) == [("first", PORTS, True)]


def test_a_chain_of_another_interface_and_a_translating_one_are_passed_by() -> None:
    base = Base("base", "ingress", 0, DROP, "", ("wg0",))
    other = Table(NFTABLES, "netdev", "t", {}, [base])
    assert walk([other], PACKET, PORTS) == []
    assert walk([other], PACKET._replace(interface="wg0"), PORTS)
    translating = Table(NFTABLES, "ip", "nat", {}, [Base("base", "input", 0, DROP, "", (), True)])
    assert walk([translating], PACKET, PORTS)
    assert walk([translating], PACKET._replace(established=True), PORTS) == []


def test_conntrack_comes_after_ingress_and_the_raw_chains() -> None:
    tracked = Rule(lambda packet: YES if packet.tracked else UNKNOWN, ACCEPT, "", "", 1)
    for hook, priority, certain in (("ingress", 0, False), ("prerouting", -300, False), ("prerouting", -150, True)):
        tables = [Table(NFTABLES, "inet", "t", {"base": [tracked]}, [Base("base", hook, priority, DROP, "")])]
        assert bool(walk(tables, PACKET, PORTS)) is not certain


# Against one port and one world after the other

Plan = t.Dict[str, t.List[t.Tuple[str, int, int, str]]]  # verdict, ports, those of them of which it may be, target


@st.composite
def plans(draw: t.Any) -> tuple[Plan, str]:
    """A tree of chains: each is the target of one rule at most, so no condition is met twice."""
    plan: Plan = {"base": []}
    free = ["a", "b", "c"]
    pending = ["base"]
    while pending:
        chain = pending.pop()
        for dummy in range(draw(st.integers(0, 4))):
            verdict = draw(st.sampled_from([ACCEPT, DROP, REJECT, RETURN, CONTINUE, JUMP, GOTO]))
            target = ""
            if verdict in (JUMP, GOTO):
                if not free:
                    continue
                target = free.pop()
                plan[target] = []
                pending.append(target)
            ports = draw(st.integers(0, PORTS))
            maybe = ports if draw(st.integers(0, 4)) == 0 else 0
            plan[chain].append((verdict, ports, maybe, target))
    return plan, draw(st.sampled_from([ACCEPT, DROP]))


def alone(plan: Plan, policy: str, bit: int, world: dict[str, bool]) -> tuple[str, str]:
    """The name of what stops one port where all is known, empty for nothing, and of what would have let it in later."""
    stopped: list[str] = []

    def through(chain: str) -> str | None:
        for index, (verdict, ports, maybe, target) in enumerate(plan[chain]):
            name = f"{chain}{index}"
            if not ports & bit or (maybe & bit and not world[name]):
                continue
            if verdict == ACCEPT:
                return name
            if verdict in STOPS and not stopped:
                stopped.append(name)
            if verdict == RETURN:
                return None
            if verdict in (JUMP, GOTO):
                ended = through(target)
                if ended or verdict == GOTO:
                    return ended
        return None

    accepted = through("base")
    if stopped:
        return stopped[0], accepted or ""
    return "policy" if not accepted and policy == DROP else "", ""


@given(plans())
def test_all_ports_at_once_are_as_one_after_the_other(drawn: tuple[Plan, str]) -> None:
    plan, policy = drawn
    chains = {
        chain: [
            rule(verdict, ports, maybe, target, f"{chain}{index}")
            for index, (verdict, ports, maybe, target) in enumerate(rows)
        ]
        for chain, rows in plan.items()
    }
    stops = walk([Table(NFTABLES, "inet", "t", chains, [Base("base", "input", 0, policy, "policy")])], PACKET, PORTS)
    unknown = [f"{chain}{index}" for chain, rows in plan.items() for index, row in enumerate(rows) if row[2]]
    worlds = [dict(zip(unknown, known)) for known in itertools.product([True, False], repeat=len(unknown))]
    for bit in (1, 2, 4, 8):
        fates = {alone(plan, policy, bit, world) for world in worlds}
        ends = {fate[0] for fate in fates}
        mine = [stop for stop in stops if stop.ports & bit]
        assert len(mine) == (ends != {""})
        for stop in mine:
            assert (stop.rule.text if stop.rule else "policy") in ends
            assert stop.certain == ("" not in ends)
            if len(fates) == 1:
                assert fates == {(stop.rule.text if stop.rule else "policy", stop.before)}
