# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.plugnmeet.server.plugins.filter.report_dir_mistakes import FilterModule

mistakes = FilterModule().filters()["report_dir_mistakes"]


@pytest.mark.parametrize("name", ["", ".", "new", "new/and/deeper"])
def test_what_can_be_made_is_right_and_is_not_made(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert mistakes(name) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file", "file/below", "link", "link/below"])
def test_what_is_no_directory_is_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    path = str(tmp_path / name)
    assert mistakes(path, "my_reports") == [f'my_reports "{path}" cannot be written to; name another one.']
