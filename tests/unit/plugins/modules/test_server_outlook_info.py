# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.modules import live_service_info, server_outlook_info


def test_the_module_says_it_all(run_module: t.Any) -> None:
    seen = run_module(server_outlook_info, addresses=["127.0.0.1"], names=["127.0.0.1"])
    assert (seen["stun"], seen["hairpin"], seen["names"][0]["ipv4"]) == ({}, {"127.0.0.1": True}, ["127.0.0.1"])
    assert run_module(server_outlook_info, check=True, addresses=["127.0.0.1"])["hairpin"] == {}


@pytest.mark.parametrize("module", [live_service_info, server_outlook_info])
@pytest.mark.parametrize("seconds", [0, -1, "nan", "inf"])
def test_nobody_waits_for_ever_or_not_at_all(run_module: t.Any, module: t.Any, seconds: t.Any) -> None:
    seen = run_module(module, names=["127.0.0.1"], patience=seconds)
    assert seen["failed"]
    assert seen["msg"] == f"patience is {seconds}; take seconds above 0, up to 600."
