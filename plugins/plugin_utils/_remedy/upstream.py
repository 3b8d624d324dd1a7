# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Questions that do not reach the server."""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._probe import icmp
from ansible_collections.plugnmeet.server.plugins.plugin_utils._cloud import commands as cloud_commands
from ansible_collections.plugnmeet.server.plugins.plugin_utils._cloud import firewall_of
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.mistaken_rule import (
    made_for_the_wrong_protocol,
    off_by_one,
    tcp_instead,
)
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.name import correct, drop_family
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.stranger import forward_to_host
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import Words
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import listing

_NOBODY_LISTENS = "So does another machine that it is forwarded to, on which nobody listens, and some firewalls."


def blocked_upstream(words: Words) -> str:
    return " ".join(
        filter(
            None,
            (
                f"Nothing of it reached {words.host}'s network card, and nothing came back.",
                _how_far(words),
                tcp_instead(words),
                off_by_one(words),
            ),
        )
    )


def _how_far(words: Words) -> str:
    """How far questions came, as far as routers told; empty if none did."""
    hops = [hop for hop in words.last_hops if hop.get("router")]
    if hops:
        routers = listing(list(dict.fromkeys(hop["router"] for hop in hops)))
        behind = list(dict.fromkeys(hop["next"] for hop in hops if hop.get("next")))
        not_to = f", and not to {listing(behind)} behind it" if behind else ""
        return f"It got as far as {routers}, {_place(words, hops[0])}{not_to}."
    return ""


def _place(words: Words, hop: t.Mapping[str, str]) -> str:
    """Where on the way a router is."""
    number, end = hop["hop"], hop.get("of")
    if (number, end) == ("1", "2"):
        return f"the only router between {words.vantages} and {words.host}"
    if number == "1":
        return f"the first router after {words.vantages}"
    if end and number == str(int(end) - 1):
        return f"the last router before {words.host}"
    return f"router {number} on the way from {words.vantages}{f', of {int(end) - 1}' if end else ''}"


def rejected_upstream(words: Words) -> str:
    who = words.fact("offender", "A device on the way")
    if words.fact("by") in icmp.NEIGHBOUR_MISSING:
        return f"{who} finds nobody at {words.ips}: {words.host} is down, or does not have that address."
    if words.fact("by") in icmp.NO_WAY:
        return f"{who} knows no way to {words.ips} ({words.fact('by')})."
    if words.fact("by") == icmp.TIME_EXCEEDED:
        return f"It never comes to {words.ips}: it goes round in circles, until {who} drops it ({words.fact('by')})."
    refused = f"{who} refuses it with {words.fact('by')}, and nothing of it reached {words.host}'s network card."
    return f"{refused} {_NOBODY_LISTENS}" if _is_a_machines_refusal(words) else refused


def _is_a_machines_refusal(words: Words) -> bool:
    """Tell whether it was refused under the target's address, in the way of a machine on which nobody listens."""
    offender = words.fact("offender")
    return words.fact("by") in ("TCP reset", "ICMP port unreachable") and (not offender or offender in words.addresses)


def open_upstream(words: Words) -> list[str]:
    if words.fact("by") in icmp.NEIGHBOUR_MISSING:
        return [
            f"Give {words.host} the address {words.ips}, or {correct(words)}",
            *(drop_family(words) if len(words.addresses) == 1 else []),
        ]
    offender = words.fact("offender")
    if words.fact("by") in (*icmp.NO_WAY, icmp.TIME_EXCEEDED):
        at = f" at {offender}" if offender else ""
        return [f"Have the routes to {words.ips} mended{at}, by whoever runs that router", *_if_elsewhere(words)]
    known = offender and offender not in words.addresses
    where = f"the firewall at {offender}" if known else f"the firewall in front of {words.host}"
    cloud = firewall_of(words.firewall.cloud)
    examples = cloud or "the provider's security group or network firewall, or the router"
    steps = [
        f"Open {words.wanted} to {words.ips} in {where} ({examples})",
        *([] if known else cloud_commands(words.firewall.cloud, words.to_open(), words.family_names)),
        *made_for_the_wrong_protocol(words),
        *([forward_to_host(words)] if _is_a_machines_refusal(words) else []),
    ]
    return [*steps, *_if_elsewhere(words)]


def _if_elsewhere(words: Words) -> list[str]:
    """What to do where nothing at all arrived: it may be that the packets went somewhere else."""
    if not words.unseen:
        return []
    elsewhere = f"If {words.host} is not at {words.ips}: {correct(words)}"
    return [elsewhere, *(drop_family(words) if len(words.addresses) == 1 else [])]
