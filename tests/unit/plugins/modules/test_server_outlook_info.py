# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.modules import server_outlook_info


def test_the_module_says_it_all(run_module: t.Any) -> None:
    seen = run_module(server_outlook_info, addresses=["127.0.0.1"], names=["127.0.0.1"])
    assert (seen["stun"], seen["hairpin"], seen["names"][0]["ipv4"]) == ({}, {"127.0.0.1": True}, ["127.0.0.1"])
    assert run_module(server_outlook_info, check=True, addresses=["127.0.0.1"])["hairpin"] == {}
