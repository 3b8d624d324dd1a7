# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH from the controller to the machines: the lab's own key, and host keys that are known beforehand."""

from __future__ import annotations

import subprocess
from pathlib import Path

from . import network
from .layout import CROWD, MACHINES, Instance, Machine
from .shell import reason, run


def make_keys(lab: Instance, root: Path) -> None:
    """A key pair for this lab, and the host keys that the machines got with their root."""
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", lab.name, "-f", lab.key])
    kind, host_key, *_ = (root / "etc/ssh/ssh_host_ed25519_key.pub").read_text(encoding="ascii").split()
    addresses = [
        address
        for machine in (*MACHINES, *CROWD)
        for address in (machine.management, machine.address4, machine.address6)
    ]
    lab.known_hosts.write_text(f"{','.join(addresses)} {kind} {host_key}\n", encoding="ascii")


def options(lab: Instance) -> list[str]:
    """For ssh itself and for Ansible alike: nothing of the user's own configuration counts."""
    return [
        *("-F", "none"),
        *("-o", f"UserKnownHostsFile={lab.known_hosts}"),
        *("-o", "GlobalKnownHostsFile=none"),
        *("-o", "StrictHostKeyChecking=yes"),
        *("-o", "IdentitiesOnly=yes"),
        *("-o", "IdentityAgent=none"),
    ]


def silence(lab: Instance, machine: Machine) -> str:
    """Nothing if sshd in the machine greets, or that it does not: far quicker than a login."""
    greet = ["timeout", "3", "bash", "-c", f"read -r greeting < /dev/tcp/{machine.management}/22"]
    done = subprocess.run([*network.inside(lab, "controller"), *greet], capture_output=True, check=False)
    return f"{machine.name} does not answer to SSH" if done.returncode else ""


def refusal(lab: Instance, machine: Machine) -> str:
    """Nothing if the machine lets the lab's key in, or what it says instead."""
    login = [*command(lab, machine), "true"]
    done = subprocess.run(login, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return f"{machine.name} does not let in over SSH: {reason(done.stderr)}" if done.returncode else ""


def command(lab: Instance, machine: Machine) -> list[str]:
    """What to put before a command to run it in the machine over SSH, along the management link."""
    return [
        *network.inside(lab, "controller"),
        *("ssh", *options(lab), "-i", str(lab.key), "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=5"),
        f"root@{machine.management}",
    ]
