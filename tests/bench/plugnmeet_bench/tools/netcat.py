# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test by hand that plugNmeet's documentation has: netcat at both ends, `test`, and a look whether it came."""

from __future__ import annotations

import subprocess
import time

from ..answer import Answer, Run
from ..paths import FIRST, LAST, MEDIA, Path
from ..places import ADDRESS, Wire, inside, measure, provide, running


class Netcat:
    """One port after the other, of which only some are done; the rest is reckoned."""

    name = "nc -u, by hand"
    once = True
    speaks_udp = True

    def __init__(self, sample: int) -> None:
        """`sample` ports, evenly spread."""
        provide("nc", "netcat-openbsd")
        self.ports = [FIRST + (LAST - FIRST) * number // (sample - 1) for number in range(sample)]
        self.sample = sample
        self.setting = f"`nc -u -w1` and `nc -u -l`, for {sample} ports one after the other"

    def ask(self, path: Path) -> Run:
        """One run."""
        before, start = Wire.read(), time.perf_counter()
        came = frozenset(port for port in self.ports if arrives(port))
        seconds, wire = time.perf_counter() - start, Wire.read() - before
        answer = Answer(open=came)
        share = len(MEDIA) / len(self.ports)
        return Run(
            seconds=seconds * share,
            wrong=answer.wrong(path, frozenset(self.ports)),
            undecided=0,
            bytes_sent=round(wire.bytes_sent * share),
            packets=round(wire.packets * share),
        )


def arrives(port: int) -> bool:
    """Whether what is typed outside shows on the server."""
    with running("server", ["nc", "-u", "-l", str(port)]) as listener:
        wait_until_bound(port)
        measure(["nc", "-u", "-w1", ADDRESS, str(port)], 10, "test\n")
        listener.terminate()
        output = listener.communicate()[0]
    return "test" in output


def wait_until_bound(port: int) -> None:
    """Return when somebody on the server holds the port, or after a second."""
    patience = time.monotonic() + 1
    table = inside("server", ["cat", "/proc/net/udp", "/proc/net/udp6"])
    while time.monotonic() < patience:
        if f":{port:04X} " in subprocess.run(table, capture_output=True, text=True, check=True).stdout:
            return
