# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target's commands, as the tests have them."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.system import Output

MISSING = Output(None, "", "it is not installed")
EMPTY = '{"nftables": [{"metainfo": {"version": "1.0.6"}}]}\n'
NFT = "nft --json list ruleset"
LISTING = "nft --stateless --handle --terse list ruleset"
STATE = "busctl"


class Target:
    """Answers what it was given, by the command or its first word, and says of all others that they are not there."""

    def __init__(self, **answers: str | Output) -> None:
        self.answers: dict[str, str | Output] = dict(answers)
        self.asked: list[str] = []

    def __call__(self, command: t.Sequence[str]) -> Output:
        words = " ".join(command)
        self.asked.append(words)
        said = self.answers.get(words, self.answers.get(command[0], MISSING))
        return said if isinstance(said, Output) else Output(0, said, "")

    def nft(self, ruleset: str = EMPTY, listing: str = "") -> Target:
        """Has nftables."""
        self.answers.update({NFT: ruleset, LISTING: listing})
        return self

    def ways(self) -> Target:
        """Has a way outside in both families."""
        for family, far in (("inet", "198.41.0.4"), ("inet6", "2001:503:ba3e::2:30")):
            local = "203.0.113.10" if family == "inet" else "2001:db8:113::10"
            self.answers[f"ip -json route get {far}"] = json.dumps([{"dst": far, "dev": "eth0", "prefsrc": local}])
        addresses = [
            {"family": "inet", "local": "203.0.113.10", "scope": "global"},
            {"family": "inet6", "local": "2001:db8:113::10", "scope": "global"},
            {"family": "inet6", "local": "fe80::1", "scope": "link"},
        ]
        self.answers["ip -json address show dev eth0"] = json.dumps([{"ifname": "eth0", "addr_info": addresses}, {}])
        return self
