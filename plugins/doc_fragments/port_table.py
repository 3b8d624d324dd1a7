# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options that describe which ports a session tests."""

    DOCUMENTATION = r"""
options:
  ports:
    description:
      - The ports to test. No port can be in two entries of one protocol.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What to call this entry; each needs its own name.
        type: str
        required: true
      protocol:
        description: The transport protocol.
        type: str
        choices: [tcp, udp]
        required: true
      ports:
        description: Ports and ranges, such as V(443), V(50000-60000) or V(80,443).
        type: str
        required: true
      speaks:
        description:
          - The exchange by which a port is proven open.
          - V(stun) is an ICE connectivity check over UDP, V(ice-tcp) the same over TCP (RFC 4571, RFC 6544).
          - V(http) is the request by which Let's Encrypt sees who a domain belongs to (RFC 8555, section 8.3), and
            V(https) the same inside TLS, with the session's own certificate.
          - By default V(stun) for UDP and V(ice-tcp) for TCP.
        type: str
        choices: [stun, ice-tcp, http, https]
      required:
        description: Whether the host fails without this entry. An optional one that is not open is a warning.
        type: bool
        default: true
      purpose:
        description: What the ports are for, for the table on the screen and for the report.
        type: str
        default: ''
      expect:
        description:
          - What the ports shall be to outsiders, V(open) or V(closed).
          - Those that shall be closed are asked like the others. The entry passes if nobody answers, and fails if the
            listener or anybody else does.
        type: str
        choices: [open, closed]
        default: open
"""
