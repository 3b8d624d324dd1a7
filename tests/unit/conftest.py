# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all unit tests share."""

from __future__ import annotations

from hypothesis import settings

# A machine that is busy with the other tests is slow, not wrong.
settings.register_profile("any machine", deadline=None, max_examples=60)
settings.load_profile("any machine")
