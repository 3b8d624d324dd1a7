# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables, in Markdown, which is as readable on a screen."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from .answer import Run
from .overhead import Overhead
from .paths import MEDIA, Path
from .tools import Tool

Results = dict[tuple[Path, Tool], list[Run]]

COUNTING = f"""\
Each tool asks the {len(MEDIA):,} UDP ports 50000-60000 of one IPv4 address, from the outside machine of the lab
(`tests/lab`), through its router. A run's time is that of the whole process outside, start of the interpreter included,
until it knows which ports are open; how long ours then looks for the reason is below. What answers on the server is
started before and not counted. Runs of tools that are repeated alternate, and before each the path is set up anew.

- A verdict is **wrong** if an open port is not called open, or one that is not open is. nmap's `open|filtered` for an
  open port is wrong: who reads it cannot rely on the port. On a path that loses, limits or delays, every port is open,
  as far as rules go: what is not found there is wrong, too, unless the tool says that it could not find out.
- A port is **undecided** if the tool says so (`untested`), has not answered when its time is over, or says
  `open|filtered` of a port that is closed.
- **Sent** is what left the outside machine's network card, headers included.
- Figures with ≈ are reckoned from those of a few ports.

The tools and their settings:
"""
WANTED = "Wanted on the clean path: below 60 MB, at most 1 s of a processor, and at most 4 packets a port, both ways."
WHOLE = """\
10,002 UDP and 3 TCP ports over IPv4 and IPv6, with `ansible-playbook` over SSH; and as many tasks that do nothing, on
the same hosts."""


def render(machine: str, results: Results, overhead: Overhead) -> str:
    """All that was measured."""
    ours = {path: runs for (path, tool), runs in results.items() if any("memory" in run.facts for run in runs)}
    tools = list(dict.fromkeys(tool for dummy, tool in results))
    return "\n".join(
        [
            "# Benchmark",
            "",
            f"Written by `make bench` on one machine that is all of the lab: {machine}. Medians (lowest to highest).",
            "",
            "## Which ports are open?",
            "",
            *comparison(results),
            "",
            COUNTING,
            *(f"- {tool.name}: {tool.setting}." for tool in tools),
            "",
            "## What ours costs",
            "",
            *cost(ours),
            "",
            WANTED,
            "",
            "## The whole preflight",
            "",
            WHOLE,
            "",
            *whole(overhead),
            "",
        ]
    )


def comparison(results: Results) -> list[str]:
    """All tools on all paths."""
    rows = [["path", "tool", "runs", "seconds", "wrong verdicts", "undecided", "sent"]]
    last = None
    for (path, tool), runs in results.items():
        rows.append(
            [
                path.title if path != last else "",
                tool.name,
                str(len(runs)),
                seconds(tool, runs),
                wrong(tool, runs),
                "TCP only" if not tool.speaks_udp else f"{statistics.median(run.undecided for run in runs):,.0f}",
                f"{reckoned(tool)}{size(statistics.median(run.bytes_sent for run in runs))}",
            ]
        )
        last = path
    return table(rows)


def seconds(tool: Tool, runs: Sequence[Run]) -> str:
    """How long it took."""
    if any(run.over for run in runs):
        return f"> {min(run.seconds for run in runs):.0f}"
    if tool.sample:
        return f"≈ {statistics.median(run.seconds for run in runs) / 3600:.1f} hours"
    return spread([run.seconds for run in runs])


def wrong(tool: Tool, runs: Sequence[Run]) -> str:
    """How often it was wrong, and in how many of its runs."""
    if not tool.speaks_udp:
        return "TCP only"
    total, having = sum(run.wrong for run in runs), sum(run.wrong > 0 for run in runs)
    of = f" of {tool.sample * len(runs)}" if tool.sample else ""
    return f"{total:,}{of}" + (f" in {having} of {len(runs)} runs" if having and len(runs) > 1 else "")


def cost(ours: dict[Path, list[Run]]) -> list[str]:
    """What only ours is measured for."""
    head = ["path", "probing, s", "then why, s", "rounds", "packets a port"]
    rows = [[*head, "prober's CPU, s", "MB", "listener's CPU, s", "MB"]]
    for path, runs in ours.items():
        ended = [run for run in runs if not run.over]
        rows.append(
            [
                path.title,
                spread([run.facts["probing"] for run in ended]),
                f"{statistics.median(run.facts['explaining'] for run in ended):.1f}",
                f"{statistics.median(run.facts['rounds'] for run in ended):.0f}",
                spread([run.packets / len(MEDIA) for run in ended]),
                spread([run.facts["cpu"] for run in ended]),
                f"{max(run.facts['memory'] for run in ended) / 1e6:.0f}",
                spread([run.facts["listener cpu"] for run in ended]),
                f"{max(run.facts['listener memory'] for run in ended) / 1e6:.0f}",
            ]
        )
    return table(rows)


def whole(overhead: Overhead) -> list[str]:
    """The preflight as people run it."""
    return table(
        [
            ["", f"{len(overhead.preflight)} runs"],
            ["whole preflight", f"{spread(overhead.preflight)} s"],
            ["of it from session to report", f"{spread(overhead.probing)} s"],
            ["as many tasks that do nothing", f"{spread(overhead.nothing)} s"],
            ["ratio, at most 1.5 wanted", spread(overhead.ratios)],
            ["plugnmeet and haproxy were down", f"{spread(overhead.down)} s"],
            ["of it the prober asked", f"{spread(overhead.asking)} s"],
            ["a bare systemctl stop and start of the two", f"{spread(overhead.bare)} s"],
            ["down longer than both, at most 1.5 s wanted", f"{spread(overhead.down_longer)} s"],
            ["listener, most memory, 60 MB wanted", f"{overhead.memory / 1e6:.0f} MB"],
        ]
    )


def spread(values: Sequence[float]) -> str:
    """Median, and lowest to highest."""
    if not values:
        return ""
    middle = f"{statistics.median(values):.2f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f} to {max(values):.2f})"


def size(count: float) -> str:
    """Bytes for people."""
    return f"{count / 1e6:.1f} MB"


def reckoned(tool: Tool) -> str:
    """A mark at what was not measured for all ports."""
    return "≈ " if tool.sample else ""


def table(rows: list[list[str]]) -> list[str]:
    """The rows, the first of them the head, in columns that line up."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]
