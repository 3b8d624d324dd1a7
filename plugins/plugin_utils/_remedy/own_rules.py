# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The server's own packet filter: which rule it is, and the commands that mend it."""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import quoted
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, read_ports
from ansible_collections.plugnmeet.server.plugins.plugin_utils._allow import allow
from ansible_collections.plugnmeet.server.plugins.plugin_utils._firewall import Rule
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import FAMILIES, Words, ports_of
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import listing, shortened

_MOST_RULES = 2  # in a sentence


def which_rule(words: Words, outward: bool = False) -> str:
    """Which rule of the server's own stops it, if that is known."""
    rules = words.rules(outward)
    found: dict[str, list[str]] = {}
    for rule in rules:
        kind = "the policy" if rule.policy else "a limit, the rule" if rule.limits else "the rule"
        made = f", made by {rule.setting}" if rule.setting else ""
        seems = "" if rule.certain else " (as it seems)"
        text = f"{kind} {quoted(rule.rule)} of chain {rule.chain} in table {rule.table}{made}{seems}"
        found.setdefault(text, []).append(rule.before)
    told = []
    for text, befores in list(found.items())[:_MOST_RULES]:
        behind = list(dict.fromkeys(filter(None, befores)))[:_MOST_RULES]
        told.append(f"{text}, which stands before {listing(list(map(quoted, behind)))}" if behind else text)
    chance = " Chance decides which ports such a limit stops." if any(rule.limits for rule in rules) else ""
    return f"{_which_ports(words, rules)} is {'; '.join(told)}.{chance}" if told else ""


def _which_ports(words: Words, rules: t.Sequence[Rule]) -> str:
    """The beginning of a sentence about rules: which ports they explain, where it is not all of them."""
    if words.all_in(rules):
        return "That"
    found: dict[str, list[str]] = {}
    for protocol, ports in words.port_sets:
        for family in words.family_names:
            some = read_ports(ports) & ports_of(rules, protocol, family)
            if some:
                found.setdefault(f"{shortened(format_ports(some))}/{protocol}", []).append(FAMILIES[family])
    everywhere = len(words.family_names)
    parts = [some if len(over) == everywhere else f"{some} over {listing(over)}" for some, over in found.items()]
    return f"Of {listing(parts)} that"


def commands(words: Words, outward: bool) -> list[str]:
    """What to do in the server's own packet filter, empty if it is not known."""
    rules = words.rules(outward)
    return allow(words.host, words.firewall, rules, words.to_open(outward))
