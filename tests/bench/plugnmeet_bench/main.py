# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark as a whole: what to measure, in which order, and where it is written.

Taken from the environment:
  BENCH_RUNS          how often, 5 unless told; slow tools run once whatever this is
  BENCH_PATHS         situations of the lab, with blanks between; all eight unless told
  BENCH_NMAP_SECONDS  after which nmap in its default setting is stopped, 60 unless told
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys

from .overhead import measure_overhead
from .paths import PATHS, Path
from .places import PYTHON, ROOT, free_server, lab
from .table import Results, render
from .tools import Tool
from .tools.bare_loop import BareLoop
from .tools.netcat import Netcat
from .tools.nmap import BEST, Nmap
from .tools.ours import Ours
from .tools.proving_loop import ProvingLoop
from .tools.wait_for import WaitFor

DOCUMENT = ROOT / "docs/benchmark.md"
LIMIT = 60.0


def main() -> int:
    """Measure, print, and if nothing was left out write it down."""
    runs = int(os.environ.get("BENCH_RUNS") or 5)
    wanted = os.environ.get("BENCH_PATHS", "").split()
    unknown = set(wanted) - {path.situation for path in PATHS}
    if unknown:
        print(f"BENCH_PATHS has {', '.join(sorted(unknown))}; there are {', '.join(path.situation for path in PATHS)}")
        return 2
    paths = [path for path in PATHS if not wanted or path.situation in wanted]
    tools: list[Tool] = [
        Ours(),
        Nmap("nmap, best setting", BEST, LIMIT),
        ProvingLoop(),
        BareLoop(),
        Nmap("nmap, default", (), float(os.environ.get("BENCH_NMAP_SECONDS") or 60), once=True),
        Netcat(20),
        WaitFor(5),
    ]
    # Whatever ends this, the lab is left open.
    signal.signal(signal.SIGTERM, lambda *dummy: sys.exit(143))
    overhead = measure_overhead(runs)  # the short part first: if it fails, nothing long was in vain
    with free_server():
        results = measure(paths, tools, runs)
    text = render(machine(), results, overhead)
    print(text)
    if not wanted:
        DOCUMENT.write_text(text, encoding="utf-8")
    return 0


def measure(paths: list[Path], tools: list[Tool], runs: int) -> Results:
    """All tools on all paths, in turns, so that whatever else this machine does hits all alike."""
    results: Results = {(path, tool): [] for path in paths for tool in tools}
    for path in paths:
        for number in range(runs):
            for tool in tools:
                if number and tool.once:
                    continue
                print(f"{path.situation}, run {number + 1} of {runs}: {tool.name}", file=sys.stderr)
                lab("firewall", path.situation)
                results[path, tool].append(tool.ask(path))
    return results


def machine() -> str:
    """What this was measured on and with, but not when."""
    python = subprocess.run([PYTHON, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    nmap = subprocess.run(["nmap", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{os.cpu_count()} cores, Linux {kernel}, {python} at both ends, nmap {nmap}"
