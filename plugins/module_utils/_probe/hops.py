# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Which hop: how far on the way a question comes that nobody answers.

Questions with a small time to live die on the way, and the router where that happens says so (RFC 1812, section 5.3.1;
RFC 4443, section 3.3). The last one that does so for a closed port, compared with the way of an open port of the same
address, is the last one before the cut. No privilege is needed, since the kernel keeps these errors for the sender.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import time
import typing as t

from .._exchange import stun
from .._session import Session
from . import icmp
from .mark import take_mark
from .resolve import Path

_MOST_HOPS = 30
TRIES = 2
_WAIT = 0.4  # seconds after each
_GAP = 0.001  # seconds between two hops, for routers limit their errors


class Goal(t.NamedTuple):
    """A port to follow the way to; `path` is an index."""

    path: int
    protocol: str
    port: int


class Way(t.NamedTuple):
    """The routers on the way, by hop, and the hop at which the target answered, be it with a reset; 0 if it did not.

    `heard` counts the tries in which a router answered.
    """

    routers: t.Mapping[int, str]
    end: int
    heard: int

    @property
    def last(self) -> int:
        """The last hop that answered, 0 for none."""
        return max(self.routers, default=0)

    @property
    def first(self) -> int:
        """The first hop that answered, 0 for none."""
        return min(self.routers, default=0)


UNKNOWN = Way({}, 0, 0)


def trace(session: Session, vantage: int, paths: t.Sequence[Path], goals: t.Sequence[Goal]) -> dict[Goal, Way]:
    """Follow the way to each goal. It takes about a second, however many there are.

    Routers limit their errors, so the goals are in the order of their importance.
    """
    ways = dict.fromkeys(goals, UNKNOWN)
    for dummy in range(TRIES):
        probes: list[_Probe] = []
        with contextlib.suppress(OSError):  # no more descriptors: what could be asked must do
            for hop in range(1, _MOST_HOPS + 1):
                for goal, way in ways.items():
                    # One that is known is asked again: what is heard every time is no matter of chance.
                    if (hop not in way.routers or hop == way.first) and not 0 < way.end <= hop:
                        probes.append(_Probe(session, vantage, paths[goal.path], goal, hop))
                time.sleep(_GAP)
        time.sleep(_WAIT)
        heard: set[Goal] = set()
        for probe in probes:
            before = ways[probe.goal]
            ways[probe.goal] = probe.harvest(before)
            if probe.router:
                heard.add(probe.goal)
            probe.sock.close()
        for goal in heard:
            ways[goal] = ways[goal]._replace(heard=ways[goal].heard + 1)
    return ways


def reaches(session: Session, vantage: int, paths: t.Sequence[Path], goals: t.Iterable[Goal]) -> set[Goal]:
    """Return the goals from which an answer comes, be it a reset."""
    probes: list[_Probe] = []
    with contextlib.suppress(OSError):  # as above
        probes.extend(_Probe(session, vantage, paths[goal.path], goal, _MOST_HOPS) for goal in goals)
    time.sleep(_WAIT)
    found = {probe.goal for probe in probes if probe.harvest(UNKNOWN).end}
    for probe in probes:
        probe.sock.close()
    return found


class _Probe:
    """One question to `goal` that dies at `hop`; raises OSError where the system does not give a socket."""

    def __init__(self, session: Session, vantage: int, path: Path, goal: Goal, hop: int) -> None:
        self.goal = goal
        self.router = ""
        self._hop = hop
        kind = socket.SOCK_DGRAM if goal.protocol == "udp" else socket.SOCK_STREAM
        self.sock = socket.socket(path.family, kind)
        self.sock.setblocking(False)
        with contextlib.suppress(OSError):  # its error is in the queue, or there is none
            icmp.ask_for_errors(self.sock)
            if path.family == socket.AF_INET6:
                self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hop)
            else:
                self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hop)
            if goal.protocol == "udp":
                noise = stun.transaction_id(os.urandom(12), again=True)
                self.sock.sendto(stun.ask(session, vantage, goal.port, noise, os.urandom(8)), path.to(goal.port))
            else:
                take_mark(self.sock, session.mark(vantage))
                self.sock.connect_ex(path.to(goal.port))

    def harvest(self, way: Way) -> Way:
        """Add to `way` what became of it."""
        for error in icmp.read_errors(self.sock):
            if error.by == icmp.TIME_EXCEEDED:
                self.router = error.offender
                return way._replace(routers={**way.routers, self._hop: error.offender})
        if self._is_answered():
            return way._replace(end=min(way.end or self._hop, self._hop))
        return way

    def _is_answered(self) -> bool:
        try:
            if self.goal.protocol == "udp":
                return bool(self.sock.recv(2048))
            return self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED or bool(
                self.sock.getpeername()
            )
        except OSError:
            return False
