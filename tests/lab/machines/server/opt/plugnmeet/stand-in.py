# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the ports that LiveKit holds while a few people meet, its TCP port and some media ports; says nothing."""

import socket
import socketserver

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


media = [hold_udp(port) for port in MEDIA_PORTS]
with Server(("::", TCP_PORT), Silence) as server:
    server.serve_forever()
