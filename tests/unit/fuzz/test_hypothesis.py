# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each target with bytes that are near to what it expects, and with any."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.tests.unit.fuzz.targets import TARGETS, Run

EXAMPLES = max(60, int(os.environ.get("FUZZ_INPUTS") or 0) // 1000)


def near(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Seeds with some parts replaced, left out or added."""
    part = st.tuples(st.integers(0, 2000), st.integers(0, 8), st.binary(max_size=8))

    def spoil(seed: bytes, parts: list[tuple[int, int, bytes]]) -> bytes:
        for place, size, instead in parts:
            at = place % (len(seed) + 1)
            seed = seed[:at] + instead + seed[at + size :]
        return seed

    return st.builds(spoil, st.sampled_from(seeds), st.lists(part, max_size=5))


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(draw=st.data())
def test_whatever_comes_its_promises_hold(name: str, draw: st.DataObject) -> None:
    run, seeds = TARGETS[name]
    run(draw.draw(near(seeds) | st.binary(max_size=3000)))


@pytest.mark.parametrize(("run", "seed"), [(run, seed) for run, seeds in TARGETS.values() for seed in seeds])
def test_what_is_meant_to_come_does_no_harm_either(run: Run, seed: bytes) -> None:
    run(seed)
    run(b"")
