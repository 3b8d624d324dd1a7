# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a scenario compares: every single port."""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._ports import read_ports


def single_ports(rows: t.Iterable[dict[str, t.Any]], family: str) -> list[str]:
    """The ports of rows that have a protocol, and a family or none, each as `50000/udp`, sorted."""
    mine = [row for row in rows if row.get("family", family) == family]
    return sorted({f"{port}/{row['protocol']}" for row in mine for port in read_ports(row["ports"])})


class FilterModule:
    """The filters of this scenario."""

    def filters(self) -> dict[str, t.Any]:
        return {"single_ports": single_ports}
