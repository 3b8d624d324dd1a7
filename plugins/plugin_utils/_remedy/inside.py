# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""A prober that does not stand for the internet."""

from __future__ import annotations

from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import Words


def seen_from_inside(words: Words) -> str:
    return f"{words.inside}." if words.inside else "It is open."


def name_another_vantage(words: Words) -> list[str]:
    if not words.inside:
        return []
    return [
        f"Name a host outside {words.host}'s network in preflight_probers",
        "Or, if that network is all that the server is for: preflight_vantage_check: false",
    ]
