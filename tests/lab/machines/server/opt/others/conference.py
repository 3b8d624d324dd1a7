# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds 7881/tcp and a port of the media range; says nothing."""

import signal
import socket

tcp = socket.create_server(("", 7881))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("", 50123))
signal.pause()
