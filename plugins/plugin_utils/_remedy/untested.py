# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Ports of which nothing is known."""

from __future__ import annotations

from ansible_collections.plugnmeet.server.plugins.module_utils._probe.sweep import TIME_OVER
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.name import drop_family
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.stranger import answer
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import RUN_AGAIN, Words
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import ServerCommand


def untested(words: Words) -> str:
    if words.fact("limit"):
        return _limited(words)
    if words.fact("where") == "near":
        return (
            f"Something in the network of {words.vantages} answered in {words.host}'s place, with "
            f"{words.fact('by') or answer(words)}: it is the first hop after {words.vantages}, and {words.host} is "
            "farther away."
        )
    if not words.has_family:
        return f"{words.fact('reason', 'It was not asked')}."
    if words.fact("visit") not in ("", "browser"):
        return f"Over {words.families} {words.fact('reason')}."
    return f"{words.vantages} could not ask over {words.families}: {words.fact('reason')}."


def _limited(words: Words) -> str:
    """Why the silence of ports proves nothing; `limit` says what there are no more of."""
    where = f"on {words.host}" if words.fact("where") == "target" else "on the way"
    if words.fact("limit") == "flows":
        what = f"no new connection got through, not even to ports known to be open: a connection table {where} is full"
    else:
        what = f"nothing got through, not even to ports known to be open: something {where} shuts {words.vantages} out"
    return f"After {words.after} answers {what}. Whether these ports are open is not known."


def _make_room(words: Words) -> list[str]:
    on_host = words.fact("where") == "target"
    place = words.host if on_host else f"the router or firewall in front of {words.host} or of {words.vantages}"
    again = "Or run it again in some minutes, or "
    if words.fact("visit"):
        elsewhere = f"{again}with a visitor in another network"
    else:
        elsewhere = f"{again}from a host in another network (preflight_probers)"
    if words.fact("limit") != "flows":
        return [
            f"Let {words.vantages} ask all of it on {place} (protection against scans or floods)",
            f"{elsewhere}, or slower: preflight_pace: 200, preflight_ttl: 600",
        ]
    steps = [f"Raise the number of connections that {place} can hold; this test makes one for each port"]
    return [*steps, *([ServerCommand("sysctl -w net.netfilter.nf_conntrack_max=65536")] if on_host else []), elsewhere]


def ask_from_elsewhere(words: Words) -> list[str]:
    if words.fact("limit"):
        return _make_room(words)
    if words.fact("where") == "near":
        first = [f"Sign in to the network of {words.vantages}"] if words.fact("kind") == "portal" else []
        other = "robe from a host in another network (preflight_probers)"
        return [*first, f"Or p{other}" if first else f"P{other}"]
    if "preflight_ttl" in words.fact("reason"):
        return RUN_AGAIN
    if words.fact("prober"):
        ping = f"ansible -i INVENTORY -m ping {words.vantages}"
        return [f"Make it work for Ansible ({ping}), or name another in preflight_probers"]
    if words.fact("visit"):
        return _visit_again(words)
    return _mend_the_way(words)


def _visit_again(words: Words) -> list[str]:
    if words.fact("route") == "none":
        return [f"Run it again, and open the page in a network that has {words.families}", *drop_family(words)]
    return [f"Run it again, and open the page in a current browser outside {words.host}'s network"]


def _mend_the_way(words: Words) -> list[str]:
    if not words.has_family:
        return ["Mend the name, or give the one that outsiders use as preflight_address"]
    if words.fact("reason").startswith(TIME_OVER):
        busy = f"{words.vantages} and {words.host} have"
        return [f"Run it again when {busy} less to do, or from another host (preflight_probers)"]
    steps = [f"Mend this on {words.vantages}, or probe from a host that can (preflight_probers)"]
    return [*steps, *drop_family(words)] if words.fact("route") == "none" else steps
