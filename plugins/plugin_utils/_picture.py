# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The way of a question, and of its answer, in a line, with the place where it is cut off."""

from __future__ import annotations

from ansible_collections.plugnmeet.server.plugins.plugin_utils._cause import Cause

# The links between prober, way, network card, firewall and listener
_TO_CARD, _TO_FIREWALL, _TO_LISTENER = 1, 2, 3
_QUESTION_CUT_AT = {
    "blocked_upstream": _TO_CARD,
    "rejected_upstream": _TO_CARD,
    "blocked_on_host": _TO_LISTENER,
    "rejected_on_host": _TO_LISTENER,
}
_ANSWER_CUT_AT = {"beyond": _TO_CARD, "target": _TO_LISTENER}
_LINKS = 4
_LONGEST_NAME = 30


def picture(cause: Cause, host: str) -> list[str]:
    """Return the picture of `cause` on `host`, a line or two; none where the place is not known.

    On the screen each takes three lines at the most, whatever the names are.
    """
    if cause.gap or cause.inside:
        return []
    vantages = list(dict.fromkeys(vantage for vantage, dummy in cause.ends))
    vantage = _short(vantages[0]) if len(vantages) == 1 else f"{len(vantages)} probers"
    stations = [vantage, _way(cause), f"{_short(host)}'s network card", "firewall", "listener"]
    if cause.state == "return_blocked":
        cut = _ANSWER_CUT_AT[str(cause.facts["where"])]
        answer = ["..." if link < cut else "x--" if link == cut else "<--" for link in range(_LINKS)]
        return [_join(stations, ["-->"] * _LINKS), _join(stations, answer)]
    if cause.astray:
        cut = _TO_FIREWALL if cause.astray["arrived"] else _TO_CARD
    elif cause.state in _QUESTION_CUT_AT:
        cut = _TO_FIREWALL if cause.facts.get("where") == "ingress" else _QUESTION_CUT_AT[cause.state]
    else:
        return []
    return [_join(stations, ["-->" if link < cut else "--x" if link == cut else "..." for link in range(_LINKS)])]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."


def _way(cause: Cause) -> str:
    """The last router that is known to have seen it, the one that refused, or an address that is not the target's."""
    if cause.astray:
        return str(cause.astray["address"])
    known = {dict(hop).get("router") for hop in cause.last_hops} | {cause.facts.get("offender")}
    routers = sorted(filter(None, known))
    return str(routers[0]) if len(routers) == 1 else "the way"


def _join(stations: list[str], links: list[str]) -> str:
    return " ".join(word for pair in zip(stations, [*links, ""], strict=True) for word in pair).rstrip()
