# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.plugnmeet.server.plugins.filter.live_outlook import live_outlook

Facts = dict[str, t.Any]


def answer(service: str = "TLS", family: str = "ipv4", proof: str = "", reason: str = "") -> Facts:
    port = {"TLS": "443/tcp", "HTTP": "80/tcp", "STUN": "443/udp", "ICE-TCP": "7881/tcp"}[service]
    address = {"ipv4": "203.0.113.10", "ipv6": "2001:db8::10", "": ""}[family]
    about = {"service": service, "name": "meet.example.com", "port": port, "family": family, "address": address}
    return {**about, "proof": proof, "reason": reason}


def outlook(*answers: Facts, media: Facts | None = None) -> dict[str, list[str]]:
    return live_outlook([{"item": "ext", "answers": list(answers)}], "meet1", "meet.example.com", media)


def media(in_use: list[int], seen: list[Facts], **stopped: t.Any) -> Facts:
    holder = {"process": "livekit-server", "pid": 7}
    return {
        "ports": "50000-50009",
        "started": {"in_use": [{"protocol": "udp", "port": port, "holder": holder} for port in in_use]},
        "stopped": {"running": True, "tap": {"usable": True, "lost": 0}, "evidence": [], "sources": [], **stopped},
        "probes": [
            {
                "item": "ext",
                "unresolved": "",
                "addresses": {"ipv4": "203.0.113.10"},
                "source": {"ipv4": "198.51.100.2"},
                "local": {"ipv4": "198.51.100.2"},
                "destination": {"ipv4": "203.0.113.10"},
                "evidence": [
                    {"protocol": "udp", "family": "ipv4", "vantage": 0, "detail": {}, **each} for each in seen
                ],
            }
        ],
    }


def test_what_answers_is_proven() -> None:
    seen = outlook(answer(proof="has a valid certificate"))
    assert seen["proven"] == ["TLS of meet.example.com on 443/tcp over IPv4, from ext: has a valid certificate"]
    assert (seen["failed"], seen["open_questions"]) == ([], [])


def test_from_the_server_itself_nothing_is_proven() -> None:
    seen = outlook({**answer(proof="has a valid certificate"), "itself": True}, {**answer(reason="x"), "itself": True})
    assert (seen["proven"], seen["failed"]) == ([], [])
    assert [each.partition("; ")[0].partition(": ")[2] for each in seen["open_questions"]] == [
        "has a valid certificate",
        "x",
    ]
    assert "but ext has that address itself" in seen["open_questions"][0]


def test_what_does_not_answer_failed_and_is_told_what_to_look_at() -> None:
    seen = outlook(answer(reason="the certificate is not valid: certificate has expired"))
    assert seen["proven"] == []
    assert "certificate has expired; look at haproxy on the server" in seen["failed"][0]


def test_a_family_that_is_silent_beside_one_that_answers_is_a_question() -> None:
    seen = outlook(answer(proof="answers with status 301"), answer(family="ipv6", reason="Connection refused"))
    assert seen["failed"] == []
    assert "over IPv6, from ext: Connection refused; who prefers IPv6 waits, or fails" in seen["open_questions"][0]


def test_what_is_alike_is_one_sentence() -> None:
    both = [answer(family=family, proof="answers") for family in ("ipv4", "ipv6")]
    turn = [{**each, "name": "turn.example.com"} for each in both]
    assert outlook(*both, *turn)["proven"] == [
        "TLS of meet.example.com and turn.example.com on 443/tcp over IPv4 and IPv6, from ext: answers"
    ]
    one = {**turn[1], "proof": "", "reason": "nobody answers"}
    seen = outlook(*both, turn[0], one)
    assert seen["proven"] == [
        "TLS of meet.example.com and turn.example.com on 443/tcp over IPv4, from ext: answers",
        "TLS of meet.example.com on 443/tcp over IPv6, from ext: answers",
    ]
    assert seen["open_questions"] == [
        (
            "TLS of turn.example.com on 443/tcp over IPv6, from ext: nobody answers; who prefers IPv6 waits, or fails. "
            "Let it answer at 2001:db8::10, or take that out of the DNS"
        )
    ]


def test_what_fails_of_one_name_is_not_excused_by_another() -> None:
    seen = outlook(answer(reason="nobody answers"), {**answer(proof="answers"), "name": "turn.example.com"})
    assert seen["failed"][0].startswith("TLS of meet.example.com on 443/tcp over IPv4, from ext: nobody answers; look")


@pytest.mark.parametrize(("service", "words"), [("STUN", "that it relays"), ("ICE-TCP", "only be seen in a meeting")])
def test_what_a_stranger_cannot_prove_is_said(service: str, words: str) -> None:
    assert any(words in sentence for sentence in outlook(answer(service, proof="answers"))["open_questions"])
    assert outlook(answer(service, reason="nobody answers"))["open_questions"] == []


def test_a_name_without_an_address_failed() -> None:
    (failed,) = outlook(answer(family="", reason="it does not resolve: no name"))["failed"]
    assert "; mend its DNS records, or give the name by which people reach the server" in failed


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("Network is unreachable", "; give ext a way there, or name another host in preflight_probers"),
        ("nobody answers", "; a firewall in front of it is found by plugnmeet.server.preflight"),
    ],
)
def test_nobody_is_sent_to_the_server_for_what_is_on_the_way(reason: str, remedy: str) -> None:
    assert outlook(answer(reason=reason))["failed"][0].endswith(remedy)


def test_the_remedy_has_the_whole_range_and_not_what_is_left_between_held_ports() -> None:
    whole = outlook(media=media([50005], []))["failed"][0]
    assert "Open 50000-50009/udp to" in whole
    assert whole.startswith("9 of the 10 media ports (50000-50004,50006-50009/udp)")
    part = outlook(media=media([50005], [{"seen": "open", "ports": "50000-50003"}]))["failed"][0]
    assert "Open 50004,50006-50009/udp to" in part


def test_a_prober_that_could_not_be_used_failed() -> None:
    seen = live_outlook([{"item": "ext", "msg": "no route to host.", "unreachable": True}], "meet1", "m")
    assert seen["failed"] == ["ext could not be used: no route to host; run it again, or name another prober"]


def test_media_ports_that_are_held_are_not_tested_and_the_others_are() -> None:
    opened = {"seen": "open", "ports": "50000-50004,50006-50009"}
    seen = outlook(media=media([50005], [opened]))
    assert seen["proven"] == ["9 of the 10 media ports, over IPv4, from ext: open"]
    assert seen["open_questions"] == ["1 of the 10 media ports is held by livekit-server and was not tested: 50005/udp"]
    assert seen["failed"] == []


def test_media_ports_that_are_closed_failed() -> None:
    seen = outlook(media=media([], [{"seen": "open", "ports": "50000-50007"}]))
    assert seen["proven"] == ["8 of the 10 media ports, over IPv4, from ext: open"]
    assert "2 of the 10 media ports (50008-50009/udp), over IPv4, from ext: blocked upstream" in seen["failed"][0]


def test_without_a_listener_nothing_is_said_of_media_ports() -> None:
    seen = outlook(media=media([], [], running=False))
    assert (seen["proven"], seen["failed"]) == ([], [])
    assert "the listener was gone" in seen["open_questions"][0]


def test_all_media_ports_held_is_an_open_question() -> None:
    seen = outlook(media=media(list(range(50000, 50010)), []))
    assert (seen["proven"], seen["failed"], len(seen["open_questions"])) == ([], [], 1)


@pytest.mark.parametrize("results", [None, ["text"], [{"item": "ext", "answers": [{}]}]])
def test_what_are_no_results_is_refused(results: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="live_outlook takes results"):
        live_outlook(results, "meet1", "m")
