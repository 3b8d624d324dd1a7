# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""How the world looks from the server: the way out, the way back to itself, and the ports its kernel hands out."""

from __future__ import annotations

import contextlib
import secrets
import socket
import typing as t

from ._addresses import family_of
from ._ports import format_ports, read_ports
from ._stranger import ask_stun

SYSCTL = "/proc/sys/net/ipv4/"

_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_TRIES = 3
_MOST_PORTS = 50  # to look for a free one


def stun(servers: t.Iterable[str], patience: float) -> dict[str, str]:
    """Ask each server (HOST:PORT) over IPv4, as LiveKit does; the address that it sees, empty if it does not answer.

    The first answer is enough.
    """
    found = {}
    for server in servers:
        host, dummy, port = server.rpartition(":")
        try:
            to = socket.getaddrinfo(host, int(port), socket.AF_INET, socket.SOCK_DGRAM)[0][4]
            found[server] = ask_stun(to, patience)
        except (OSError, ValueError, UnicodeError):
            found[server] = ""
        if found[server]:
            break
    return found


def reaches_itself(ip: str, ports: t.Iterable[int], patience: float) -> bool | None:
    """Tell whether what this host sends to one of its UDP ports at `ip` arrives (hairpin).

    None without a free port, and where it does not have the family.
    """
    family = _FAMILIES[family_of(ip)]
    token = secrets.token_bytes(16)
    with contextlib.ExitStack() as sockets:
        try:
            receiver, sender = (sockets.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for dummy in range(2))
        except OSError:
            return None
        port = _bind_first(receiver, sorted(ports)[:_MOST_PORTS])
        if port is None:
            return None
        receiver.settimeout(patience / _TRIES)
        for dummy in range(_TRIES):
            try:
                sender.sendto(token, (ip, port))
                if receiver.recv(64) == token:
                    return True
            except OSError:
                continue
    return False


def ephemeral(folder: str = SYSCTL) -> str:
    """Return the ports that the kernel may hand out to anybody (ip_local_port_range without the reserved ones)."""
    try:
        with open(folder + "ip_local_port_range", encoding="ascii") as file:
            first, last = map(int, file.read().split())
        with open(folder + "ip_local_reserved_ports", encoding="ascii") as file:
            reserved = read_ports(file.read().strip())
    except (OSError, ValueError):
        return ""
    return format_ports(frozenset(range(first, last + 1)) - reserved)


def _bind_first(sock: socket.socket, ports: t.Iterable[int]) -> int | None:
    for port in ports:
        try:
            sock.bind(("", port))
        except OSError:
            continue
        return port
    return None
