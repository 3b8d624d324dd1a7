# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Questions that come no farther than the server itself."""

from __future__ import annotations

from ansible_collections.plugnmeet.server.plugins.plugin_utils._allow import guess
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.mistaken_rule import (
    made_for_the_wrong_protocol,
    off_by_one,
    tcp_instead,
)
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.own_rules import commands, which_rule
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.stranger import answer
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.way_back import ways_back
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import Words
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import shortened
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import Command


def blocked_on_host(words: Words) -> str:
    reached = f"It reached {words.host}'s network card, and"
    if words.fact("where") == "ingress":
        place = f"{reached} was dropped there, before {words.host}'s own firewall: at the ingress hook"
        by = which_rule(words)
        return f"{place}. {by}" if by else f"{place} (tc, or nftables)."
    if words.unexplained():
        missing = f"No rule of {words.host}'s own firewall was found that stops {_unexplained(words)}."
        parts = [f"{reached} went no further.", which_rule(words), missing]
    else:
        parts = [f"{reached} {words.host}'s own firewall dropped it.", which_rule(words)]
    return " ".join(filter(None, (*parts, tcp_instead(words), off_by_one(words))))


def rejected_on_host(words: Words) -> str:
    refused = f"{words.host} itself refused it with {words.fact('by')}."
    reached = f"It reached {words.host}'s network card, and {refused}"
    return " ".join(filter(None, (reached, which_rule(words), off_by_one(words))))


def translated(words: Words) -> str:
    """That it is the server itself that sends it to another port or address."""
    if words.fact("by"):
        result = f"It came to nothing there: {words.fact('by')}."
    elif words.fact("to"):
        result = f"It arrived at port {shortened(words.fact('to'))}."
    elif words.fact("what") or words.facts.get("certificate"):
        result = f"What came back was {answer(words)}."
    else:
        result = "Nothing came back from there."
    sent = f"{words.host} itself sends what comes to {words.ports} to another port or address."
    return f"{sent} {which_rule(words)} {result}"


def leave_untranslated(words: Words) -> list[str]:
    return commands(words, outward=False) or [f"Take the rule away that translates {words.ports} on {words.host}"]


def open_on_host(words: Words) -> list[str]:
    known = commands(words, outward=False)
    if words.fact("where") == "ingress":
        look = [
            f"On {words.host}, let incoming {words.wanted} pass there; what is there:",
            Command("nft list ruleset netdev"),
            Command("tc filter show dev eth0 ingress"),
        ]
        return known if any(rule.hook == "ingress" for rule in words.rules(outward=False)) else look
    if words.unexplained():
        return [*known, *_look_around(words), *made_for_the_wrong_protocol(words)]
    if not known:
        known = [
            f"In {words.host}'s own firewall, allow incoming {words.wanted}. With ufw:",
            *guess(words.to_open()),
        ]
    return [*known, *made_for_the_wrong_protocol(words)]


def _unexplained(words: Words) -> str:
    return "the rest" if words.rules(outward=False) else "it"


def _look_around(words: Words) -> list[str]:
    """Where to look on a server of which no rule explains it."""
    what = _unexplained(words)
    return [
        f"On {words.host}, look for what stops {what}: at all rules, the way back to {words.vantages}, and rp_filter:",
        Command("nft list ruleset"),
        *ways_back(words),
        Command("sysctl -a -r '\\.rp_filter'"),
    ]
