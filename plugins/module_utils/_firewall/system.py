# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the target's own tools say: the tables of all packet filters, and the way outside.

Nothing here changes anything, or asks for tables that the kernel would then make. A tool that is missing, refuses or
prints something odd is a complaint, and never an error.
"""

from __future__ import annotations

import json
import os
import shutil
import typing as t

from . import iptables, nftables
from .ruleset import IPTABLES_LEGACY, IPTABLES_NFT, NFTABLES, Table

PATIENCE = 5  # seconds for a command; each takes some milliseconds

_PATH = ":/usr/local/sbin:/usr/sbin:/sbin"  # where these tools are, and where a plain user does not look
_TIMED_OUT = 124  # timeout(1)
_COMMANDS = {"ip": "iptables", "ip6": "ip6tables"}
_LEGACY_TABLES = {"ip": "/proc/net/ip_tables_names", "ip6": "/proc/net/ip6_tables_names"}
# Any address far away (a root name server's); only the routing table is asked, and nothing is sent.
_FAR = {"ipv4": "198.41.0.4", "ipv6": "2001:503:ba3e::2:30"}


class Output(t.NamedTuple):
    """What a command came to; `code` is None if there is no such command."""

    code: int | None
    text: str
    error: str


class Route(t.NamedTuple):
    """The way outside: an interface and this host's own addresses on it; both empty for unknown."""

    interface: str
    own: tuple[str, ...]


Run = t.Callable[[t.Sequence[str]], Output]
RunCommand = t.Callable[[t.List[str]], t.Tuple[int, str, str]]


def asking(run: RunCommand) -> Run:
    """Ask by `run`, which takes a command and returns its code, output and errors; but not for long."""

    def ask(command: t.Sequence[str]) -> Output:
        program, timeout = _find(command[0]), _find("timeout")
        if program is None:
            return Output(None, "", f"{command[0]} is not installed")
        limit = [timeout, str(PATIENCE)] if timeout else []
        code, text, error = run([*limit, program, *command[1:]])
        if limit and code == _TIMED_OUT:
            return Output(code, "", f"it takes longer than {PATIENCE} seconds")
        return Output(code, text, error)

    return ask


def _find(program: str) -> str | None:
    return shutil.which(program, path=os.environ.get("PATH", "") + _PATH)


class Reader:
    """All tables that can be read; `complaints` says what could not, and `answered` whether anything could."""

    def __init__(self, ask: Run) -> None:
        self._ask = ask
        self.complaints: list[str] = []
        self.answered = False

    def tables(self) -> list[Table]:
        """Those of nftables, with iptables' own in iptables' words, and those of the older iptables."""
        found = self._nftables()
        return [*self._in_their_words(found), *self._legacy()]

    def _nftables(self) -> list[Table] | None:
        """Those of nftables, None if nft does not tell."""
        said = self._ask(["nft", "--json", "list", "ruleset"])
        if said.code is None:
            self.complaints.append("nft is not installed, so rules that only nftables has were not read")
            return None
        if said.code:
            self.complaints.append(f"nft does not list its rules: {reason(said)}")
            return None
        try:
            found = nftables.tables(json.loads(said.text) if said.text.strip() else {"nftables": []}, self._listing())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self.complaints.append(f"what nft lists is not understood: {type(error).__name__}: {error}")
            return None
        self.answered = True
        return found

    def _listing(self) -> str:
        """The rules as people read them; without what is in sets, where nft knows how (since 0.9.4)."""
        listing = ["nft", "--stateless", "--handle", "list", "ruleset"]
        said = self._ask([*listing[:3], "--terse", *listing[3:]])
        return self._ask(listing).text if said.code else said.text

    def _in_their_words(self, found: list[Table] | None) -> list[Table]:
        """Replace iptables' tables, whose JSON hides what extensions ask, by what iptables prints of them."""
        theirs: dict[tuple[str, str], Table] = {}
        for family, command in _COMMANDS.items():
            if found is not None and not any(table.family == family and _is_of_iptables(table) for table in found):
                continue
            said = self._save(command, "nft")
            if said.code == 0:
                self.answered = True
            elif found is not None:
                self.complaints.append(f"{command} does not list its rules, and nft knows less of them: {reason(said)}")
            if said.code == 0 and not iptables.is_incompatible(said.text):
                tables = iptables.tables(said.text, IPTABLES_NFT, family)
                theirs.update({(family, table.name): table for table in tables})
        if found is None:
            return list(theirs.values())
        return [theirs.get((table.family, table.name), table) if _is_of_iptables(table) else table for table in found]

    def _legacy(self) -> list[Table]:
        found: list[Table] = []
        for family, command in _COMMANDS.items():
            try:
                with open(_LEGACY_TABLES[family], encoding="ascii") as file:
                    present = bool(file.read().strip())
            except FileNotFoundError:  # the kernel has no such thing, or nobody has used it
                continue
            except OSError as error:
                self.complaints.append(f"the legacy tables of {command} cannot be read: {error.strerror}")
                continue
            if not present:
                continue
            said = self._save(command, "legacy")
            if said.code == 0:
                self.answered = True
                found += iptables.tables(said.text, IPTABLES_LEGACY, family)
            else:
                self.complaints.append(f"there are legacy tables of {command}, which it does not list: {reason(said)}")
        return found

    def _save(self, command: str, kind: str) -> Output:
        """Save commands are named after their kind; an old or small system has only one, and no name for it."""
        said = self._ask([f"{command}-{kind}-save"])
        if said.code is None:
            version = self._ask([command, "--version"])
            if version.code == 0 and ("nf_tables" in version.text) == (kind == "nft"):
                return self._ask([f"{command}-save"])
        return said


def _is_of_iptables(table: Table) -> bool:
    """Whether iptables made this table of nftables: by its name, and its chains in capitals."""
    known = table.name in ("filter", "mangle", "nat", "raw", "security")
    return known and table.tool == NFTABLES and bool(table.bases) and all(base.chain.isupper() for base in table.bases)


def route(family: str, interface: str, peer: str, ask: Run) -> Route | None:
    """The way to `peer`, or to anybody if that is empty; None if this host has no way in that family."""
    said = ask(["ip", "-json", "route", "get", peer or _FAR[family]])
    if said.code is None:
        return Route(interface, ())
    try:
        way = json.loads(said.text)[0] if not said.code else {}
        shown = way.get("dev", "")
        if not shown and not interface:
            return None
        name = interface or shown
        listed = json.loads(ask(["ip", "-json", "address", "show", "dev", name]).text)
        addresses = [each for entry in listed for each in entry.get("addr_info", [])]
    except (ValueError, KeyError, IndexError, AttributeError, TypeError):
        return Route(interface, ())
    kind = "inet6" if family == "ipv6" else "inet"
    return Route(
        name, tuple(each["local"] for each in addresses if each["family"] == kind and each["scope"] == "global")
    )


def reason(said: Output) -> str:
    """Why a command failed, in its own words."""
    lines = [line.strip() for line in said.error.splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else "it gives no reason"
