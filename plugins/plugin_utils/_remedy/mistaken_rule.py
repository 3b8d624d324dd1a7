# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What a rule looks like that was meant to open the ports, and does not."""

from __future__ import annotations

from ansible_collections.plugnmeet.server.plugins.module_utils._ports import read_ports
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import Words
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import listing, shortened


def tcp_instead(words: Words) -> str:
    """That TCP gets through to UDP ports, if it does."""
    ports = _open_for_tcp(words)
    return f"But TCP does get through to {ports}." if ports else ""


def off_by_one(words: Words) -> str:
    """That just the ends of a range are missing, where that is so."""
    for (dummy, ports), (protocol, entry) in zip(words.port_sets, words.entries, strict=False):
        missing, whole = read_ports(ports), read_ports(entry)
        if len(whole) > 2 and missing <= {min(whole), max(whole)}:
            return f"That is how a rule for {entry}/{protocol} looks that is off by one."
    return ""


def _open_for_tcp(words: Words) -> str:
    """The whole entries of UDP ports of which one was found to be open for TCP.

    Where a part of an entry is open, its rule is for the right protocol, and where a rule that stops UDP is known,
    there is no need to guess.
    """
    if any(not rule.policy for rule in words.rules(outward=False)):
        return ""
    found = {int(hop["port"]) for hop in words.last_hops if hop.get("instead")}
    udp = [ports for protocol, ports in words.port_sets if protocol == "udp" and (protocol, ports) in words.entries]
    return listing([shortened(ports) for ports in udp if found & read_ports(ports)])


def made_for_the_wrong_protocol(words: Words) -> list[str]:
    ports = _open_for_tcp(words)
    return [f"If there is a rule for {ports}: it must be for UDP, not for TCP"] if ports else []
