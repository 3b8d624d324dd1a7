# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.plugnmeet.server.plugins.plugin_utils._screen import display


@pytest.mark.parametrize(
    ("callback", "for_people"),
    [
        ("default", True),
        ("ansible.builtin.default", True),
        ("community.general.yaml", True),
        ("json", False),
        ("ansible.posix.json", False),
        ("ansible.posix.jsonl", False),
    ],
)
def test_where_a_program_reads_the_output_people_have_the_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], callback: str, for_people: bool
) -> None:
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", callback)
    display.display("a table")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (("a table\n", "") if for_people else ("", "a table\n"))
