# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests against somebody else's programs share: the real listener, as the tests of both ends have it."""

from __future__ import annotations

from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.conftest import (
    free_ports,
    listen,
    name,
    row,
    session,
    stranger,
)

__all__ = ["free_ports", "listen", "name", "row", "session", "stranger"]
