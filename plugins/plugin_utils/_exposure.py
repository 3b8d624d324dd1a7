# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What is wrong with a port that shall be closed, and what to do about it."""

from __future__ import annotations

from ansible_collections.plugnmeet.server.plugins.plugin_utils._cause import Cause

_RUN_AGAIN = "Run it again, with a longer preflight_ttl if the time was over"


def explain_exposure(cause: Cause, host: str, ports: str, vantages: str, ips: str) -> tuple[str, list[str]]:
    """Return why `ports` of `host` are not proven closed to `vantages`, who asked at `ips`, and what mends it."""
    if cause.inside:
        return f"{cause.inside}.", [f"Name a host outside {host}'s network in preflight_probers"]
    close = f"Close {ports} to the internet, in the firewall in front of {host} or on it: only {host} itself needs it"
    local = f"Let what uses it on {host} listen on 127.0.0.1 only"
    how = {
        "open": f"{vantages} reached it at {ips}: whatever listens there is open to the world.",
        "wrong_server": f"Somebody answers {vantages} there, at {ips}.",
        "intercepted": f"Somebody answers {vantages} there, at {ips}.",
        "return_blocked": f"What {vantages} sent reached it at {ips}, and only the answer did not come back.",
    }
    if cause.state == "intercepted" and cause.facts.get("to"):
        how["intercepted"] = f"What {vantages} sent to {ips} arrives on port {cause.facts['to']} of {host}."
    if cause.state in how:
        return how[cause.state], [close, local]
    return _not_known(cause, host, vantages)


def _not_known(cause: Cause, host: str, vantages: str) -> tuple[str, list[str]]:
    if cause.state == "port_in_use":
        holder = cause.facts.get("process")
        who = f"{holder or 'A program'} on {host}"
        return (
            f"{who} holds it and says nothing to strangers, which looks like a closed port.",
            [f"Look at the firewall in front of {host}, or run it again while {holder or 'it'} is stopped"],
        )
    if cause.gap:
        return f"Nobody answers, and that proves nothing, because {cause.gap}.", [_RUN_AGAIN]
    return (
        f"Nothing at all of {vantages} reached {host}, so silence says nothing about this port.",
        ["Mend that first: test it together with a port that is open"],
    )
