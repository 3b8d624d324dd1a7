# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations: what a firewall or a path of the field does, by name, one of them in force at a time.

A situation NAME is one or more files `firewalls/NAME.PLACE.KIND`: rules of a firewall, a script, a delay, or a proxy.
"""

from __future__ import annotations

from pathlib import Path

from . import delay, firewall, proxy, script
from .layout import FIREWALLS, PLACES, Instance
from .shell import LabError

NONE = "none"
# Taken away in this order: what a script put aside may have rules of its situation in it.
KINDS = {".sh": script, ".nft": firewall, ".delay": delay, ".haproxy": proxy}


def situations() -> dict[str, list[Path]]:
    """For each situation its files."""
    found: dict[str, list[Path]] = {}
    for path in sorted(FIREWALLS.iterdir()):
        if path.suffix not in KINDS:
            raise LabError(f"{path} is of no kind that the lab knows: {', '.join(KINDS)}")
        if place_of(path) not in PLACES:
            raise LabError(f"{path} names no place of the lab: {', '.join(PLACES)}")
        found.setdefault(path.stem.partition(".")[0], []).append(path)
    return found


def place_of(path: Path) -> str:
    """Where a situation's file belongs."""
    return path.stem.partition(".")[2]


def purpose(name: str) -> str:
    """What the situation stands for: the first comment of its first file that is not the licence."""
    lines = situations()[name][0].read_text(encoding="utf-8").splitlines()
    comments = [line.removeprefix("#").strip() for line in lines if line.startswith("#") and not line.startswith("#!")]
    return comments[3]


def active(lab: Instance) -> str:
    """The situation that was applied last."""
    try:
        return record(lab).read_text(encoding="utf-8")
    except FileNotFoundError:
        return NONE


def apply(lab: Instance, name: str) -> None:
    """Put this situation in the place of the one before."""
    known = situations()
    if name != NONE and name not in known:
        raise LabError(f"there is no firewall situation {name!r}, only {', '.join([NONE, *known])}")
    take_away(lab)
    try:
        for path in known.get(name, []):
            KINDS[path.suffix].put(lab, place_of(path), path)
    except LabError:
        take_away(lab)
        raise
    record(lab).write_text(name, encoding="utf-8")


def take_away(lab: Instance) -> None:
    """Leave nothing of any situation in any place."""
    record(lab).unlink(missing_ok=True)
    for place in PLACES:
        for kind in KINDS.values():
            kind.take_away(lab, place)


def record(lab: Instance) -> Path:
    """Where the name of the situation is kept."""
    return lab.state / "firewall"
