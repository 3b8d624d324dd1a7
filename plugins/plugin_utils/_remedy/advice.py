# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""From a cause to what happened and what to do about it, in plain sentences."""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.plugin_utils._cause import Cause
from ansible_collections.plugnmeet.server.plugins.plugin_utils._exposure import explain_exposure
from ansible_collections.plugnmeet.server.plugins.plugin_utils._firewall import UNKNOWN, Firewall
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.in_use import free_the_port, port_in_use
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.inside import (
    name_another_vantage,
    seen_from_inside,
)
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.on_host import (
    blocked_on_host,
    leave_untranslated,
    open_on_host,
    rejected_on_host,
    translated,
)
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.own_rules import which_rule
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.stranger import (
    forward_unchanged,
    intercepted,
    lead_to_host,
    wrong_server,
)
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.untested import ask_from_elsewhere, untested
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.upstream import (
    blocked_upstream,
    open_upstream,
    rejected_upstream,
)
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.way_back import let_answers_out, return_blocked
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import RUN_AGAIN, Words
from ansible_collections.plugnmeet.server.plugins.plugin_utils._wrong_address import about_astray

# What a prober can tell of the target itself, even if it does not stand for the internet
_ON_THE_TARGET = ("port_in_use", "blocked_on_host", "rejected_on_host")

# Where rules of the target's own that translate a port explain what came of it
_AFTER_TRANSLATION = ("blocked_on_host", "rejected_on_host", "wrong_server", "intercepted")

_Explain = t.Callable[[Words], str]
_Remedies = t.Callable[[Words], list[str]]


class Advice(t.NamedTuple):
    """Why ports are not open, and the steps that mend it; those that are commands are of that type."""

    explanation: str
    remedy: list[str]


def advise(cause: Cause, host: str, address: str, firewall: Firewall = UNKNOWN) -> Advice:
    """Explain `cause` on `host`, which outsiders know as `address` and which has `firewall`."""
    words = Words(cause, host, address, firewall)
    # Why it could not be asked is the same, whatever it shall be.
    known = cause.state == "untested" and not (cause.inside or cause.gap or cause.unseen)
    if cause.expect == "closed" and not known:
        return Advice(*explain_exposure(cause, host, words.ports, words.vantages, words.ips))
    explain, remedies = _ADVICE[cause.state]
    if cause.inside and cause.state not in _ON_THE_TARGET:
        explain, remedies = seen_from_inside, name_another_vantage
    if cause.astray:
        return Advice(*about_astray(cause, words.host, words.address))
    if cause.state in _AFTER_TRANSLATION and words.translated():
        explain, remedies = translated, leave_untranslated
    if cause.gap:
        unplaced = f"No proof came back; where it was lost is not known, because {cause.gap}."
        if "preflight_ttl" in cause.gap:
            return Advice(unplaced, RUN_AGAIN)
        if cause.state == "blocked_upstream" and words.stopped_by_rules():
            stopped = f"But {host}'s own firewall would stop it. {which_rule(words)}"
            return Advice(f"{unplaced} {stopped}", open_on_host(words))
        return Advice(unplaced, remedies(words))
    return Advice(explain(words), remedies(words))


_ADVICE: dict[str, tuple[_Explain, _Remedies]] = {
    "open": (seen_from_inside, name_another_vantage),
    "port_in_use": (port_in_use, free_the_port),
    "intercepted": (intercepted, forward_unchanged),
    "wrong_server": (wrong_server, lead_to_host),
    "return_blocked": (return_blocked, let_answers_out),
    "rejected_on_host": (rejected_on_host, open_on_host),
    "rejected_upstream": (rejected_upstream, open_upstream),
    "blocked_on_host": (blocked_on_host, open_on_host),
    "untested": (untested, ask_from_elsewhere),
    "blocked_upstream": (blocked_upstream, open_upstream),
}
