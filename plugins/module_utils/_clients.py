# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Who is connected to the ports of the table right now, from another host.

Over TCP the kernel's table of sockets says it. Over UDP a server has no connections: what can be known, where the host
tracks connections, is a flow with packets both ways a moment ago. A bound UDP port alone is no sign of a peer, and one
that was connected is no server's, but of somebody who asks others.
"""

from __future__ import annotations

import re
import socket
import typing as t

from ._addresses import plain_ip
from ._listener.proc_net import ESTABLISHED, sockets
from ._ports import format_ports
from ._requirement import Requirement

Peer = t.Tuple[str, int]

# Media comes many times a second, and ICE asks for consent every 5 s (RFC 7675, section 5.1).
FRESH = 15
_STREAM = 120  # seconds, Documentation/networking/nf_conntrack-sysctl.rst
_TUPLE = re.compile(r"src=(\S+) dst=(\S+) sport=([0-9]+) dport=([0-9]+)")


def clients(requirements: t.Iterable[Requirement], ignore: Peer, proc: str = "/proc") -> list[dict[str, t.Any]]:
    """Return, for each requirement with clients, `protocol`, `ports` and `connections`: how many there are.

    This host's own ends, and the peer that is to be ignored, are no clients.
    """
    own: dict[str, bool] = {}

    def foreign(peer: Peer) -> bool:
        if peer[0] not in own:
            own[peer[0]] = _is_own(peer[0])
        return peer != ignore and not own[peer[0]]

    found = []
    talking = {"tcp": _connected(), "udp": _flows(proc)}
    for row in requirements:
        count = sum(port in row.ports and foreign(peer) for port, peer in talking[row.protocol])
        if count:
            found.append({"protocol": row.protocol, "ports": format_ports(row.ports), "connections": count})
    return found


def sentence(found: t.Iterable[t.Mapping[str, t.Any]]) -> str:
    """What was found, in words."""
    return " and ".join(f"{row['connections']} to {row['ports']}/{row['protocol']}" for row in found)


def _connected() -> set[tuple[int, Peer]]:
    """Local port and peer of each TCP connection."""
    return {(row.local_port, row.remote) for row in sockets("tcp") if row.state == ESTABLISHED}


def _flows(proc: str) -> set[tuple[int, Peer]]:
    """Local port and peer of each UDP flow to a port that somebody holds, with packets both ways a moment ago."""
    held = {row.local_port for row in sockets("udp")}
    stream = _number(f"{proc}/sys/net/netfilter/nf_conntrack_udp_timeout_stream", _STREAM)
    found = set()
    try:
        with open(f"{proc}/net/nf_conntrack", encoding="ascii", errors="replace") as lines:
            for line in lines:
                fields = line.split(None, 5)
                if len(fields) < 6 or fields[2] != "udp" or "[ASSURED]" not in line:
                    continue
                match = _TUPLE.search(line)
                if not match or int(fields[4]) < stream - FRESH:
                    continue
                source, destination = (plain_ip(ip) for ip in match.groups()[:2])
                source_port, port = match.groups()[2:]
                found |= {
                    (local, (peer, peer_port))
                    for local, peer, peer_port in (
                        (int(port), source, int(source_port)),
                        (int(source_port), destination, int(port)),  # the host spoke first
                    )
                    if local in held
                }
    except OSError:  # nobody tracks connections, or not for us to see
        pass
    return found


def _is_own(ip: str) -> bool:
    """Tell whether an address is one of this host: only those can be bound."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((ip, 0))
    except OSError:
        return False
    return True


def _number(path: str, default: int) -> int:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return default
