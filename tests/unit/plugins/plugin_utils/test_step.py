# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import reserve_ports


@pytest.mark.parametrize(
    ("before", "after"), [("", "50000-60000"), ("40000,41000-41010", "40000,41000-41010,50000-60000")]
)
def test_ports_that_are_kept_already_stay_kept(tmp_path: Path, before: str, after: str) -> None:
    write, load = reserve_ports("50000-60000")
    file = tmp_path / "60-plugnmeet.conf"
    script = f"sysctl() {{ echo '{before}'; }}\n{write}".replace("/etc/sysctl.d/60-plugnmeet.conf", str(file))
    subprocess.run(["sh", "-euc", script], check=True)
    assert file.read_text() == f"net.ipv4.ip_local_reserved_ports = {after}\n"
    assert load == "sysctl -p /etc/sysctl.d/60-plugnmeet.conf"
