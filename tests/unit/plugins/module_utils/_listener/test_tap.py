# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket
import struct
import time
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import stun
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import tap
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.tap import Frame, read_frame
from ansible_collections.plugnmeet.server.plugins.module_utils._session import MARKS, Session

PROBER4, TARGET4 = ("198.51.100.2", 40_000), ("203.0.113.10", 50_000)
PROBER6, TARGET6 = ("2001:db8::2", 40_000), ("2001:db8::10", 50_000)
ENDS = [(PROBER4, TARGET4), (PROBER6, TARGET6)]
SYN, SYN_ACK, ACK, RST = 0x02, 0x12, 0x10, 0x04

Address = t.Tuple[str, int]


def packet(source: Address, destination: Address, protocol: int, payload: bytes, options: bytes = b"") -> bytes:
    """An IP packet; `options` are those of IPv4."""
    if ":" in source[0]:
        header = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
        family = socket.AF_INET6
    else:
        words = 5 + len(options) // 4
        total = 4 * words + len(payload)
        header = struct.pack("!BBHHHBBH", 0x40 | words, 0, total, 0, 0, 64, protocol, 0)
        family = socket.AF_INET
    ends = socket.inet_pton(family, source[0]) + socket.inet_pton(family, destination[0])
    return header + ends + options + payload


def udp(source: Address, destination: Address, payload: bytes, options: bytes = b"") -> bytes:
    header = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0)
    return packet(source, destination, socket.IPPROTO_UDP, header + payload, options)


def tcp(source: Address, destination: Address, flags: int, options: bytes = b"") -> bytes:
    header = struct.pack("!HHIIBBHHH", source[1], destination[1], 0, 0, (5 + len(options) // 4) << 4, flags, 1024, 0, 0)
    return packet(source, destination, socket.IPPROTO_TCP, header + options)


def mss(value: int) -> bytes:
    return struct.pack("!BBH", 2, 4, value)


@pytest.fixture
def question(session: Session) -> bytes:
    return stun.ask(session, 0, TARGET4[1], stun.transaction_id(bytes(12), again=True), bytes(8))


@pytest.mark.parametrize(("source", "destination"), ENDS)
@pytest.mark.parametrize("where", ["arrived", "passed", "left"])
def test_a_datagram_is_taken_apart(source: Address, destination: Address, where: str) -> None:
    frame = read_frame(udp(source, destination, b"payload"), where)
    assert frame == Frame("udp", source, destination, where, b"payload", 0)


def test_ip_options_are_skipped() -> None:
    frame = read_frame(udp(PROBER4, TARGET4, b"payload", options=b"\x94\x04\0\0"), "arrived")
    assert frame == Frame("udp", PROBER4, TARGET4, "arrived", b"payload", 0)


@pytest.mark.parametrize(("source", "destination"), ENDS)
def test_a_syn_is_taken_apart_with_its_segment_size(source: Address, destination: Address) -> None:
    frame = read_frame(tcp(source, destination, SYN, mss(700)), "arrived")
    assert frame == Frame("syn", source, destination, "arrived", b"", 700)


@pytest.mark.parametrize(("source", "destination"), ENDS)
def test_a_syn_ack_is_taken_apart(source: Address, destination: Address) -> None:
    frame = read_frame(tcp(source, destination, SYN_ACK, mss(1460)), "left")
    assert frame == Frame("syn-ack", source, destination, "left", b"", 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x50" + bytes(60),
        tcp(PROBER4, TARGET4, ACK),
        tcp(PROBER4, TARGET4, RST),
        tcp(PROBER4, TARGET4, SYN, b"\1\1\1\1"),
        tcp(PROBER4, TARGET4, SYN),
        packet(PROBER4, TARGET4, socket.IPPROTO_ICMP, bytes(64)),
    ],
    ids=["empty", "no IP", "ACK", "RST", "SYN with another option first", "SYN without options", "ICMP"],
)
def test_what_is_of_no_interest_is_nothing(data: bytes) -> None:
    assert read_frame(data, "arrived") is None


@given(st.binary(max_size=80), st.sampled_from((b"", b"\x45", b"\x4f", b"\x60")))
def test_random_frames_raise_nothing(data: bytes, first: bytes) -> None:
    read_frame(first + data, "arrived")


@given(st.integers(0, 200))
def test_cut_frames_raise_nothing(length: int) -> None:
    for source, destination in ENDS:
        read_frame(udp(source, destination, bytes(80))[:length], "arrived")
        read_frame(tcp(source, destination, SYN, mss(700))[:length], "arrived")


def run(program: bytes, data: bytes, outgoing: bool = False) -> int:
    """What the kernel's interpreter of socket filters does (net/core/filter.c): the bytes to keep, 0 for none."""
    instructions: list[tuple[int, int, int, int]] = list(struct.iter_unpack("HBBI", program))
    accumulator = index = counter = 0
    while True:
        code, if_true, if_false, operand = instructions[counter]
        counter += 1
        where = operand + (index if code in (0x40, 0x50) else 0)
        if code in (0x20, 0x40) and operand == 0xFFFFF004:
            accumulator = socket.PACKET_OUTGOING if outgoing else socket.PACKET_HOST
        elif code in (0x20, 0x40, 0x30, 0x50, 0xB1):
            size = 4 if code in (0x20, 0x40) else 1
            if where + size > len(data):
                return 0
            value = int.from_bytes(data[where : where + size], "big")
            if code == 0xB1:
                index = 4 * (value & 0x0F)
            else:
                accumulator = value
        elif code == 0x01:
            index = operand
        elif code == 0x54:
            accumulator &= operand
        elif code == 0x15:
            counter += if_true if accumulator == operand else if_false
        elif code == 0x35:
            counter += if_true if accumulator >= operand else if_false
        else:
            assert code == 0x06, f"unknown instruction {code:#x}"
            return operand


@pytest.fixture
def program(session: Session) -> bytes:
    return tap._filter(session.id)


@pytest.mark.parametrize(("source", "destination"), ENDS)
@pytest.mark.parametrize("outgoing", [False, True])
def test_the_filter_keeps_a_whole_question_both_ways(
    program: bytes, question: bytes, source: Address, destination: Address, outgoing: bool
) -> None:
    frame = udp(source, destination, question)
    assert run(program, frame, outgoing) >= len(frame)


@pytest.mark.parametrize(("source", "destination"), ENDS)
@pytest.mark.parametrize("outgoing", [False, True])
def test_the_filter_leaves_what_is_asked_for_the_first_time(
    program: bytes, session: Session, source: Address, destination: Address, outgoing: bool
) -> None:
    first = stun.ask(session, 0, TARGET4[1], stun.transaction_id(bytes([255] * 12), again=False), bytes(8))
    assert run(program, udp(source, destination, first), outgoing) == 0


def test_the_filter_looks_behind_ip_options(program: bytes, question: bytes) -> None:
    assert run(program, udp(PROBER4, TARGET4, question, options=bytes(8)))


@pytest.mark.parametrize(("source", "destination"), ENDS)
def test_the_filter_keeps_exactly_the_syns_that_carry_a_mark(
    program: bytes, source: Address, destination: Address
) -> None:
    kept = [size for size in range(2000) if run(program, tcp(source, destination, SYN, mss(size)))]
    assert kept == list(MARKS)


@pytest.mark.parametrize(("source", "destination"), ENDS)
def test_the_filter_keeps_only_outgoing_syn_acks(program: bytes, source: Address, destination: Address) -> None:
    frame = tcp(source, destination, SYN_ACK, mss(1460))
    assert run(program, frame, outgoing=True)
    assert not run(program, frame, outgoing=False)


@pytest.mark.parametrize(("source", "destination"), ENDS)
def test_the_filter_leaves_everything_else(program: bytes, source: Address, destination: Address) -> None:
    for data in (
        udp(source, destination, bytes(104)),
        udp(source, destination, b""),
        tcp(source, destination, ACK, mss(700)),
        tcp(source, destination, RST, mss(700)),
        tcp(source, destination, SYN, b"\1\1\1\1" + mss(700)),
        tcp(source, destination, SYN),
        packet(source, destination, socket.IPPROTO_ICMP, bytes(64)),
        b"",
        b"\x00" * 80,
    ):
        assert not run(program, data)


@given(st.binary(max_size=80))
def test_the_filter_ends_on_any_frame(data: bytes) -> None:
    assert run(tap._filter("3YbqWm0c8PdTzVnA"), data) in (0, tap._SNAP)


@pytest.fixture
def real_taps(session: Session) -> t.Iterator[list[tap.Tap]]:
    try:
        opened = tap.open_taps(session.id)
    except PermissionError:
        pytest.skip("a packet socket needs root")
    yield opened
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["ipv4", "ipv6"]
)
def test_the_kernel_takes_the_filter_and_the_taps_see_through_it(
    real_taps: list[tap.Tap], question: bytes, family: socket.AddressFamily, host: str
) -> None:
    mark = MARKS[os.getpid() % len(MARKS)]
    with socket.socket(family, socket.SOCK_DGRAM) as receiver, socket.socket(family, socket.SOCK_DGRAM) as sender:
        receiver.bind((host, 0))
        target = receiver.getsockname()[:2]
        sender.bind((host, 0))
        sender.sendto(b"no question", target)
        sender.sendto(question, target)
        source = sender.getsockname()[:2]
    with socket.socket(family, socket.SOCK_STREAM) as server, socket.socket(family, socket.SOCK_STREAM) as client:
        server.bind((host, 0))
        server.listen(1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mark)
        client.connect(server.getsockname())
        ends = client.getsockname()[:2], server.getsockname()[:2]
    expected = {
        Frame("udp", source, target, "arrived", question, 0),
        Frame("udp", source, target, "left", question, 0),
        Frame("syn", *ends, "arrived", b"", mark),
        Frame("syn", *ends, "left", b"", mark),
        Frame("syn-ack", ends[1], ends[0], "left", b"", 0),
        # There is no ingress hook that could stop them
        Frame("udp", source, target, "passed", question, 0),
        Frame("syn", *ends, "passed", b"", mark),
    }
    seen: set[Frame] = set()
    patience = time.monotonic() + 5
    while not expected <= seen and time.monotonic() < patience:
        seen.update(frame for one in real_taps for frame in one.read(1000))
    mine = {source, target, *ends}
    assert {frame for frame in seen if {frame.source, frame.destination} <= mine} == expected
    assert [one.lost() for one in real_taps] == [0, 0, 0]
