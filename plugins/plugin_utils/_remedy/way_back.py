# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Answers that do not come back."""

from __future__ import annotations

from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.own_rules import commands, which_rule
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import Words
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import Command

# What the kernel says of an answer that it has no way for, and not of one that a rule stops (ip-route(8))
_NO_WAY_BACK = (
    *("Invalid argument", "Network is unreachable", "Network unreachable", "No route to host", "Host is unreachable"),
    "Permission denied",
)


def return_blocked(words: Words) -> str:
    if words.fact("where") == "beyond":
        return (
            f"{words.host} got the question, and its answer left the network card, but never came back to "
            f"{words.vantages}."
        )
    reason = words.fact("reason", "it never got to the network card")
    if reason in _NO_WAY_BACK:
        return f"{words.host} got the question, but has no way for its answer back to {words.vantages}: {reason}."
    stopped = f"its answer was stopped on {words.host} itself: {reason}."
    return f"{words.host} got the question, but {stopped} {which_rule(words, outward=True)}".rstrip()


def let_answers_out(words: Words) -> list[str]:
    if words.fact("where") == "beyond":
        return [
            f"In the firewall in front of {words.host}, allow outgoing packets from source ports {words.ports}",
            "A stateless firewall needs a rule of its own for the way back",
        ]
    if words.fact("reason") in _NO_WAY_BACK:
        return [f"Mend the routes on {words.host}, which has none to {words.vantages}:", *ways_back(words)]
    known = commands(words, outward=True)
    return known or [f"In {words.host}'s own firewall, allow outgoing packets from source ports {words.ports}"]


def ways_back(words: Words) -> list[str]:
    return [Command(f"ip route get {source}") for source in words.sources or ("PROBER",)]
