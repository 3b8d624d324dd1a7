# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.plugin_utils._cause import Cause
from ansible_collections.plugnmeet.server.plugins.plugin_utils._wrong_address import about_astray

STRAY: dict[str, t.Any] = {
    "address": "2001:db8::66",
    "own": ["2001:db8::10"],
    "ipv6_off": "",
    "beside": "203.0.113.10",
    "arrived": False,
}
LETS_ENCRYPT = " Let's Encrypt asks over IPv6 first, and falls back to IPv4 only on time-outs."
GIVE = "Or give meet1 the address 2001:db8::66"
PROXY = "Or, if 2001:db8::66 is a router or proxy in front: make it pass all of it on to meet1"


def cause(state: str = "blocked_upstream", facts: t.Any = None, **astray: t.Any) -> Cause:
    known = {**STRAY, **astray}
    return Cause(
        state=state,
        facts=facts or {},
        gap="",
        inside="",
        unseen=True,
        ports=(("tcp", "80"),),
        names=("acme",),
        entries=(("tcp", "80"),),
        ends=(("ext", "ipv6"),),
        addresses=(known["address"],),
        astray=known,
    )


def about(known: Cause, address: str = "meet.example.com") -> tuple[str, list[str]]:
    return about_astray(known, "meet1", address)


def test_a_stray_record_is_named_with_what_lets_encrypt_makes_of_it() -> None:
    explanation, remedy = about(cause())
    assert explanation == (
        "The AAAA record of meet.example.com is wrong: it leads to 2001:db8::66, and meet1 has 2001:db8::10. "
        "Nothing of it reached meet1, and nothing came back." + LETS_ENCRYPT
    )
    assert remedy == ["Correct the AAAA record of meet.example.com to 2001:db8::10, or remove it", GIVE, PROXY]


def test_without_an_a_record_the_aaaa_record_is_not_to_be_removed() -> None:
    explanation, remedy = about(cause(beside=""))
    assert LETS_ENCRYPT not in explanation
    assert remedy[0] == "Correct the AAAA record of meet.example.com to 2001:db8::10"


def test_a_wrong_a_record_is_no_matter_of_what_lets_encrypt_asks_first() -> None:
    explanation, remedy = about(cause(address="203.0.113.66", own=["203.0.113.10"], beside="2001:db8::10"))
    assert explanation.startswith("The A record of meet.example.com is wrong: it leads to 203.0.113.66, and meet1 has ")
    assert "Let's Encrypt" not in explanation
    assert remedy[0] == "Correct the A record of meet.example.com to 203.0.113.10, or remove it"


def test_a_target_without_ipv6_shall_have_no_record() -> None:
    explanation, remedy = about(cause(own=[]))
    assert "leads to 2001:db8::66, and meet1 has no IPv6 address." in explanation
    assert remedy == ["Remove the AAAA record of meet.example.com (2001:db8::66)", GIVE, PROXY]


def test_ipv6_that_is_switched_off_is_the_reason() -> None:
    explanation, remedy = about(cause(own=[], ipv6_off="net.ipv6.conf.all.disable_ipv6", arrived=True))
    assert explanation == (
        "The AAAA record of meet.example.com is wrong: it leads to 2001:db8::66, and IPv6 is switched off on meet1 "
        "(net.ipv6.conf.all.disable_ipv6). What came for it to meet1's network card was dropped there, as for somebody "
        "else." + LETS_ENCRYPT
    )
    assert remedy == [
        "Remove the AAAA record of meet.example.com (2001:db8::66)",
        "Or switch IPv6 on, and give meet1 the address 2001:db8::66",
        "sysctl -w net.ipv6.conf.all.disable_ipv6=0",
    ]


def test_a_kernel_without_ipv6_is_not_switched_on_by_a_command() -> None:
    assert not [step for step in about(cause(own=[], ipv6_off="ipv6.disable"))[1] if "sysctl" in step]


@pytest.mark.parametrize(("own", "end"), [(["203.0.113.10"], ": 203.0.113.10"), (["192.0.2.1", "192.0.2.2"], "")])
def test_an_address_that_is_no_name_is_mended_in_the_variable(own: list[str], end: str) -> None:
    explanation, remedy = about(cause(address="203.0.113.66", own=own), "203.0.113.66")
    assert explanation.startswith("203.0.113.66 is not meet1's address: meet1 has ")
    first = f"Give the address by which outsiders reach meet1 as preflight_address{end}"
    assert remedy == [first, "Or give meet1 the address 203.0.113.66"]


@pytest.mark.parametrize(
    ("state", "facts", "sentence"),
    [
        (
            "wrong_server",
            {"what": "HTTP status 404", "server": "nginx"},
            '; somebody else answers there, with HTTP status 404 from "nginx".',
        ),
        (
            "wrong_server",
            {"what": "another certificate", "certificate": {"subject": "CN=x", "issuer": "y", "expires": "z"}},
            '; somebody else answers there, with the certificate of "CN=x".',
        ),
        ("rejected_upstream", {"by": "TCP reset"}, "; somebody else answers there, with TCP reset."),
        (
            "rejected_upstream",
            {"by": "ICMP port unreachable", "offender": "2001:db8::66"},
            "; somebody else answers there, with ICMP port unreachable.",
        ),
        (
            "rejected_upstream",
            {"by": "ICMP address unreachable", "offender": "2001:db8::1"},
            "; 2001:db8::1 finds nobody there.",
        ),
        ("rejected_upstream", {"by": "ICMP no route", "offender": "2001:db8::1"}, "; 2001:db8::1 knows no way there."),
        (
            "rejected_upstream",
            {"by": "ICMP admin prohibited", "offender": "2001:db8::1"},
            "; 2001:db8::1 refuses it with ICMP admin prohibited.",
        ),
    ],
)
def test_what_came_back_is_told(state: str, facts: dict[str, t.Any], sentence: str) -> None:
    assert f"Nothing of it reached meet1{sentence}" in about(cause(state, facts))[0]


def test_what_several_ports_answered_is_told_together_and_once() -> None:
    parts = (
        cause("wrong_server", {"what": "HTTP status 404"}),
        cause(),
        cause("rejected_upstream", {"by": "TCP reset"}),
        cause("rejected_upstream", {"by": "TCP reset"}),
    )
    explanation = about(cause()._replace(parts=parts))[0]
    assert "; somebody else answers there, with HTTP status 404 and TCP reset." in explanation
