# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The one exception of the collection, and how a user's value stands in its sentence."""

from __future__ import annotations

import typing as t


class PreflightError(Exception):
    """What the user can mend; the text is one sentence with the value and what to do next."""


def as_given(value: t.Any) -> str:
    """A user's value as it may stand in a sentence: in quotes, and of bounded length."""
    text = str(value)
    return f'"{text if len(text) <= 60 else text[:57] + "..."}"'
