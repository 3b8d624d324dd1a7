# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Who opens TLS on the way, and asks the target itself, is made to show that to the target.

It passes on the name that it was asked for, if nothing else. What comes back counts for nothing: who looks at names
may let this one through, and not the target's.
"""

from __future__ import annotations

import selectors
import time
import typing as t

from .. import _evidence
from .._evidence import Evidence
from .._exchange import stream
from .._session import Session
from .connection import Connection
from .resolve import Path

# Some hang up on the first who asks for a name, which they have no certificate for yet (haproxy 2.6).
_TIMES = 2
_WAIT = 0.5  # seconds for each
_MOST = 8  # ports


def show_interceptors(
    session: Session,
    vantage: int,
    host: str,
    paths: t.Iterable[Path],
    speaks: t.Mapping[int, str],
    evidence: Evidence,
) -> None:
    """Ask once more where somebody else answered by TLS, at `host` of `paths`. It takes a second at the most."""
    ends = [
        (path, port) for path in paths for port in sorted(evidence.all(_evidence.FOREIGN, "tcp", path.name, vantage))
    ]
    for dummy in range(_TIMES):
        with selectors.DefaultSelector() as selector:
            connections = []
            for path, port in ends[:_MOST]:
                asking = stream.asking_under_a_name(speaks[port], session, vantage, port, host)
                if asking:
                    connections.append(Connection(asking, path, port, session.mark(vantage), selector))
            end = time.monotonic() + _WAIT
            while selector.get_map() and time.monotonic() < end:
                for key, events in selector.select(max(0.0, end - time.monotonic())):
                    key.data.go_on(events)
            for connection in connections:
                connection.give_up()
