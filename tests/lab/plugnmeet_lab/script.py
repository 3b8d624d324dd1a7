# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a situation does inside a machine with the machine's own programs: a shell script.

Such a script has no way back of its own. All that firewalls keep is put aside before it runs, and put back afterwards,
whatever else was done meanwhile: a remedy that was tried, say. So are the services that want plugNmeet's ports, and the
ports that the kernel hands out.
"""

from __future__ import annotations

from pathlib import Path

from . import machine
from .layout import MACHINES, Instance, Machine
from .shell import LabError, run

ASIDE = "/var/lib/situation"  # in the machine, and there after a reboot
FOLDERS = "/etc/ufw /etc/default/ufw /etc/firewalld /etc/systemd/system /etc/sysctl.d"
# firewalld brings the last two along.
SERVICES = "apache2 haproxy nginx other-conference plugnmeet resolver polkit network-pre.target"
SYSCTLS = "net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports"
KEEP = f"""\
mkdir {ASIDE}
cp --archive --parents {FOLDERS} {ASIDE}
nft list ruleset > {ASIDE}/ruleset
sysctl {SYSCTLS} > {ASIDE}/sysctls
for service in {SERVICES}; do
    if systemctl --quiet is-active $service; then echo $service; fi
done > {ASIDE}/services
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
rm --recursive {FOLDERS}
cp --archive {ASIDE}/etc /
sysctl --quiet --load={ASIDE}/sysctls
systemctl daemon-reload
for service in {SERVICES}; do
    grep --quiet --line-regexp $service {ASIDE}/services || systemctl stop $service
done
xargs --no-run-if-empty systemctl start < {ASIDE}/services
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
