# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One datagram to each port, with no pace, no proof and no second try: `bare_loop.py ADDRESS PORTS`.

Prints the ports that answered, in JSON. It shows what the interpreter and the lab take, whoever asks.
"""

from __future__ import annotations

import json
import select
import socket
import sys

QUESTION = bytes(104)  # as long as the prober's
BATCH = 64
QUIET = 0.1  # seconds without an answer, after which none is expected any more
RECEIVE_BUFFER = 8 << 20


def main() -> None:
    address, ports = sys.argv[1], range(*(int(port) + last for last, port in enumerate(sys.argv[2].split("-"))))
    answered: set[int] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        for start in range(0, len(ports), BATCH):
            for port in ports[start : start + BATCH]:
                sock.sendto(QUESTION, (address, port))
            receive(sock, answered)
        while len(answered) < len(ports) and select.select([sock], [], [], QUIET)[0]:
            receive(sock, answered)
    print(json.dumps(sorted(answered)))


def receive(sock: socket.socket, answered: set[int]) -> None:
    """Take what has arrived."""
    try:
        while True:
            answered.add(sock.recvfrom(2048)[1][1])
    except OSError:  # nothing there any more
        return


if __name__ == "__main__":
    main()
