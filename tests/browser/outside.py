# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a program of this host gets into the lab's network, and knows there what public DNS would say."""

from __future__ import annotations

from pathlib import Path

_LAB = Path(__file__).resolve().parents[1] / "lab"
LAB = _LAB / "lab"
HOSTS = _LAB / "machines/outside/etc/hosts"
# In a mount namespace of the program's own, so that this host's names stay as they are.
_KNOWING = f'mount --bind "{HOSTS}" /etc/hosts && exec "$@"'
KNOWING_NAMES = ("unshare", "--mount", "--", "sh", "-c", _KNOWING, "sh")
OUTSIDE = (LAB, "run", "--from", "outside", "--", *KNOWING_NAMES)
CONTROLLER = (LAB, "run", "--", *KNOWING_NAMES)
