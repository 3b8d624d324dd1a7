# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's own probe, in a process of its own: `probe.py ADDRESS PORTS`, with the session in JSON on stdin.

Prints the probe's facts, and the most memory that it had, in bytes.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from ansible_collections.plugnmeet.server.plugins.module_utils._probe.probe import probe
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import parse_requirements
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session


def main() -> None:
    address, ports = sys.argv[1:]
    requirements = parse_requirements([{"name": "media", "protocol": "udp", "ports": ports}])
    facts = probe(Session.from_params(json.load(sys.stdin)), 0, address, requirements, 0)
    most = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    print(json.dumps({**facts, "memory": int(most[1]) * 1024 if most else 0}))


if __name__ == "__main__":
    main()
