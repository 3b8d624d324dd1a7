# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The slow second look, over a way with a router's ICMP errors: few in a sweep, one for each slow question."""

from __future__ import annotations

import socket
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _evidence
from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import Observation
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, read_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.icmp import Rejection
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.rejections import conclude, look_again
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.resolve import Path
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.sweep import Probe, Sweep
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

PATHS = (
    Path(socket.AF_INET, "ipv4", "203.0.113.10", ("203.0.113.10", 0), "192.0.2.7", ""),
    Path(socket.AF_INET6, "ipv6", "2001:db8::10", ("2001:db8::10", 0, 0, 0), "2001:db8::7", ""),
)
ROUTER = "198.51.100.1"
BY = "ICMP admin prohibited"


class Swept(Sweep):
    """A sweep that is over: of `silent` ports it heard errors about `heard`; `rejecting` ones draw one when asked."""

    def __init__(self, session: Session, silent: str, heard: str, rejecting: str, paths: t.Sequence[Path] = PATHS[:1]):
        super().__init__(session, 0, paths, range(100, 200), 0.0)
        self.asked: list[tuple[str, int]] = []
        self.rejecting = read_ports(rejecting)
        dead = read_ports(silent)
        for probe in self.probes:
            probe.answered = probe.port not in dead
            probe.sends = 1 if probe.answered else 9
        self.rejected = {(0, port): Rejection(port, BY, ROUTER) for port in read_ports(heard)}

    def listen(self, seconds: float) -> None:
        """Nothing comes by itself any more."""

    def send(self, probe: Probe, dummy: float) -> None:
        """Draw an error at once, if the port draws any."""
        self.asked.append((self.paths[probe.path].name, probe.port))
        if probe.port in self.rejecting:
            self.rejected[probe.path, probe.port] = Rejection(probe.port, BY, ROUTER)

    def found(self, family: str = "ipv4", **detail: str) -> str:
        about = _evidence.detail(**(detail or {"by": BY, "offender": ROUTER}))
        return format_ports(self.evidence.ports(Observation(_evidence.REJECTED, "udp", family, 0, about)))


@pytest.fixture
def swept(session: Session) -> t.Callable[..., Swept]:
    def look(*arguments: t.Any, **more: t.Any) -> Swept:
        sweep = Swept(session, *arguments, **more)
        conclude(sweep, look_again(sweep, set()), set())
        return sweep

    return look


def test_of_a_range_of_which_a_few_were_heard_edges_and_middle_are_asked(swept: t.Callable[..., Swept]) -> None:
    sweep = swept("100-199", heard="120,170", rejecting="100-199")
    assert sorted(port for dummy, port in sweep.asked) == [100, 150, 199]
    assert sweep.found() == "100-199"


def test_a_range_without_an_error_is_asked_in_its_middle(swept: t.Callable[..., Swept]) -> None:
    sweep = swept("110-130", heard="", rejecting="110-130")
    assert sweep.asked == [("ipv4", 120)]
    assert sweep.found() == "110-130"


def test_who_rejects_nothing_is_asked_once(swept: t.Callable[..., Swept]) -> None:
    sweep = swept("110-120,130-140,150-160", heard="", rejecting="")
    assert sweep.asked == [("ipv4", 115)]
    assert sweep.found() == ""


def test_a_hole_in_a_rejected_range_is_not_taken_for_rejected(swept: t.Callable[..., Swept]) -> None:
    sweep = swept("100-199", heard="120,170", rejecting="100-149,151-199")
    assert sweep.found() == "100,120,170,199"


def test_what_was_not_asked_often_enough_is_left_alone(session: Session) -> None:
    sweep = Swept(session, "110-130", heard="", rejecting="110-130")
    for probe in sweep.silent:
        probe.sends = 1
    conclude(sweep, look_again(sweep, set()), set())
    assert (sweep.asked, sweep.found()) == ([], "")


def test_each_address_has_its_own_questions_at_the_same_time(swept: t.Callable[..., Swept]) -> None:
    sweep = swept("110-130", heard="", rejecting="110-130", paths=PATHS)
    assert sorted(sweep.asked) == [("ipv4", 120), ("ipv6", 120)]
    assert sweep.found("ipv4") == sweep.found("ipv6") == "110-130"


def test_ranges_are_asked_the_largest_first_and_no_more_than_three(swept: t.Callable[..., Swept]) -> None:
    sweep = swept("100,110-112,120-140,150-155", heard="100,111,125,152", rejecting="100-199")
    assert sweep.asked == [("ipv4", 120), ("ipv4", 140), ("ipv4", 130)]
    assert sweep.found() == "100,110-112,120-140,150-155"


def test_errors_from_two_senders_are_kept_apart(session: Session) -> None:
    sweep = Swept(session, "110-119", heard="110", rejecting="")
    sweep.rejected[0, 119] = Rejection(119, BY, "198.51.100.9")
    conclude(sweep, look_again(sweep, set()), set())
    assert sweep.found() == "110"
    assert sweep.found(by=BY, offender="198.51.100.9") == "119"


def test_that_nobody_is_there_holds_for_every_port(session: Session) -> None:
    sweep = Swept(session, "100-199", heard="", rejecting="")
    sweep.rejected[0, 142] = Rejection(142, "ICMP host unreachable", ROUTER)
    conclude(sweep, look_again(sweep, set()), set())
    assert sweep.asked == []
    assert sweep.found(by="ICMP host unreachable", offender=ROUTER) == "100-199"


def test_who_is_there_by_tcp_has_ports_that_only_look_as_if_nobody_was(session: Session) -> None:
    sweep = Swept(session, "100-119", heard="", rejecting="110")
    sweep.rejected[0, 110] = Rejection(110, "ICMP host unreachable", ROUTER)
    asked = look_again(sweep, {0})
    assert asked == {(0, 100), (0, 119)}
    conclude(sweep, asked, {0})
    assert sweep.found(by="ICMP host unreachable", offender=ROUTER) == "110"
