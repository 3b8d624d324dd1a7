# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.plugnmeet.server.plugins.filter.pace_mistakes import FilterModule

mistakes = FilterModule().filters()["pace_mistakes"]

TABLE = [
    {"name": "https", "protocol": "tcp", "ports": "1000-1999"},
    {"name": "media", "protocol": "udp", "ports": "1-400, 501 - 600"},
    {"name": "turn", "protocol": "udp", "ports": 1000},
]


@pytest.mark.parametrize(("pace", "ttl"), [(0, 1), (501, 2), (5, 101), (1, 502)])
def test_where_there_may_be_time_enough_nothing_is_said(pace: int, ttl: int) -> None:
    assert mistakes(TABLE, pace, ttl) == []


@pytest.mark.parametrize(("pace", "ttl", "takes"), [(501, 1, 1), (5, 100, 100), (1, 501, 501)])
def test_a_pace_at_which_it_cannot_end_is_one_sentence(pace: int, ttl: int, takes: int) -> None:
    (sentence,) = mistakes(TABLE, pace, ttl)
    assert sentence.startswith(f"preflight_pace is {pace}, at which one question to each of 501 UDP ports takes")
    assert f" takes {takes} s, and preflight_ttl is {ttl}; take a higher pace" in sentence
