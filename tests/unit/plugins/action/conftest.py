# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types

import pytest

from ansible_collections.plugnmeet.server.plugins.action import port_verdict


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is shown to the user."""
    shown: list[str] = []
    monkeypatch.setattr(port_verdict, "display", types.SimpleNamespace(display=shown.append))
    return shown
