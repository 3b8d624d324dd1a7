# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.plugnmeet.server.plugins.filter.install_mistakes import install_mistakes
from ansible_collections.plugnmeet.server.plugins.filter.install_outlook import FilterModule, install_outlook
from ansible_collections.plugnmeet.server.tests.unit.plugins.plugin_utils.test_install import (
    BARE,
    DONE,
    NAMES,
    NOW,
    REPORT,
)

GIVEN = {"install_log": "/var/log/log", "install_disk_gib": 10, "install_memory_gib": 2}


@pytest.mark.parametrize(
    ("state", "report", "outlook"),
    [
        (BARE, {}, {}),
        (BARE, REPORT, {"proven": True}),
        ({**DONE, "memory": 0}, {}, {"installed": True}),
        # What is there while the installer is under way are no remains, and not yet plugNmeet.
        ({**BARE, "installing": True, "directory": True}, {}, {"installing": True}),
        ({**DONE, "installing": True}, {}, {"installing": True}),
    ],
)
def test_the_outlook(state: t.Any, report: t.Any, outlook: t.Any) -> None:
    nothing = {"installing": False, "installed": False, "obstacles": [], "proven": False}
    assert install_outlook(state, NAMES, GIVEN, "meet1", report, NOW) == {**nothing, **outlook}
    assert FilterModule().filters() == {"install_outlook": install_outlook}


@pytest.mark.parametrize("state", [{}, "text", None])
def test_what_is_no_state_is_refused(state: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="install_outlook takes results of this collection's modules"):
        install_outlook(state, NAMES, GIVEN, "meet1")


@pytest.mark.parametrize("given", [{}, "text", None])
def test_what_are_no_variables_is_refused(given: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="install_mistakes takes the variables of the role install"):
        install_mistakes(given)
