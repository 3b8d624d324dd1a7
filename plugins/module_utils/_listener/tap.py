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

import ctypes
import functools
import socket
import struct
import typing as t

from .._addresses import plain_ip
from .._evidence import ARRIVED, LEFT, PASSED
from .._exchange.stun import AGAIN
from .._session import MARKS
from .._stun import MAGIC_COOKIE

# include/uapi/linux/if_ether.h, if_packet.h, asm-generic/socket.h
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
SOL_PACKET = 263
PACKET_STATISTICS = 6
PACKET_OUTGOING = 4
SO_ATTACH_FILTER = 26
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
    """An open tap for frames of `protocol` that `program` lets through; raises OSError where the host allows none."""

    def __init__(self, protocol: int, program: t.Iterable[_Instruction]) -> None:
        self._came = ARRIVED if protocol == ETH_P_ALL else PASSED
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(protocol))
        try:
            self._socket.setblocking(False)
            _attach(self._socket, _assemble(program))
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


def open_taps(program: t.Iterable[_Instruction]) -> list[Tap]:
    """Return a tap for each place, of OF_PROBERS or OF_VISITORS; raises OSError where the host does not allow them."""
    taps: list[Tap] = []
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


# Classic BPF (Documentation/networking/filter.rst): an instruction is a code, an operand and, for a jump, the labels to
# go to if it holds and if it does not. Offsets behind an IP header are relative to register X.
_LOAD_BYTE, _LOAD_WORD, _AND, _RETURN = 0x30, 0x20, 0x54, 0x06
_LOAD_X, _LOAD_X_IPV4_HEADER, _LOAD_BYTE_AT_X, _LOAD_WORD_AT_X = 0x01, 0xB1, 0x50, 0x40
_IF_EQUAL, _IF_GREATER_EQUAL = 0x15, 0x35
_PACKET_TYPE = 0xFFFFF000 + 4  # SKF_AD_OFF + SKF_AD_PKTTYPE

_Instruction = t.Union[str, t.Tuple[int, int], t.Tuple[int, int, str, str]]
_TAKE = (_RETURN, _SNAP)
_UP_TO_STUN: tuple[_Instruction, ...] = (
    (_LOAD_BYTE, 0),
    (_AND, 0xF0),
    (_IF_EQUAL, 0x40, "ipv4", "not ipv4"),
    "ipv4",
    (_LOAD_X_IPV4_HEADER, 0),
    (_LOAD_BYTE, 9),
    (_IF_EQUAL, socket.IPPROTO_UDP, "udp", "not udp"),
    "not ipv4",
    (_IF_EQUAL, 0x60, "ipv6", "leave"),
    "ipv6",
    (_LOAD_X, 40),
    (_LOAD_BYTE, 6),
    (_IF_EQUAL, socket.IPPROTO_UDP, "udp", "not udp"),
    "not udp",
    (_IF_EQUAL, socket.IPPROTO_TCP, "tcp", "leave"),
    "udp",  # STUN in either direction
    (_LOAD_WORD_AT_X, 12),
    (_IF_EQUAL, MAGIC_COOKIE, "stun", "leave"),
    "stun",
)
_ASKED_AGAIN: tuple[_Instruction, ...] = (  # a question that was asked before, or its answer
    (_LOAD_BYTE_AT_X, 16),
    (_AND, AGAIN),
    (_IF_EQUAL, AGAIN, "take", "leave"),
)
_UP_TO_SYN: tuple[_Instruction, ...] = (
    "tcp",
    (_LOAD_BYTE_AT_X, 13),
    (_AND, _SYN_ACK),
    (_IF_EQUAL, _SYN_ACK, "syn-ack", "not syn-ack"),
    "syn-ack",  # only our own
    (_LOAD_WORD, _PACKET_TYPE),
    (_IF_EQUAL, PACKET_OUTGOING, "take", "leave"),
    "not syn-ack",
    (_IF_EQUAL, _SYN, "syn", "leave"),
    "syn",
)
_MARKED: tuple[_Instruction, ...] = (  # one whose first option is a mark
    (_LOAD_WORD_AT_X, 20),
    (_IF_GREATER_EQUAL, _MSS_OPTION << 16 | MARKS[0], "not too small", "leave"),
    "not too small",
    (_IF_GREATER_EQUAL, _MSS_OPTION << 16 | MARKS[-1] + 1, "leave", "take"),
)
_END: tuple[_Instruction, ...] = ("take", _TAKE, "leave", (_RETURN, 0))

OF_PROBERS = (*_UP_TO_STUN, *_ASKED_AGAIN, *_UP_TO_SYN, *_MARKED, *_END)
# Browsers do not say that they ask again, and cannot mark their SYNs.
OF_VISITORS = (*_UP_TO_STUN, _TAKE, *_UP_TO_SYN, _TAKE, *_END)


def _assemble(program: t.Iterable[_Instruction]) -> bytes:
    """Turn the labels of `program` into distances and pack it as struct sock_filter has it."""
    labels: dict[str, int] = {}
    instructions: list[tuple[t.Any, ...]] = []
    for line in program:
        if isinstance(line, str):
            labels[line] = len(instructions)
        else:
            instructions.append(line)
    code = b""
    for number, (operation, operand, *targets) in enumerate(instructions):
        distances = [labels[label] - number - 1 for label in targets] or [0, 0]
        code += struct.pack("HBBI", operation, *distances, operand)
    return code


def _attach(sock: socket.socket, program: bytes) -> None:
    code = ctypes.create_string_buffer(program)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program) // 8, ctypes.addressof(code)))
