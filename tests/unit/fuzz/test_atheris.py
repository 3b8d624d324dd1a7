# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each target under atheris, which finds its way for a few seconds by what an input reaches.

With FUZZ_INPUTS set it has a minute for that, and then as many inputs are made of what it found. That is kept in
.cache/fuzz/, and the next run begins with it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import pytest

from ansible_collections.plugnmeet.server.tests.unit.fuzz.targets import TARGETS

pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("atheris"), reason="atheris is not there for this Python or machine"
)

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
INPUTS = int(os.environ.get("FUZZ_INPUTS") or 0)
SECONDS = 60 if INPUTS else 3
SLOWEST = 10  # seconds for one input, on a machine that is busy


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_that_is_reached_breaks_a_promise(name: str, tmp_path: pathlib.Path) -> None:
    corpus = ROOT / ".cache/fuzz" / name if INPUTS else tmp_path / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[name].seeds:
        (corpus / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
    fuzz("guided", name, corpus, tmp_path, {"max_total_time": SECONDS}, 60 + 2 * SECONDS)
    if INPUTS:
        fuzz("blind", name, corpus, tmp_path, {"runs": INPUTS, "keep_seed": 1}, 60 + INPUTS / 100)


def fuzz(
    way: str, name: str, corpus: pathlib.Path, found: pathlib.Path, bound: dict[str, int], patience: float
) -> None:
    """Fuzz until `bound` is reached; what breaks a promise is kept in `found`."""
    options = {
        **bound,
        "timeout": SLOWEST,
        "rss_limit_mb": 1024,
        "max_len": 6000,
        "len_control": 0,
        "artifact_prefix": f"{found}/",
        "print_final_stats": 1,
    }
    arguments = [f"-{option}={value}" for option, value in options.items()]
    result = subprocess.run(
        [sys.executable, str(HERE / "run_atheris.py"), way, name, *arguments, str(corpus)],
        env={**os.environ, "PYTHONPATH": str(ROOT / ".cache/importable")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=patience,
    )
    # The input stands there in Base64, for a test of its own.
    told = result.stdout.decode("utf-8", "replace")
    assert result.returncode == 0, told[-6000:]
    print(way, name, *re.findall(r"stat::(?:number|average|peak).*", told), sep="\n")
