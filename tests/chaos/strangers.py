# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that strangers may do to a listener, at once. Runs on the outside machine, until it is told to end (SIGTERM).

    strangers.py NUMBER

10,000 connections stay, of which every tenth says a byte a second. NUMBER datagrams a second of junk come to the media
ports, as far as this machine can. Each question that was answered is recorded on the wire, and comes again at once from
another port of the same host: as it was, to another port of the server, cut off, and with a bit changed. SYNs come with
forged sources. What came of it is a line of JSON on standard output: how many of each, in how many seconds, and the
bytes that came back.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator

SERVER = "203.0.113.10"
MEDIA = (50000, 60000)
TCP = (80, 443, 7881)
CONNECTIONS = 10_000
SYNS = 2_000  # a second
MOMENT = 0.01
ETH_P_ALL, ETH_P_IP = 3, 0x0800
REQUEST, RESPONSE = b"\x00\x01", b"\x01\x01"  # of STUN

Counts = dict[str, "multiprocessing.sharedctypes.Synchronized[int]"]


def junk(counts: Counts) -> None:
    """Datagrams of any length and content."""
    noise, out = os.urandom(4096), udp()
    for dummy in beats():
        for dummy_too in range(round(int(sys.argv[1]) * MOMENT)):
            start = random.randrange(2000)
            send(counts, "junk", out, noise[start : start + random.randrange(1200)], random.randint(*MEDIA))
        count_back(counts, out)


def replay(counts: Counts) -> None:
    """What the prober asked and had its answer to, once more, and spoilt."""
    out, asked = udp(), dict[bytes, tuple[bytes, int]]()
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as wire:
        while True:
            packet, source = wire.recvfrom(4096)
            if source[1] != ETH_P_IP or packet[9] != socket.IPPROTO_UDP:
                continue
            datagram = packet[(packet[0] & 15) * 4 :]
            sender, port = struct.unpack("!HH", datagram[:4])
            message, transaction = datagram[8:], datagram[16:28]
            if source[2] == socket.PACKET_OUTGOING and message[:2] == REQUEST and sender != out.getsockname()[1]:
                asked[transaction] = message, port
            if source[2] == socket.PACKET_OUTGOING or message[:2] != RESPONSE or transaction not in asked:
                continue
            question, port = asked.pop(transaction)
            at = random.randrange(len(question))
            send(counts, "replayed", out, question, port)
            send(counts, "replayed", out, question, random.randint(*MEDIA))
            send(counts, "truncated", out, question[:at], port)
            send(counts, "wrong", out, question[:at] + bytes([question[at] ^ 1]) + question[at + 1 :], port)
            count_back(counts, out)


def syns(counts: Counts) -> None:
    """SYNs from hosts that are not there, each with a maximum segment size, by which a prober marks its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as out:
        for dummy in beats():
            for dummy_too in range(round(SYNS * MOMENT)):
                source = socket.inet_aton(f"198.51.100.{random.randrange(20, 250)}")
                packet = syn(source, socket.inet_aton(SERVER), random.choice(TCP))
                with contextlib.suppress(OSError):
                    out.sendto(packet, (SERVER, 0))
                    counts["SYNs"].value += 1


def syn(source: bytes, destination: bytes, port: int) -> bytes:
    """A SYN with its IPv4 header, of which the kernel fills in length and checksum."""
    option = struct.pack("!BBH", 2, 4, random.randrange(600, 1200))
    head = struct.pack("!HHIIBBH", random.randrange(1024, 65536), port, random.getrandbits(32), 0, 6 << 4, 2, 64240)
    segment = head + bytes(4) + option
    words = struct.unpack("!18H", source + destination + struct.pack("!HH", socket.IPPROTO_TCP, len(segment)) + segment)
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    segment = segment[:16] + struct.pack("!H", checksum) + segment[18:]
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_TCP, 0, source, destination) + segment


def idle(counts: Counts, number: int) -> None:
    """Connections that stay, of which every tenth says a byte a second."""
    held: list[socket.socket] = []
    while len(held) < CONNECTIONS / 10:
        try:
            held.append(socket.create_connection((SERVER, TCP[number % 3]), timeout=5))
            with counts["connections"].get_lock():
                counts["connections"].value += 1
        except OSError:
            time.sleep(0.05)
    while True:
        for connection in held[::10]:
            with contextlib.suppress(OSError):
                connection.setblocking(False)
                connection.send(b"\x16")
                back(counts, len(connection.recv(4096)))
        time.sleep(1)


def udp() -> socket.socket:
    """A socket with a port of its own."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", 0))
    sock.setblocking(False)
    return sock


def send(counts: Counts, kind: str, out: socket.socket, data: bytes, port: int) -> None:
    """Send a datagram, and count it."""
    with contextlib.suppress(OSError):
        out.sendto(data, (SERVER, port))
        counts[kind].value += 1


def count_back(counts: Counts, sock: socket.socket) -> None:
    """Count what came back."""
    with contextlib.suppress(OSError):
        while True:
            back(counts, len(sock.recv(4096)))


def back(counts: Counts, size: int) -> None:
    """Count bytes that came back."""
    with counts["bytes back"].get_lock():
        counts["bytes back"].value += size


def beats() -> Iterator[None]:
    """Go on for ever, once a moment."""
    following = time.monotonic()
    while True:
        yield
        following = max(following + MOMENT, time.monotonic() - 1)
        time.sleep(max(0.0, following - time.monotonic()))


def main() -> None:
    """Do all of it until it shall end."""
    kinds = ("connections", "junk", "replayed", "truncated", "wrong", "SYNs", "bytes back")
    counts: Counts = {kind: multiprocessing.Value("q", 0) for kind in kinds}
    for job in (junk, replay, syns):
        multiprocessing.Process(target=job, args=(counts,), daemon=True).start()
    for number in range(10):
        threading.Thread(target=idle, args=(counts, number), daemon=True).start()
    began = time.monotonic()
    signal.sigwait({signal.SIGTERM})
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"seconds": seconds, **{kind: count.value for kind, count in counts.items()}}), flush=True)
    sys.stdout.flush()
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(0)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
