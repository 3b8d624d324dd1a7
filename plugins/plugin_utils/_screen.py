# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Where tables and signs of life go: to people, and never between what a program reads."""

from __future__ import annotations

from ansible import constants
from ansible.utils.display import Display

_FOR_PROGRAMS = ("json", "jsonl")  # the last part of such a callback's name


class _Screen:
    def display(self, text: str) -> None:
        """Show `text` on standard output, or on standard error where a callback writes data to the former."""
        callback = str(constants.config.get_config_value("DEFAULT_STDOUT_CALLBACK")).rpartition(".")[2]
        Display().display(text, stderr=callback in _FOR_PROGRAMS)


display = _Screen()
