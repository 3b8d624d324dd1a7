# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The attributes that the modules and actions of this collection state."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and say what it would do, without stopping, starting or sending anything.
    support: full
  diff_mode:
    description: Will return what has changed (or would in C(check_mode)) when in diff mode.
    support: none
"""

    TARGET = r"""
options: {}
attributes:
  platform:
    description: Where the module can run.
    platforms: linux
    support: full
"""

    PROBER = r"""
options: {}
attributes:
  platform:
    description: Where the module can run.
    platforms: posix
    support: full
"""
