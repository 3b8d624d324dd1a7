# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import socket
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import Evidence, Observation
from ansible_collections.plugnmeet.server.plugins.module_utils._probe import cut
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.hops import UNKNOWN, Goal, Way
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.resolve import Path
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

PATH = Path(socket.AF_INET, "ipv4", "203.0.113.10", ("203.0.113.10", 0), "198.51.100.2", "")
MEDIA = frozenset(range(50_000, 50_101))
OPEN_WAY = Way({1: "192.0.2.1", 2: "192.0.2.2", 3: "192.0.2.3"}, 4, 2)

Found = t.List[t.Tuple[str, str, str, t.Dict[str, str]]]


class Network:
    """What comes of following the way to a goal: by its protocol and port, or nothing at all."""

    def __init__(self, ways: dict[tuple[str, int], Way], reached: t.Container[tuple[str, int]] = ()) -> None:
        self.ways = ways
        self.reached = reached
        self.followed: list[Goal] = []

    def trace(
        self, dummy_session: Session, dummy_vantage: int, dummy_paths: t.Any, goals: list[Goal]
    ) -> dict[Goal, Way]:
        self.followed = goals
        return {goal: self.ways.get((goal.protocol, goal.port), UNKNOWN) for goal in goals}

    def reaches(
        self, dummy_session: Session, dummy_vantage: int, dummy_paths: t.Any, goals: t.Iterable[Goal]
    ) -> set[Goal]:
        return {goal for goal in goals if (goal.protocol, goal.port) in self.reached}


@pytest.fixture
def find(session: Session, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., Found]:
    def run(
        network: Network,
        open_udp: t.Iterable[int] = (),
        open_tcp: t.Iterable[int] = (443,),
        strange: str = "",
        silent_tcp: t.Iterable[int] = (),
    ) -> Found:
        monkeypatch.setattr(cut, "trace", network.trace)
        monkeypatch.setattr(cut, "reaches", network.reaches)
        evidence = {"udp": Evidence(), "tcp": Evidence()}
        for protocol, ports in (("udp", open_udp), ("tcp", open_tcp)):
            evidence[protocol].ports(Observation("open", protocol, "ipv4", 3)).update(ports)
        tcp = {443, *silent_tcp}
        if strange:
            tcp.add(80)
            evidence["tcp"].ports(Observation(strange, "tcp", "ipv4", 3)).add(80)
        cut.find_cuts(session, 3, [PATH], {"udp": MEDIA, "tcp": tcp}, evidence)
        rows = [row for side in evidence.values() for row in side.to_list() if row["seen"] not in ("open", strange)]
        return [(row["seen"], row["protocol"], row["ports"], row["detail"]) for row in rows]

    return run


def test_where_all_is_open_nothing_is_followed(find: t.Callable[..., Found]) -> None:
    network = Network({})
    assert find(network, MEDIA) == []
    assert network.followed == []


def test_the_last_router_and_the_one_behind_it_are_told(find: t.Callable[..., Found]) -> None:
    closed = Way({1: "192.0.2.1", 2: "192.0.2.2"}, 0, 2)
    network = Network({("udp", 50_050): closed, ("udp", 50_000): OPEN_WAY})
    assert find(network, MEDIA - {50_050}) == [
        ("last_hop", "udp", "50050", {"hop": "2", "router": "192.0.2.2", "next": "192.0.2.3", "of": "4"})
    ]


def test_of_a_range_its_middle_is_followed_and_of_many_ranges_the_largest(find: t.Callable[..., Found]) -> None:
    network = Network({})
    find(network, {50_010, 50_012, 50_050})
    silent = [goal.port for goal in network.followed if goal.protocol == "udp"]
    assert silent[:2] == [50_075, 50_031]


def test_what_is_silent_is_followed_before_what_is_open(find: t.Callable[..., Found]) -> None:
    network = Network({})
    find(network, [50_000])
    assert network.followed == [Goal(0, "udp", 50_050), Goal(0, "udp", 50_000)]


def test_a_network_that_lets_no_udp_out_is_no_matter_of_the_target(find: t.Callable[..., Found]) -> None:
    assert find(Network({("tcp", 443): OPEN_WAY})) == [
        (
            "unsent",
            "udp",
            "50000-50100",
            {"reason": "no UDP leaves its own network: 192.0.2.1, the first router, answers for TCP only"},
        )
    ]


@pytest.mark.parametrize("known", [OPEN_WAY._replace(heard=1), UNKNOWN], ids=["heard once", "never heard"])
def test_a_router_that_is_not_heard_every_time_proves_nothing(find: t.Callable[..., Found], known: Way) -> None:
    assert find(Network({("tcp", 443): known})) == []


def test_where_the_first_router_says_nothing_all_may_be_the_targets(find: t.Callable[..., Found]) -> None:
    far = Way({3: "192.0.2.3"}, 4, 2)  # which may be the target's own firewall
    assert find(Network({("tcp", 443): far})) == []


def test_a_tcp_port_that_gets_not_even_to_the_first_router_is_no_matter_of_the_target(
    find: t.Callable[..., Found],
) -> None:
    reason = "its own system or network lets nothing out to this port: 192.0.2.1, the first router, sees none"
    network = Network({("tcp", 443): OPEN_WAY})
    assert find(network, MEDIA, silent_tcp=(7881,)) == [("unsent", "tcp", "7881", {"reason": reason})]
    followed = find(network, MEDIA, silent_tcp=(80, 81, 90, 7881))
    assert followed == [("unsent", "tcp", "80-81,90", {"reason": reason})]  # two of the three ranges


@pytest.mark.parametrize(
    ("way", "known"),
    [
        (UNKNOWN, Way({1: "192.0.2.1"}, 2, 2)),
        (UNKNOWN, OPEN_WAY._replace(heard=1)),
        (UNKNOWN, Way({2: "192.0.2.2", 3: "192.0.2.3"}, 4, 2)),
    ],
    ids=["behind the only router", "heard once", "the first router is silent"],
)
def test_a_silent_tcp_port_may_be_the_targets(find: t.Callable[..., Found], way: Way, known: Way) -> None:
    assert find(Network({("tcp", 7881): way, ("tcp", 443): known}), MEDIA, silent_tcp=(7881,)) == []


def test_tcp_that_is_silent_while_udp_is_not_proves_nothing_of_the_network(find: t.Callable[..., Found]) -> None:
    assert find(Network({("udp", 50_000): OPEN_WAY}), MEDIA, ()) == []


def test_tcp_that_gets_through_to_silent_udp_ports_is_told(find: t.Callable[..., Found]) -> None:
    network = Network({}, {("tcp", 50_050)})
    assert find(network) == [("last_hop", "udp", "50050", {"instead": "tcp"})]


@pytest.mark.parametrize("strange", ["foreign", "accepted", "rejected"])
def test_what_the_first_hop_answers_in_the_place_of_a_far_target_is_near(
    find: t.Callable[..., Found], strange: str
) -> None:
    network = Network({("tcp", 80): Way({}, 1, 0), ("tcp", 443): OPEN_WAY})
    assert find(network, MEDIA, strange=strange) == [("near", "tcp", "80", {})]


@pytest.mark.parametrize(
    ("strange", "known"),
    [
        (Way({}, 2, 0), OPEN_WAY),
        (Way({}, 0, 0), OPEN_WAY),
        (Way({}, 1, 0), Way({}, 2, 0)),
        (Way({}, 1, 0), Way({}, 0, 0)),
    ],
    ids=["second hop", "nobody knows where", "target behind the only router", "target nobody knows where"],
)
def test_what_may_be_the_targets_side_is_not_called_near(
    find: t.Callable[..., Found], strange: Way, known: Way
) -> None:
    assert find(Network({("tcp", 80): strange, ("tcp", 443): known}), MEDIA, strange="foreign") == []


def test_without_an_open_port_nothing_is_near(find: t.Callable[..., Found]) -> None:
    network = Network({("tcp", 80): Way({}, 1, 0)})
    assert [row for row in find(network, (), (), strange="foreign") if row[0] == "near"] == []
