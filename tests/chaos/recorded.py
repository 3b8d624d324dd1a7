# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record what a prober asks, and ask it again later. Runs on the outside machine.

    recorded.py record FILE    write each datagram, and the first data of each connection, to FILE at the end (SIGTERM)
    recorded.py replay FILE    send all of it again, to where it went

What came of the replay is a line of JSON on standard output: how many of each were sent, and the bytes that came back.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import struct
import sys
import time
from pathlib import Path

SERVER = "203.0.113.10"
ETH_P_ALL, ETH_P_IP = 3, 0x0800
SO_RCVBUFFORCE = 33
ROOM = 64 << 20  # for a whole sweep
AT_ONCE, MOMENT = 100, 0.01
PATIENCE = 2.0  # seconds

Questions = dict[str, list[tuple[int, str]]]


def record(file: Path) -> None:
    """Listen on the wire until it shall end."""
    packets: list[bytes] = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as wire:
        wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        wire.settimeout(0.1)
        while signal.SIGTERM not in signal.sigpending():
            with contextlib.suppress(socket.timeout):
                packet, source = wire.recvfrom(4096)
                if source[1] == ETH_P_IP and source[2] == socket.PACKET_OUTGOING:
                    packets.append(packet)
    file.write_text(json.dumps(questions(packets)), encoding="utf-8")


def questions(packets: list[bytes]) -> Questions:
    """Return port and data (in hexadecimal digits) of what went to the server, by protocol."""
    found: Questions = {"tcp": [], "udp": []}
    spoken: set[bytes] = set()
    for packet in packets:
        size = (packet[0] & 15) * 4
        protocol, ports = packet[9], packet[size : size + 4]
        if packet[16:20] != socket.inet_aton(SERVER):
            continue
        (port,) = struct.unpack("!H", ports[2:])
        if protocol == socket.IPPROTO_UDP:
            found["udp"].append((port, packet[size + 8 :].hex()))
        if protocol == socket.IPPROTO_TCP and ports not in spoken:
            data = packet[size + (packet[size + 12] >> 4) * 4 :]
            if data and port != 22:
                spoken.add(ports)
                found["tcp"].append((port, data.hex()))
    return found


def replay(file: Path) -> None:
    """Send what was recorded, and count."""
    recorded: Questions = json.loads(file.read_text(encoding="utf-8"))
    back = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        for number, (port, data) in enumerate(recorded["udp"]):
            out.sendto(bytes.fromhex(data), (SERVER, port))
            if number % AT_ONCE == 0:
                time.sleep(MOMENT)
        out.settimeout(PATIENCE)
        with contextlib.suppress(socket.timeout):
            while True:
                back += len(out.recv(4096))
    for port, data in recorded["tcp"]:
        with socket.create_connection((SERVER, port), timeout=PATIENCE) as connection:
            connection.sendall(bytes.fromhex(data))
            with contextlib.suppress(OSError):  # silence, or it hangs up
                back += len(connection.recv(4096))
    print(json.dumps({**{protocol: len(sent) for protocol, sent in recorded.items()}, "bytes back": back}))


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    {"record": record, "replay": replay}[sys.argv[1]](Path(sys.argv[2]))
