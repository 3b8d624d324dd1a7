# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a situation does inside a machine with the machine's own programs: a shell script.

Such a script has no way back of its own. All that firewalls keep is put aside before it runs, and put back afterwards,
whatever else was done meanwhile: a remedy that was tried, say.
"""

from __future__ import annotations

from pathlib import Path

from . import machine
from .layout import MACHINES, Instance, Machine
from .shell import LabError, run

ASIDE = "/var/lib/situation"  # in the machine, and there after a reboot
KEEP = f"""\
mkdir {ASIDE}
cp --archive --parents /etc/ufw /etc/default/ufw /etc/firewalld {ASIDE}
nft list ruleset > {ASIDE}/ruleset
"""
# A table of the old kind stays in the kernel once it has been there; without rules it does nothing.
BACK = rf"""[ -d {ASIDE} ] || exit 0
systemctl stop firewalld.service
ufw --force disable
for ip in ip ip6; do
    if grep --quiet . /proc/net/${{ip}}_tables_names; then
        ${{ip}}tables-legacy-save |
            sed -En 's/^(:[A-Z]+) [A-Z]+ .*/\1 ACCEPT [0:0]/p; /^[*C]/p' |
            ${{ip}}tables-legacy-restore
    fi
done
nft flush ruleset
nft --file {ASIDE}/ruleset
rm --recursive /etc/ufw /etc/default/ufw /etc/firewalld
cp --archive {ASIDE}/etc /
rm --recursive {ASIDE}
"""


def put(lab: Instance, place: str, path: Path) -> None:
    """Run this script in this machine, as root."""
    there = machine_at(place)
    if there is None:
        raise LabError(f"{path} cannot be: there is no machine at {place}")
    command = [*machine.inside(lab, there), "sh", "-euc"]
    run([*command, KEEP])
    run([*command, path.read_text(encoding="utf-8")])


def take_away(lab: Instance, place: str) -> None:
    """Put back what was put aside, if anything was."""
    there = machine_at(place)
    if there is not None:
        run([*machine.inside(lab, there), "sh", "-euc", BACK])


def machine_at(place: str) -> Machine | None:
    """The machine that is this place, None if it is none."""
    return next((each for each in MACHINES if each.name == place), None)
