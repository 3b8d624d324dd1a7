# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Managers: the programs that a person uses to change the packet filter, and which of them is in charge.

ufw and firewalld write their rules with iptables or nftables, under names of their own.
"""

from __future__ import annotations

import json
import re
import shutil
import typing as t

from .packet import Packet
from .ruleset import DROP, HOOKS, IPTABLES_LEGACY, IPTABLES_NFT, NFTABLES, STOPS, Table
from .system import Run
from .walk import Stop

UFW, FIREWALLD, NONE, UNREADABLE = "ufw", "firewalld", "none", "unknown"

UFW_CONF, UFW_DEFAULTS = "/etc/ufw/ufw.conf", "/etc/default/ufw"
_OUR_HOOKS = {hook for hooks in HOOKS.values() for hook in hooks}
_TOOLS = (IPTABLES_LEGACY, IPTABLES_NFT, NFTABLES)
_UFW_CHAINS = {"ufw-user-input", "ufw6-user-input"}
# Where firewalld sends a packet to the chain of its zone, with either backend; from 2 on to those of policies, too
_TO_ZONES = (
    *("filter_INPUT_POLICIES", "filter_INPUT_ZONES_SOURCE", "filter_INPUT_ZONES"),
    *("INPUT_ZONES_SOURCE", "INPUT_ZONES"),
)
_ZONE = re.compile(r"(?:filter_)?IN_(?!policy_)(.+?)(?:_to_HOST)?")
# What `firewall-cmd --state` asks, without the half second that it takes to start.
_STATE = (
    *("busctl", "--auto-start=no", "--json=short", "get-property"),
    *("org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1", "org.fedoraproject.FirewallD1", "state"),
)


class Manager(t.NamedTuple):
    """A manager that is there; `active` says whether what it wants is in force."""

    name: str
    active: bool
    detail: str


def managers(tables: list[Table], ask: Run) -> list[Manager]:
    """All that are installed or have rules."""
    found = [*_ufw(tables), *_firewalld(tables, ask)]
    for tool in _TOOLS:
        own = [table for table in tables if table.tool == tool and not _is_firewalld(table)]
        rules = sum(chain[-1].position for table in own for chain in table.chains.values() if chain)
        active = any(map(filters, own))
        if rules or active:
            titles = ", ".join(dict.fromkeys(table.title for table in own))
            found.append(Manager(tool, active, f"{rules} {'rule' if rules == 1 else 'rules'} in {titles}"))
    return found


def in_force(found: list[Manager], stops: list[Stop]) -> str:
    """The one to talk to: ufw or firewalld if active, else whose rules stop something, else whose rules could."""
    active = [manager.name for manager in found if manager.active]
    stopping = [stop.table.tool for stop in stops]
    for name in (*(name for name in active if name in (UFW, FIREWALLD)), *stopping, *active):
        return name
    return NONE


def owner(stop: Stop, found: list[Manager]) -> str:
    """The manager whose rule it is."""
    own = _has_ufw(stop.table) and (stop.rule is None or stop.via[-1].startswith(UFW))
    if (_is_active(UFW, found) and own) or setting(stop, found):
        return UFW
    return FIREWALLD if _is_firewalld(stop.table) else stop.table.tool


def setting(stop: Stop, found: list[Manager]) -> str:
    """What of its manager's settings stops all of an address family there, empty if none does.

    ufw without IPv6 has no chains there, but policies that stop everything (ufw-init-functions).
    """
    bare = stop.rule is None and stop.table.family == "ip6" and not _has_ufw(stop.table)
    if bare and _is_active(UFW, found) and _is_set(UFW_DEFAULTS, "IPV6", "no"):
        return f"IPV6=no in {UFW_DEFAULTS}"
    return ""


def zone(stop: Stop, packet: Packet) -> str:
    """firewalld's zone in which it happens, empty if it cannot be seen.

    A zone may leave it to others to stop what it does not let in: then it is the first to which the packet was sent.
    """
    if not _is_firewalld(stop.table) or stop.base.hook != "input":
        return ""
    came_by = [chain for before, chain in zip(stop.via, stop.via[1:]) if before in _TO_ZONES]
    rules = [rule for name in _TO_ZONES for rule in stop.table.chains.get(name, [])]
    sent_to = [rule.target for rule in rules if not stop.ports & ~rule.condition(packet).yes]
    zones = filter(None, map(_ZONE.fullmatch, [*came_by, *sent_to]))
    return next((match.group(1) for match in zones), "")


def filters(table: Table) -> bool:
    """Whether a question or an answer could be stopped in this table."""
    if any(base.policy == DROP for base in table.bases if base.hook in _OUR_HOOKS):
        return True
    return any(rule.verdict in STOPS for name in _reached(table) for rule in table.chains[name])


def _reached(table: Table) -> set[str]:
    """The chains that a question or an answer can get to."""
    found: set[str] = set()
    pending = [base.chain for base in table.bases if base.hook in _OUR_HOOKS]
    while pending:
        name = pending.pop()
        if name in table.chains and name not in found:
            found.add(name)
            pending += [rule.target for rule in table.chains[name] if rule.target]
    return found


def _ufw(tables: list[Table]) -> list[Manager]:
    """As `ufw status` tells it: enabled, and its chains are there (ufw(8))."""
    present = any(map(_has_ufw, tables))
    enabled = _is_set(UFW_CONF, "ENABLED", "yes")
    if enabled is None:
        return [Manager(UFW, True, "its rules are in force, and there is no " + UFW_CONF)] if present else []
    if enabled:
        return [Manager(UFW, present, "enabled" if present else "enabled, but its rules are not in force")]
    return [Manager(UFW, present, "not enabled, but its rules are in force" if present else "not enabled")]


def _is_set(path: str, name: str, value: str) -> bool | None:
    """Whether a setting of ufw's has this value, None if there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return bool(re.search(rf"^\s*{name}\s*=\s*['\"]?{value}", file.read(), re.MULTILINE | re.IGNORECASE))
    except OSError:
        return None


def _firewalld(tables: list[Table], ask: Run) -> list[Manager]:
    present = any(map(_is_firewalld, tables))
    if not present and shutil.which("firewalld", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/bin") is None:
        return []
    said = ask(_STATE)
    if said.code is None:
        return [Manager(FIREWALLD, present, "its rules are in force" if present else "its rules are not in force")]
    try:
        state = str(json.loads(said.text)["data"]).lower() if not said.code else "not running"
    except (ValueError, KeyError, TypeError):
        state = "unknown"
    detail = f"{state}, but its rules are in force" if present and state != "running" else state
    return [Manager(FIREWALLD, present or state == "running", detail)]


def _is_active(name: str, found: list[Manager]) -> bool:
    return any(manager.name == name and manager.active for manager in found)


def _has_ufw(table: Table) -> bool:
    return bool(_UFW_CHAINS & _reached(table))  # they are left behind when it is disabled


def _is_firewalld(table: Table) -> bool:
    return table.name == FIREWALLD or "INPUT_ZONES" in table.chains
