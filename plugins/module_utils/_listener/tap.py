# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The taps: which of this session's questions reached the network card, and which answers left by it.

A packet socket (packet(7)) for all protocols sees a frame before anything on the host can drop it, one for IP alone
after the ingress hook (tc, nftables' netdev) let it pass and before the rest of the firewall. A socket filter lets only
frames through that could be this session's, and of STUN only what was asked again: what is answered at once needs
no further evidence, so that a sweep of open ports costs nothing here.
"""

from __future__ import annotations

import functools
import socket
import struct
import typing as t

from .._addresses import plain_ip
from .._evidence import ARRIVED, LEFT, PASSED
from .._exchange.stun import AGAIN
from .._session import MARKS
from .._stun import HEADER_LENGTH, MAGIC_COOKIE
from . import bpf

# include/uapi/linux/if_ether.h, if_packet.h, asm-generic/socket.h
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
SOL_PACKET = 263
PACKET_STATISTICS = 6
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33

_SNAP = 256  # bytes of a frame: headers and a whole connectivity check
_BUFFER = 32 << 20
_SYN, _SYN_ACK = 0x02, 0x12
_MSS_OPTION = 0x0204  # kind 2, length 4 (RFC 9293, section 3.2)
_ADDRESS = {4: (socket.AF_INET, 12, 4), 6: (socket.AF_INET6, 8, 16)}  # family, offset and length of the source


class Frame(t.NamedTuple):
    """A frame of interest: `kind` is `udp`, `syn` or `syn-ack`; `mss` that of a SYN, else 0.

    `where` is PASSED for one that the ingress hook let pass, LEFT for one that leaves, else ARRIVED.
    """

    kind: str
    source: tuple[str, int]
    destination: tuple[str, int]
    where: str
    payload: bytes
    mss: int


class Tap:
    """An open tap for frames of `protocol` that `program` takes; raises OSError where the host does not allow one."""

    def __init__(self, protocol: int, program: bytes) -> None:
        self._came = ARRIVED if protocol == ETH_P_ALL else PASSED
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(protocol))
        try:
            self._socket.setblocking(False)
            bpf.attach(self._socket, program)
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, _BUFFER)
            except OSError:  # without CAP_NET_ADMIN the system's limit holds
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        except BaseException:
            self._socket.close()
            raise
        self._lost = 0

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self, most: int) -> list[Frame]:
        """Return up to `most` waiting frames."""
        frames = []
        for dummy in range(most):
            try:
                data, address = self._socket.recvfrom(_SNAP)
            except BlockingIOError:
                break
            frame = read_frame(data, LEFT if address[2] == PACKET_OUTGOING else self._came)
            if frame:
                frames.append(frame)
        return frames

    def lost(self) -> int:
        """Return how many frames the kernel dropped because we were too slow: with any, absence proves nothing."""
        dropped = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        self._lost += dropped  # reading resets the kernel's count
        return self._lost

    def close(self) -> None:
        self._socket.close()


def open_taps(session_id: str) -> list[Tap]:
    """Return a tap for each place, for one session; raises OSError where the host does not allow them."""
    taps: list[Tap] = []
    program = _filter(session_id)
    try:
        taps.extend(Tap(protocol, program) for protocol in (ETH_P_ALL, ETH_P_IP, ETH_P_IPV6))
    except OSError:
        for tap in taps:
            tap.close()
        raise
    return taps


@functools.lru_cache(maxsize=256)
def _ip(family: int, packed: bytes) -> str:
    return plain_ip(socket.inet_ntop(family, packed))


def read_frame(data: bytes, where: str) -> Frame | None:
    """Take an IP packet that was seen at `where` apart; None for one that is too short or of no interest."""
    try:
        version = data[0] >> 4
        family, address_at, size = _ADDRESS[version]
        header, protocol = ((data[0] & 0x0F) * 4, data[9]) if version == 4 else (40, data[6])
        source = _ip(family, data[address_at : address_at + size])
        destination = _ip(family, data[address_at + size : address_at + 2 * size])
        source_port, destination_port = struct.unpack_from("!HH", data, header)
        mss = 0
        payload = b""
        if protocol == socket.IPPROTO_UDP:
            kind = "udp"
            payload = data[header + 8 :]
        elif protocol == socket.IPPROTO_TCP and data[header + 13] & _SYN_ACK == _SYN_ACK:
            kind = "syn-ack"
        elif protocol == socket.IPPROTO_TCP and data[header + 13] & _SYN_ACK == _SYN:
            kind = "syn"
            option, mss = struct.unpack_from("!HH", data, header + 20)
            if option != _MSS_OPTION:
                return None
        else:
            return None
    except (IndexError, KeyError, ValueError, struct.error):
        return None
    return Frame(kind, (source, source_port), (destination, destination_port), where, payload, mss)


def _filter(session_id: str) -> bytes:
    """What a tap takes; register X is the length of the IP header."""
    return bpf.assemble(
        [
            (bpf.LOAD_BYTE, 0),
            (bpf.AND, 0xF0),
            (bpf.IF_EQUAL, 0x40, "ipv4", "not ipv4"),
            "ipv4",
            (bpf.LOAD_X_IPV4_HEADER, 0),
            (bpf.LOAD_BYTE, 9),
            (bpf.IF_EQUAL, socket.IPPROTO_UDP, "udp", "not udp"),
            "not ipv4",
            (bpf.IF_EQUAL, 0x60, "ipv6", "leave"),
            "ipv6",
            (bpf.LOAD_X, 40),
            (bpf.LOAD_BYTE, 6),
            (bpf.IF_EQUAL, socket.IPPROTO_UDP, "udp", "not udp"),
            "not udp",
            (bpf.IF_EQUAL, socket.IPPROTO_TCP, "tcp", "leave"),
            "udp",  # STUN in either direction
            (bpf.LOAD_WORD_AT_X, 12),
            (bpf.IF_EQUAL, MAGIC_COOKIE, "stun", "leave"),
            "stun",  # a question that was asked before, or its answer
            (bpf.LOAD_BYTE_AT_X, 16),
            (bpf.AND, AGAIN),
            (bpf.IF_EQUAL, AGAIN, "again", "leave"),
            "again",
            (bpf.LOAD_WORD, bpf.PACKET_TYPE),
            (bpf.IF_EQUAL, PACKET_OUTGOING, "take", "question"),
            "question",  # to this session; its USERNAME comes first
            *bpf.is_id(session_id, 8 + HEADER_LENGTH + 4, "take", "leave"),
            "tcp",
            (bpf.LOAD_BYTE_AT_X, 13),
            (bpf.AND, _SYN_ACK),
            (bpf.IF_EQUAL, _SYN_ACK, "syn-ack", "not syn-ack"),
            "syn-ack",  # only our own
            (bpf.LOAD_WORD, bpf.PACKET_TYPE),
            (bpf.IF_EQUAL, PACKET_OUTGOING, "take", "leave"),
            "not syn-ack",
            (bpf.IF_EQUAL, _SYN, "syn", "leave"),
            "syn",  # one whose first option is a mark
            (bpf.LOAD_WORD_AT_X, 20),
            (bpf.IF_GREATER_EQUAL, _MSS_OPTION << 16 | MARKS[0], "not too small", "leave"),
            "not too small",
            (bpf.IF_GREATER_EQUAL, _MSS_OPTION << 16 | MARKS[-1] + 1, "leave", "take"),
            "take",
            (bpf.RETURN, _SNAP),
            "leave",
            (bpf.RETURN, 0),
        ]
    )
