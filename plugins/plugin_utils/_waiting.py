# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the admin reads while a visit goes on."""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._ports import read_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sides import clean
from ansible_collections.plugnmeet.server.plugins.plugin_utils._visitors import finished, name, unsettled

TAKEN = "That is a result of this test. Thank you.\n"
NOT_TAKEN = (
    "That is no result of this test, or not all of it; copy all of the text that the page shows, "
    "and paste it within the next half minute.\n"
)

_QUIET = 15  # seconds after which that is said; who asks silent ports shows no more than who has left
_WIDTH = 78

Facts = t.Mapping[str, t.Any]


def invitation(links: t.Sequence[str], visitors: int) -> str:
    """What to do now."""
    who = "somebody" if visitors == 1 else f"{visitors} people"
    lines = [f"\nLet {who} outside open one of these in a browser:"]
    lines += [f"  {link}" for link in links]
    lines += [
        "Or type a word into netcat there, such as: nc SERVER 80, or: nc -u SERVER 50008",
        "Where the page cannot send its result it shows a text: paste that here, and press ENTER.",
        "Without anything typed, ENTER ends the test, with a report of what there is.\n",
    ]
    return "\n".join(lines)


def line(visit: Facts, ports: int) -> str:
    """How it stands, in one line; `ports` is how many a visitor asks."""
    left = visit.get("seconds_left")
    rest = f" {left // 60}:{left % 60:02d} left." if isinstance(left, int) else ""
    parts = [_standing(visitor, ports) for visitor in visit.get("visitors") or []]
    parts += [_typed(text) for text in visit.get("texts") or []]
    text = "; ".join(parts) or "Waiting: nobody has come yet"
    room = _WIDTH - len(rest) - 1
    return f"{text if len(text) <= room else text[: room - 3] + '...'}.{rest}"


def obstacles(visit: Facts, families: t.Iterable[str], table: t.Sequence[Requirement]) -> dict[str, str]:
    """What those met whose results settle nothing, a line for each by the visitor's name."""
    lines = {}
    for visitor in finished(visit.get("visitors") or []):
        why = unsettled(visitor, families, table)
        if why:
            next_step = "The test goes on; let somebody open the page in another browser, or from another network."
            lines[visitor["visitor"]] = f"{name(visitor)}: {why}. {next_step}\n"
    return lines


def summary(visit: Facts, heard: t.Collection[str]) -> list[str]:
    """Who was here, line by line, for the end; those whose names are not in `heard` are not counted."""
    lines = []
    for visitor in visit.get("visitors") or []:
        done = isinstance(visitor.get("result"), dict)
        over = f"TCP port {visitor['brought_to']}" if visitor.get("brought_to") else "pasted text"
        if done:
            fate = f"finished; its result came over {over}" if visitor.get("brought_to") else f"finished, by {over}"
        else:
            fate = "left before the end"
        fate += "" if visitor.get("visitor") in heard else ", and is not counted"
        lines.append(f"{name(visitor)}: {_count(visitor)} ports arrived, {fate}.")
    lines += [f"{_typed(text)} (arrived, way back not tested)." for text in visit.get("texts") or []]
    dropped = visit.get("texts_dropped")
    return [*lines, f"{clean(dropped)} more texts came than are shown."] if dropped else lines


def _standing(visitor: Facts, ports: int) -> str:
    arrived = _count(visitor)
    if isinstance(visitor.get("result"), dict):
        return f"{name(visitor)}: finished"
    quiet = float(visitor.get("quiet") or 0)
    if quiet > _QUIET:
        return f"{name(visitor)}: {arrived} ports arrived, quiet for {quiet:.0f} s"
    missing = ports - arrived
    return f"{name(visitor)}: {arrived} ports arrived" + (f", {missing} missing" if missing > 0 else "")


def _count(visitor: Facts) -> int:
    arrived = visitor.get("arrived")
    return sum(len(read_ports(str(value))) for value in arrived.values()) if isinstance(arrived, dict) else 0


def _typed(text: Facts) -> str:
    times = f" {clean(text['count'])} times" if text["count"] != 1 else ""
    port = f"{clean(text['port'])}/{clean(text['protocol'])}"
    return f'"{clean(text["text"])}" came to {port} from {clean(text["address"])}{times}'
