# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the ports that LiveKit holds while a few people meet, its TCP port and some media ports; says nothing.

With --turn it also answers on 443/udp as a TURN server does whom nobody knows: any STUN Binding request (RFC 8489).
"""

import socket
import socketserver
import struct
import sys
import threading

TCP_PORT = 7881
MEDIA_PORTS = range(50100, 60000, 500)


class Silence(socketserver.BaseRequestHandler):
    """Takes a connection and whatever comes in over it."""

    def handle(self) -> None:
        while self.request.recv(65536):
            pass


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True


def hold_udp(port: int) -> socket.socket:
    """A socket that keeps the port from others, for both address families."""
    held = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    held.bind(("::", port))
    return held


def answer_stun(sock: socket.socket) -> None:
    """Tell who asks under which IPv4 address it is seen (XOR-MAPPED-ADDRESS, RFC 8489, section 14.2)."""
    while True:
        data, (ip, port) = sock.recvfrom(1500)
        if len(data) >= 20 and data[:2] == b"\x00\x01" and data[4:8] == b"\x21\x12\xa4\x42":
            address = bytes(a ^ b for a, b in zip(socket.inet_aton(ip), data[4:8], strict=True))
            mapped = struct.pack("!HHBBH", 0x20, 8, 0, 1, port ^ 0x2112) + address
            sock.sendto(b"\x01\x01" + struct.pack("!H", len(mapped)) + data[4:20] + mapped, (ip, port))


if "--turn" in sys.argv:
    turn = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    turn.bind(("0.0.0.0", 443))
    threading.Thread(target=answer_stun, args=[turn], daemon=True).start()
media = [hold_udp(port) for port in MEDIA_PORTS]
with Server(("::", TCP_PORT), Silence) as server:
    server.serve_forever()
