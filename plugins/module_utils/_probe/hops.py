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

import os
import socket
import time
import typing as t

from .._exchange import stun
from .._session import Session
from . import icmp
from .resolve import Path

_MOST_HOPS = 30
_TRIES = 2
_WAIT = 0.4  # seconds after each
_GAP = 0.001  # seconds between two hops, for routers limit their errors


class Goal(t.NamedTuple):
    """A port to follow the way to; `path` is an index."""

    path: int
    protocol: str
    port: int


class Way(t.NamedTuple):
    """The routers on the way, by hop, and the hop at which the goal itself answered, 0 if it did not."""

    routers: dict[int, str]
    end: int

    @property
    def last(self) -> int:
        """The last hop that answered, 0 for none."""
        return max(self.routers, default=0)


def trace(session: Session, vantage: int, paths: t.Sequence[Path], goals: t.Sequence[Goal]) -> dict[Goal, Way]:
    """Follow the way to each goal. It takes about a second, however many there are."""
    ways = {goal: Way({}, 0) for goal in goals}
    for dummy in range(_TRIES):
        probes: list[_Probe] = []
        try:
            for hop in range(1, _MOST_HOPS + 1):
                for goal, way in ways.items():
                    if hop not in way.routers and not 0 < way.end <= hop:
                        probes.append(_Probe(session, vantage, paths[goal.path], goal, hop))
                time.sleep(_GAP)
            time.sleep(_WAIT)
            for probe in probes:
                ways[probe.goal] = probe.harvest(ways[probe.goal])
        except OSError:  # no more descriptors: what is known must do
            pass
        finally:
            for probe in probes:
                probe.sock.close()
    return ways


class _Probe:
    """One question to `goal` that dies at `hop`; raises OSError where the system does not give a socket."""

    def __init__(self, session: Session, vantage: int, path: Path, goal: Goal, hop: int) -> None:
        self.goal = goal
        self._hop = hop
        kind = socket.SOCK_DGRAM if goal.protocol == "udp" else socket.SOCK_STREAM
        self.sock = socket.socket(path.family, kind)
        self.sock.setblocking(False)
        icmp.ask_for_errors(self.sock)
        if path.family == socket.AF_INET6:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hop)
        else:
            self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hop)
        try:
            if goal.protocol == "udp":
                noise = stun.transaction_id(os.urandom(12), again=True)
                self.sock.sendto(stun.ask(session, vantage, goal.port, noise, os.urandom(8)), path.to(goal.port))
            else:
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, session.mark(vantage))
                self.sock.connect_ex(path.to(goal.port))
        except OSError:  # its error is in the queue, or there is none
            pass

    def harvest(self, way: Way) -> Way:
        """Add to `way` what became of it."""
        for error in icmp.read_errors(self.sock):
            if error.by == icmp.TIME_EXCEEDED:
                return way._replace(routers={**way.routers, self._hop: error.offender})
        if self._is_answered():
            return way._replace(end=min(way.end or self._hop, self._hop))
        return way

    def _is_answered(self) -> bool:
        try:
            if self.goal.protocol == "udp":
                return bool(self.sock.recv(2048))
            self.sock.getpeername()
        except OSError:
            return False
        return True
