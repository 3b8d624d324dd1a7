# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What a Linux host knows of its own network: which addresses it has, whether it has IPv6 at all, and which it is."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import typing as t

from ._addresses import FAMILY_NAMES

# include/uapi/linux/netlink.h, rtnetlink.h, if_addr.h
RTM_NEWADDR, RTM_GETADDR = 20, 22
NLM_F_REQUEST, NLM_F_DUMP = 0x001, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
IFA_ADDRESS, IFA_LOCAL = 1, 2
_MESSAGE = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ADDRESS = struct.Struct("=BBBBI")  # family, length of the prefix, flags, scope, interface
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_LONGEST_ANSWER = 1 << 16

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_NETWORK = "/proc/self/ns/net"
_IPV6_OFF = "/proc/sys/net/ipv6/conf/all/disable_ipv6"
_IPV6_ADDRESSES = "/proc/net/if_inet6"


def own_network() -> dict[str, t.Any]:
    """Return `addresses`, `ipv6_off` and `network` of this host, each empty where that is not to be known.

    `addresses` are those of its interfaces, with the length of their prefix: `203.0.113.10/24`. `ipv6_off` says what
    switched IPv6 off, if something did. `network` is the same for two processes only if they share one network.
    """
    return {"addresses": own_addresses(), "ipv6_off": _ipv6_off(), "network": network()}


def own_addresses() -> list[str]:
    """Return the addresses of all interfaces, sorted; none if the kernel does not tell (rtnetlink(7))."""
    question = struct.pack("=B", socket.AF_UNSPEC)
    header = _MESSAGE.pack(_MESSAGE.size + len(question), RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 1, 0)
    found: set[str] = set()
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
            sock.settimeout(1.0)
            sock.send(header + question)
            while not read_addresses(sock.recv(_LONGEST_ANSWER), found):
                pass
    except (OSError, AttributeError, struct.error):  # half of them would be a wrong answer
        return []
    return sorted(found)


def read_addresses(data: bytes, found: set[str]) -> bool:
    """Add the addresses in a netlink datagram to `found`; tell whether it was the last one.

    Raises OSError for the kernel's refusal, struct.error for what is cut short.
    """
    while data:
        length, kind = _MESSAGE.unpack_from(data)[:2]
        if kind == NLMSG_DONE:
            return True
        if kind == NLMSG_ERROR or length < _MESSAGE.size:
            raise OSError("the kernel does not tell its addresses")
        if kind == RTM_NEWADDR:
            family, prefix = _ADDRESS.unpack_from(data, _MESSAGE.size)[:2]
            attributes = _read_attributes(data[_MESSAGE.size + _ADDRESS.size : length])
            # At one end of a point-to-point link the first of these is this end, and the other one the far end.
            packed = attributes.get(IFA_LOCAL, attributes.get(IFA_ADDRESS))
            if packed and family in FAMILY_NAMES:
                found.add(f"{socket.inet_ntop(family, packed)}/{prefix}")
        data = data[_aligned(length) :]
    return False


def _read_attributes(data: bytes) -> dict[int, bytes]:
    attributes = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            break
        attributes[kind] = data[_ATTRIBUTE.size : length]
        data = data[_aligned(length) :]
    return attributes


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _ipv6_off() -> str:
    """Documentation/networking/ip-sysctl.rst, disable_ipv6; Documentation/networking/ipv6.rst, disable."""
    if not os.path.exists(_IPV6_ADDRESSES):
        return "ipv6.disable"
    return "net.ipv6.conf.all.disable_ipv6" if _read(_IPV6_OFF) == "1" else ""


def network() -> str:
    """Return what is the same for two processes only if they share one network namespace of one running kernel."""
    try:
        inside = os.readlink(_NETWORK)
    except OSError:
        return ""
    boot = _read(_BOOT_ID)
    return hashlib.sha256(f"{boot} {inside}".encode()).hexdigest()[:32] if boot else ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""
