# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scanners need on the server: every port bound, over UDP with an echo, over TCP with nothing but an open port.

A program of its own: `echo.py PORTS`, such as `echo.py 50000-60000`. It says `ready` and goes on until it is killed.
"""

from __future__ import annotations

import resource
import select
import socket
import sys
from contextlib import suppress


def main() -> None:
    first, last = map(int, sys.argv[1].split("-"))
    ports = range(first, last + 1)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    epoll = select.epoll()
    by_descriptor: dict[int, socket.socket] = {}
    for port in ports:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind(("", port))
        by_descriptor[sock.fileno()] = sock
        epoll.register(sock.fileno(), select.EPOLLIN)
    tcp = [socket.create_server(("", port)) for port in ports[:: max(1, len(ports) // 100)]]
    print("ready", flush=True)
    while tcp:
        for descriptor, dummy in epoll.poll(-1, len(ports)):
            sock = by_descriptor[descriptor]
            with suppress(OSError):  # an ICMP error about an earlier answer
                sock.sendto(*sock.recvfrom(2048))


if __name__ == "__main__":
    main()
