# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.packet import (
    IN,
    OUT,
    Packet,
    has_address,
    has_flags,
    has_port,
    has_some_flag,
    has_state,
    has_status,
    has_type,
    is_for_us,
    is_interface,
    is_protocol,
    span_of,
    spans_of,
)
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.truth import (
    ALL,
    NO,
    UNKNOWN,
    YES,
    Truth,
    bits,
    so,
)

QUESTION = Packet(IN, False, "tcp", "ipv4", "eth0", "198.51.100.2", ("203.0.113.10",))
ANSWER = QUESTION._replace(direction=OUT, established=True)
LATER = QUESTION._replace(established=True)
STRANGER = QUESTION._replace(peer="", own=())
SIX = Packet(IN, False, "udp", "ipv6", "eth0", "2001:db8:100::2", ("2001:db8:113::10", "2001:db8:113::11"))


@pytest.mark.parametrize(
    ("packet", "source", "text", "expected"),
    [
        (QUESTION, True, "198.51.100.2", YES),
        (QUESTION, True, "198.51.100.0/24", YES),
        (QUESTION, True, "198.51.100.0/255.255.255.0", YES),
        (QUESTION, True, "198.51.100.1-198.51.100.3", YES),
        (QUESTION, True, "198.51.100.3", NO),
        (QUESTION, False, "203.0.113.10", YES),
        (QUESTION, False, "198.51.100.2", NO),
        (ANSWER, False, "198.51.100.2", YES),
        (ANSWER, True, "203.0.113.0/28", YES),
        (STRANGER, True, "0.0.0.0/0", YES),
        (STRANGER, True, "10.0.0.0/8", NO),
        (STRANGER, True, "192.168.7.0/24", NO),
        (STRANGER, True, "100.64.0.0/10", NO),
        (STRANGER, True, "10.0.0.0-192.168.255.255", UNKNOWN),
        (STRANGER, True, "198.51.100.2", UNKNOWN),
        (STRANGER, False, "127.0.0.0/8", NO),
        (STRANGER, False, "224.0.0.251", NO),
        (STRANGER, False, "10.0.0.5", UNKNOWN),
        (SIX, True, "2001:db8:100::/64", YES),
        (SIX, True, "::/0", YES),
        (SIX, True, "fe80::/10", NO),
        (SIX, False, "2001:db8:113::10", UNKNOWN),
        (SIX, False, "2001:db8:113::/64", YES),
    ],
)
def test_an_address_is_known_unknown_or_nobodys(packet: Packet, source: bool, text: str, expected: Truth) -> None:
    assert has_address(packet, source, [span_of(text)]) == expected


def test_addresses_of_the_other_family_are_left_out() -> None:
    assert spans_of(["10.0.0.1", "::1"], "ipv6") == [(1, 1)]
    assert spans_of(["10.0.0.1"], "ipv6") == []
    assert has_address(SIX, True, []) == NO
    assert spans_of(["example.com"], "ipv4") is None


@pytest.mark.parametrize("text", ["", "1.2.3", "1.2.3.4/33", "a-b", "1.2.3.4-"])
def test_what_is_no_address_is_an_error(text: str) -> None:
    assert spans_of([text], "ipv4") is None


def test_the_servers_port_is_looked_at_and_the_probers_is_ephemeral() -> None:
    web = bits(80, 443)
    assert has_port(QUESTION, False, web) == has_port(ANSWER, True, web) == has_port(LATER, False, web) == Truth(web, 0)
    assert has_port(QUESTION, True, web) == NO
    assert has_port(QUESTION, True, bits(1024, 65535)) == has_port(ANSWER, False, ALL) == YES
    assert has_port(QUESTION, True, bits(32768, 65535)) == UNKNOWN


@pytest.mark.parametrize(
    ("direction", "name", "expected"),
    [
        (IN, "eth0", YES),
        (IN, "eth1", NO),
        (IN, "eth+", YES),
        (IN, "wg+", NO),
        (IN, "+", YES),
        (IN, "lo", NO),
        (OUT, "eth0", NO),
    ],
)
def test_an_interface_may_stand_for_many(direction: str, name: str, expected: Truth) -> None:
    assert is_interface(QUESTION, direction, name, "+") == expected


def test_without_an_interface_only_the_loopback_is_told() -> None:
    nowhere = QUESTION._replace(interface="")
    assert is_interface(nowhere, IN, "eth0", "+") == UNKNOWN
    assert is_interface(nowhere, IN, "lo", "+") == NO


def test_a_question_is_new_and_what_comes_of_it_is_established() -> None:
    assert [has_state(packet, "NEW") for packet in (QUESTION, ANSWER, LATER)] == [YES, NO, NO]
    assert [has_state(packet, "established") for packet in (QUESTION, ANSWER, LATER)] == [NO, YES, YES]
    assert has_state(QUESTION._replace(tracked=False), "new") == NO
    assert has_state(QUESTION._replace(tracked=False), "invalid") == YES
    assert has_status(QUESTION, "assured") == has_status(ANSWER, "dnat") == NO
    assert has_status(ANSWER, "seen-reply") == UNKNOWN


def test_the_flags_are_those_of_the_handshake() -> None:
    mask = {"fin", "syn", "rst", "ack"}
    assert [has_flags(packet, mask, {"syn"}) for packet in (QUESTION, ANSWER, LATER)] == [YES, NO, NO]
    assert [has_flags(packet, {"syn"}, {"syn"}) for packet in (QUESTION, ANSWER, LATER)] == [YES, YES, NO]
    assert [has_some_flag(packet, {"ack"}) for packet in (QUESTION, ANSWER, LATER)] == [NO, YES, YES]
    assert has_flags(SIX, mask, {"syn"}) == has_some_flag(SIX, {"syn"}) == NO


def test_the_rest() -> None:
    assert is_protocol(QUESTION, "tcp") == is_protocol(QUESTION, "6") == is_protocol(QUESTION, "all") == YES
    assert is_protocol(QUESTION, "udp") == is_protocol(QUESTION, "icmp") == NO
    assert has_type(QUESTION, False, "LOCAL") == has_type(ANSWER, True, "local") == YES
    assert has_type(QUESTION, False, "MULTICAST") == has_type(QUESTION, True, "LOCAL") == NO
    assert is_for_us(QUESTION, "unicast") == YES
    assert is_for_us(QUESTION, "broadcast") == NO
    assert is_for_us(ANSWER, "unicast") == UNKNOWN
    assert so(True) == YES
