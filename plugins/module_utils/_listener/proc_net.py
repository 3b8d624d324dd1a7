# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The kernel's tables of sockets, and who holds them (proc(5), Documentation/networking/proc_net_tcp.rst)."""

from __future__ import annotations

import os
import re
import socket
import struct
import typing as t

from .._addresses import plain_ip

ESTABLISHED, SYN_RECEIVED, LISTEN = 0x01, 0x03, 0x0A  # include/net/tcp_states.h

_UNIT = re.compile(r"([^/]+\.(?:service|scope))(?:/|$)")
_SOCKET = re.compile(r"socket:\[([0-9]+)\]")


class Socket(t.NamedTuple):
    """One row of a table; addresses are plain ones."""

    local_port: int
    remote: tuple[str, int]
    state: int
    inode: int


class Holder(t.NamedTuple):
    """Who holds a socket: the name and id of the process, and its systemd unit, each None if unknown.

    A unit of a user's own systemd is none here, for the system's may have another one of that name.
    `ephemeral` if it is one end of a conversation of that process's own, for which the system may have picked the port.
    """

    process: str | None
    pid: int | None
    unit: str | None
    ephemeral: bool | None = None


def sockets(protocol: str) -> t.Iterator[Socket]:
    """Yield the sockets of `protocol` of both families."""
    for table in (protocol, protocol + "6"):
        try:
            with open("/proc/net/" + table, encoding="utf-8") as lines:
                next(lines, None)
                for line in lines:
                    fields = line.split()
                    yield Socket(
                        local_port=_address(fields[1])[1],
                        remote=_address(fields[2]),
                        state=int(fields[3], 16),
                        inode=int(fields[9]),
                    )
        except FileNotFoundError:  # this family is switched off
            continue


def holders(protocol: str, ports: t.Iterable[int]) -> dict[int, Holder]:
    """Tell who holds each of `ports`; one whose holder shows no process gets a Holder of Nones."""
    wanted = set(ports)
    rows = [row for row in sockets(protocol) if row.local_port in wanted]
    # Where somebody listens, the connections that were made to the port are not what holds it.
    listening = {row.local_port for row in rows if row.state == LISTEN}
    holding = {row.inode: row for row in rows if row.state == LISTEN or row.local_port not in listening}
    found = {port: Holder(None, None, None) for port in wanted}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for inode in _inodes(pid):
            if inode in holding:
                row = holding[inode]
                talks = bool(row.remote[1] and row.state != LISTEN) or None
                found[row.local_port] = Holder(_read(pid, "comm"), int(pid), _unit(pid), talks)
    return found


def _inodes(pid: str) -> t.Iterator[int]:
    try:
        with os.scandir(f"/proc/{pid}/fd") as descriptors:
            links = [_link(descriptor.path) for descriptor in descriptors]
    except OSError:  # the process is gone, or not ours to see
        return
    for match in map(_SOCKET.fullmatch, links):
        if match:
            yield int(match.group(1))


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:  # closed meanwhile
        return ""


def _unit(pid: str) -> str | None:
    names = _UNIT.findall(_read(pid, "cgroup") or "")
    of_user = any(name.startswith("user@") for name in names)
    return str(names[-1]) if names and not of_user else None


def _read(pid: str, name: str) -> str | None:
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def _address(text: str) -> tuple[str, int]:
    """The kernel prints each 32-bit word of an address in host byte order."""
    ip, port = text.split(":")
    words = struct.unpack(f"!{len(ip) // 8}I", bytes.fromhex(ip))
    packed = struct.pack(f"={len(words)}I", *words)
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return plain_ip(socket.inet_ntop(family, packed)), int(port, 16)
