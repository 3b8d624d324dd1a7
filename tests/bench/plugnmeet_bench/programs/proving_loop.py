# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's questions, and its check of the answers, in a loop: `proving_loop.py ADDRESS PORTS < SESSION`.

Prints the ports that answered, in JSON. There is no pace and no book-keeping; silent ports are asked as often as the
collection does where nothing else is lost. So it shows what proofs take in Python, whoever asks for them.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys

from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import Outcome, Reply
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

BATCH = 64
QUIET = 0.02  # seconds without an answer, after which none is expected any more: the shortest that the collection waits
RECEIVE_BUFFER = 8 << 20
ROUNDS, ROUNDS_IN_SILENCE = 3, 6


def main() -> None:
    address, ports = sys.argv[1], range(*(int(port) + last for last, port in enumerate(sys.argv[2].split("-"))))
    loop = Loop(Session.from_params(json.load(sys.stdin)))
    with loop.sock:
        number = 0
        while number < (ROUNDS if loop.answered else ROUNDS_IN_SILENCE) and len(loop.answered) < len(ports):
            loop.ask(address, [port for port in ports if port not in loop.answered])
            number += 1
    print(json.dumps(sorted(loop.answered)))


class Loop:
    """Asks ports, and knows those that have proven to be open."""

    def __init__(self, session: Session) -> None:
        self.answered: set[int] = set()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._session = session
        self._last: Reply | None = None
        self._tie_breaker = os.urandom(8)

    def ask(self, address: str, ports: list[int]) -> None:
        """Ask each once, and wait until no answer comes any more."""
        noise = os.urandom(12 * len(ports))
        asked = {}
        for at, port in enumerate(ports):
            transaction_id = noise[12 * at : 12 * at + 12]
            asked[transaction_id] = port
            question = stun.ask(self._session, 0, port, transaction_id, self._tie_breaker)
            self.sock.sendto(question, (address, port))
            if at % BATCH == BATCH - 1:
                self.receive(asked)
        while asked and select.select([self.sock], [], [], QUIET)[0]:
            self.receive(asked)

    def receive(self, asked: dict[bytes, int]) -> None:
        """Take what has arrived to these questions."""
        try:
            while True:
                data = self.sock.recv(2048)
                port = asked.pop(data[8:20], None)
                if port is None:
                    continue
                reply = stun.check(data, self._session, port, data[8:20], self._last)
                if reply.outcome is Outcome.PROVEN:
                    self._last = reply
                    self.answered.add(port)
        except OSError:  # nothing there any more
            return


if __name__ == "__main__":
    main()
