# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run one target under atheris: run_atheris.py guided|blind TARGET [options and folders as libFuzzer has them].

It is a program of its own, since libFuzzer ends the process that it runs in. Guided, what it goes by is which lines and
branches of the collection an input reaches; blind, it spoils the inputs that it is given, and is ten times as fast.
"""

from __future__ import annotations

import contextlib
import importlib
import sys

import atheris

COLLECTION = "ansible_collections.plugnmeet.server"


def main() -> None:
    """Fuzz until enough is done or something is found."""
    guided = sys.argv.pop(1) == "guided"
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=[f"{COLLECTION}.plugins"]) if guided else contextlib.nullcontext():
        targets = importlib.import_module(f"{COLLECTION}.tests.unit.fuzz.targets").TARGETS
    atheris.Setup(sys.argv, targets[name].run, enable_python_coverage=guided)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
