# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's own listener, started or stopped: `listen.py start PORTS` or `listen.py stop`, with the session in
JSON on stdin.

It lives on its own in between, and for two minutes at the most.
"""

from __future__ import annotations

import json
import sys
import time

from ansible_collections.plugnmeet.server.plugins.module_utils._listener import lifecycle
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import parse_requirements
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session


def main() -> None:
    session = Session.from_params(json.load(sys.stdin))
    if sys.argv[1] == "start":
        requirements = parse_requirements([{"name": "media", "protocol": "udp", "ports": sys.argv[2]}])
        print(json.dumps(lifecycle.start(session, requirements, time.monotonic() + 120)))
    else:
        print(json.dumps(lifecycle.stop(session.id)))


if __name__ == "__main__":
    main()
