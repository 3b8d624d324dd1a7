# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The option that carries a session's credentials."""

    DOCUMENTATION = r"""
options:
  session:
    description:
      - The session, as P(plugnmeet.server.session#lookup) makes it.
      - Listener and prober need the same one; nobody without it gets an answer.
    type: dict
    required: true
    suboptions:
      id:
        description: The public half, of 16 letters and digits.
        type: str
        required: true
      secret:
        description: The secret half, of 22 ICE characters or more.
        type: str
        required: true
      certificate:
        description: A certificate in PEM. Needed where a port speaks V(https).
        type: str
        default: ''
      private_key:
        description: The private key of that certificate in PEM. Only the listener needs it.
        type: str
        default: ''
      started:
        description: When the session was made, in seconds since the epoch. It is not used here.
        type: float
"""
