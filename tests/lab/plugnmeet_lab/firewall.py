# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewall situations: named sets of nftables rules, and where in the lab each of them stands.

A situation NAME is one or more files `firewalls/NAME.PLACE.nft`, all of whose rules are in tables called `situation`.
So taking one away is deleting those tables, and any other firewall in a machine is left as it is.
"""

from __future__ import annotations

import json
from pathlib import Path

from . import network
from .layout import FIREWALLS, PLACES, Instance
from .shell import LabError, run

NONE = "none"
TABLE = "situation"


def situations() -> dict[str, dict[str, Path]]:
    """For each situation the file for each place in it."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(FIREWALLS.glob("*.nft")):
        name, _, place = path.stem.partition(".")
        if place not in PLACES:
            raise LabError(f"{path} names no place of the lab: {', '.join(PLACES)}")
        found.setdefault(name, {})[place] = path
    return found


def purpose(name: str) -> str:
    """What the situation stands for: the first comment of its first file that is not the licence."""
    path = next(iter(situations()[name].values()))
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(line for line in lines[3:] if line.startswith("#")).removeprefix("#").strip()


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
        for place, path in known.get(name, {}).items():
            run([*network.inside(lab, place), "nft", "-f", path])
    except LabError:
        take_away(lab)
        raise
    record(lab).write_text(name, encoding="utf-8")


def take_away(lab: Instance) -> None:
    """Delete the situation's tables wherever they may be."""
    record(lab).unlink(missing_ok=True)
    for place in PLACES:
        nft = [*network.inside(lab, place), "nft"]
        listed = json.loads(run([*nft, "--json", "list", "tables"]))["nftables"]
        tables = [entry["table"] for entry in listed if "table" in entry]
        unwanted = [f"delete table {table['family']} {TABLE}" for table in tables if table["name"] == TABLE]
        if unwanted:
            run([*nft, "-f", "-"], given="\n".join(unwanted))


def record(lab: Instance) -> Path:
    """Where the name of the situation is kept."""
    return lab.state / "firewall"
