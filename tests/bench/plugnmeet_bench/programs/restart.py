# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop and start the services, and print how many seconds that took. Runs on the server itself."""

from __future__ import annotations

import subprocess
import time


def main() -> None:
    start = time.monotonic()
    for command in ("stop plugnmeet haproxy", "start haproxy plugnmeet"):
        subprocess.run(["systemctl", *command.split()], check=True)
    print(time.monotonic() - start)


if __name__ == "__main__":
    main()
