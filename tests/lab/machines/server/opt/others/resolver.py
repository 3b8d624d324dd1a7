# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks somebody over UDP from a port that the system picks, and keeps it; says nothing."""

import signal
import socket

asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.connect(("203.0.113.1", 53))
signal.pause()
