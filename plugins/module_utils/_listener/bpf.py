# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Socket filters in the kernel: classic BPF (Documentation/networking/filter.rst), and how a socket gets one."""

from __future__ import annotations

import ctypes
import socket
import struct
import typing as t

from .._session import ID_LENGTH

SO_ATTACH_FILTER = 26  # include/uapi/asm-generic/socket.h

# An instruction is a code, an operand and, for a jump, the labels to go to if it holds and if it does not. `AT_X` adds
# register X to the operand. A load from behind the end returns 0 for the whole filter: the frame is left.
LOAD_BYTE, LOAD_HALF, LOAD_WORD = 0x30, 0x28, 0x20
LOAD_BYTE_AT_X, LOAD_HALF_AT_X, LOAD_WORD_AT_X = 0x50, 0x48, 0x40
LOAD_X, LOAD_X_IPV4_HEADER = 0x01, 0xB1
ADD, ADD_X, AND, TO_X = 0x04, 0x0C, 0x54, 0x07
IF_EQUAL, IF_GREATER_EQUAL = 0x15, 0x35
RETURN = 0x06
PACKET_TYPE = 0xFFFFF000 + 4  # SKF_AD_OFF + SKF_AD_PKTTYPE

Instruction = t.Union[str, t.Tuple[int, int], t.Tuple[int, int, str, str]]


def is_id(session_id: str, at: int, then: str, otherwise: str) -> list[Instruction]:
    """Instructions that go to `then` if the session's id stands `at` behind register X, else to `otherwise`."""
    words = struct.unpack(f"!{ID_LENGTH // 4}I", session_id.encode("ascii"))
    program: list[Instruction] = []
    for number, word in enumerate(words, 1):
        follow = then if number == len(words) else f"id {number}"
        program += [(LOAD_WORD_AT_X, at), (IF_EQUAL, word, follow, otherwise), follow]
        at += 4
    return program[:-1]  # `then` is where the caller has it


def assemble(program: t.Iterable[Instruction]) -> bytes:
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


def attach(sock: socket.socket, program: bytes) -> None:
    """Let `sock` have only what `program` takes; raises OSError."""
    code = ctypes.create_string_buffer(program)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program) // 8, ctypes.addressof(code)))
