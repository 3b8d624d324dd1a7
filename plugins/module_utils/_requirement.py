# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Requirements: the rows of the port table, as people write them and as everything else takes them."""

from __future__ import annotations

import typing as t

from ._errors import PreflightError, as_given
from ._ports import parse_ports

# What a port may speak, and over which protocol.
SPEAKS = {"stun": "udp", "ice-tcp": "tcp", "http": "tcp", "https": "tcp"}

# What a port shall be to outsiders.
EXPECT = ("open", "closed")

_KEYS = {"name", "protocol", "ports", "required", "speaks", "purpose", "expect"}
_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


class Requirement(t.NamedTuple):
    """One row of the port table; `expect` is `open`, or `closed` for ports that outsiders must not reach."""

    name: str
    protocol: str
    ports: frozenset[int]
    speaks: str
    required: bool = True
    purpose: str = ""
    expect: str = "open"


def parse_requirements(rows: t.Any, variable: str = "ports") -> list[Requirement]:
    """Return the port table that `rows`, a list of dicts from a playbook, describes.

    Raises PreflightError with one sentence for the first mistake; it starts with `variable` and the row's index.
    """
    if not isinstance(rows, (list, tuple)):
        raise PreflightError(f"{variable} must be a list of ports to test, not {_shown(rows)}")
    if not rows:
        raise PreflightError(f"{variable} is an empty list; name at least one port to test")
    table: list[Requirement] = []
    for index, row in enumerate(rows):
        where = f"{variable}[{index}]"
        requirement = _parse_row(row, where)
        for earlier in table:
            if earlier.name == requirement.name:
                raise PreflightError(f'{where}.name is "{earlier.name}", as an earlier one; give each its own name')
            both = earlier.ports & requirement.ports
            if both and earlier.protocol == requirement.protocol:
                raise PreflightError(
                    f'{where}.ports has {min(both)}/{earlier.protocol}, which is in "{earlier.name}" already; '
                    "name each port once"
                )
        table.append(requirement)
    return table


def _parse_row(row: t.Any, where: str) -> Requirement:
    if not isinstance(row, dict):
        raise PreflightError(f"{where} is {_shown(row)}; write it as {{name: …, protocol: …, ports: …}}")
    unknown = sorted(set(map(str, row)) - _KEYS)
    if unknown:
        raise PreflightError(f'{where} has an unknown key "{unknown[0]}"; known are {", ".join(sorted(_KEYS))}')
    name = row.get("name")
    if not isinstance(name, str) or not name.strip():
        raise PreflightError(f"{where}.name is {_shown(name)}; give it a name, such as media")
    protocol = _choice(row.get("protocol"), ("tcp", "udp"), f"{where}.protocol")
    default = "stun" if protocol == "udp" else "ice-tcp"
    speaks = _choice(row.get("speaks") or default, tuple(SPEAKS), f"{where}.speaks")
    if SPEAKS[speaks] != protocol:
        right = [name for name, over in SPEAKS.items() if over == protocol]
        raise PreflightError(
            f'{where}.speaks is "{speaks}", which runs over {SPEAKS[speaks]}, not {protocol}; '
            f"take {' or '.join(right)}, or protocol: {SPEAKS[speaks]}"
        )
    if row.get("ports") is None:
        raise PreflightError(f"{where}.ports is missing; write it as 443, 50000-60000 or 80,443")
    try:
        ports = parse_ports(row["ports"])
    except PreflightError as error:
        raise PreflightError(f"{where}.ports {error}") from error
    return Requirement(
        name=name,
        protocol=protocol,
        ports=ports,
        speaks=speaks,
        required=_boolean(row.get("required"), f"{where}.required"),
        purpose=str(row.get("purpose") or ""),
        expect=_choice(row.get("expect") or "open", EXPECT, f"{where}.expect"),
    )


def _choice(value: t.Any, known: tuple[str, ...], where: str) -> str:
    if value not in known:
        raise PreflightError(f"{where} is {_shown(value)}; take {' or '.join(known)}")
    return str(value)


def _boolean(value: t.Any, where: str) -> bool:
    if value is None:
        return True
    if isinstance(value, bool):
        return value
    try:
        return _BOOLEANS[str(value).lower()]
    except KeyError:
        raise PreflightError(f"{where} is {_shown(value)}; take true or false") from None


def _shown(value: t.Any) -> str:
    return "missing" if value is None else as_given(value)
