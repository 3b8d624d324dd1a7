# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Lists and port sets, as a sentence has them."""

from __future__ import annotations

import typing as t

_MOST_RANGES = 5


def listing(items: t.Sequence[str]) -> str:
    """Return `items` as a sentence has them: with commas, and an "and" before the last."""
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def shortened(ports: str) -> str:
    """A port set as a sentence can have it; one of many ranges has only its first ones."""
    spans = ports.split(",")
    return ports if len(spans) <= _MOST_RANGES else f"{','.join(spans[:_MOST_RANGES])},… ({len(spans)} ranges)"
