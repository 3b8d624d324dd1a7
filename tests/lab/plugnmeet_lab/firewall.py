# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a situation: nftables, all of them in tables called `situation`.

So taking them away is deleting those tables, and any other firewall in a machine is left as it is.
"""

from __future__ import annotations

import json
from pathlib import Path

from . import network
from .layout import Instance
from .shell import run

TABLE = "situation"


def put(lab: Instance, place: str, path: Path) -> None:
    """Have these rules in this place."""
    run([*network.inside(lab, place), "nft", "-f", path])


def take_away(lab: Instance, place: str) -> None:
    """Delete a situation's tables."""
    nft = [*network.inside(lab, place), "nft"]
    listed = json.loads(run([*nft, "--json", "list", "tables"]))["nftables"]
    tables = [entry["table"] for entry in listed if "table" in entry]
    unwanted = [f"delete table {table['family']} {TABLE}" for table in tables if table["name"] == TABLE]
    if unwanted:
        run([*nft, "-f", "-"], given="\n".join(unwanted))
