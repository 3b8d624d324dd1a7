# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for the get-pip script that ansible-test downloads when it makes an environment.

Python brings a pip of its own, which fetches the version that ansible-test asks for from where pip fetches everything.
"""

import subprocess
import sys

# Each in a process of its own: ensurepip makes the one that it runs in forget pip's settings.
subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
# Those begin with what only get-pip knows, such as --no-setuptools.
arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--no-")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *arguments]))
