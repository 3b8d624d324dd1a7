# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run one target under atheris: run_atheris.py TARGET [options and folders as libFuzzer has them].

It is a program of its own, since libFuzzer ends the process that it runs in. What it goes by is which lines and
branches of the collection an input reaches.
"""

from __future__ import annotations

import sys

import atheris

PACKAGE = "ansible_collections.plugnmeet.server.plugins"

with atheris.instrument_imports(include=[PACKAGE]):
    from ansible_collections.plugnmeet.server.tests.unit.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz until the time is over or something is found."""
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
