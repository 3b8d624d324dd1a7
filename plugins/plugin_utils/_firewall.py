# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The server's own packet filter: which of its rules stops a port."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import printable
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import read_ports

_OUTWARD = ("output", "postrouting", "egress")
_MOST_RULES = 500
_MOST_SOURCES = 64
# These stand in commands that are there to be copied. To a shell a name can be quoted, but nft reads it once more.
_NAMES = ("manager", "zone", "table", "chain")
_NAME = re.compile(r"[A-Za-z0-9_./ -]*", re.ASCII)
# What stops only what is too much: nft's limit, ct count and meters, and the extensions of iptables
_LIMIT = re.compile(r"(?<!\S)(?:limit rate|ct count|-m (?:limit|hashlimit|connlimit|connbytes|recent|quota))\b")
_TEXTS = ("protocol", "family", "action", "hook", "manager", "zone", "table", "chain", "rule", "before")


class Rule(t.NamedTuple):
    """A rule or policy of the server that stops `ports`, as `host_firewall_info` found it.

    `sources` are the vantages' addresses for which it does so, empty if none of them was known. `setting` is that of
    the manager's by which it stops all of an address family, empty if there is none.
    """

    protocol: str
    family: str
    ports: frozenset[int]
    action: str
    hook: str
    manager: str
    zone: str
    table: str
    chain: str
    rule: str
    before: str
    position: int
    handle: int
    certain: bool
    sources: tuple[str, ...]
    setting: str

    @property
    def outward(self) -> bool:
        """Whether it stops answers and not questions."""
        return self.hook in _OUTWARD

    @property
    def policy(self) -> bool:
        """Whether it is a chain's policy."""
        return not self.position

    @property
    def translates(self) -> bool:
        """Whether it does not stop them, but sends them to another port or address."""
        return self.action == "translate"

    @property
    def limits(self) -> bool:
        """Whether it stops only what is too much at a time, so that chance decides which ports those are."""
        return bool(_LIMIT.search(self.rule))


class Firewall(t.NamedTuple):
    """What is known of the server's packet filter, and of the `cloud` that it is in; both may be empty."""

    in_force: str
    rules: tuple[Rule, ...]
    cloud: str

    @property
    def known(self) -> bool:
        """Whether its rules could be read."""
        return self.in_force not in ("", "unknown")


UNKNOWN = Firewall("", (), "")


def read_firewall(result: t.Any) -> Firewall:
    """Take the result of `host_firewall_info`, of whatever happened to it."""
    if not isinstance(result, dict):
        return UNKNOWN
    rows = result.get("rules")
    rules = [_rule(row) for row in rows[:_MOST_RULES]] if isinstance(rows, list) else []
    known = {key: printable(result.get(key) or "") for key in ("in_force", "cloud")}
    return Firewall(known["in_force"], tuple(filter(None, rules)), known["cloud"])


def _sources(rows: t.Any) -> tuple[str, ...]:
    return tuple(map(printable, rows[:_MOST_SOURCES])) if isinstance(rows, list) else ()


def _rule(row: t.Any) -> Rule | None:
    try:
        texts = {key: printable(row[key]) for key in _TEXTS}
        ports = read_ports(str(row["ports"]))
        if not all(_NAME.fullmatch(texts[key]) for key in _NAMES):
            return None
        return Rule(
            ports=ports,
            position=int(row["position"]),
            handle=int(row["handle"]),
            certain=row["certain"] is True,
            sources=_sources(row.get("sources")),
            setting=printable(row.get("setting") or ""),
            **texts,
        )
    except (KeyError, TypeError, ValueError, OverflowError, PreflightError):
        return None
