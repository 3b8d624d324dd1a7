# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of the lab: who is in it, at which addresses, under which names and paths."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

LAB = Path(__file__).resolve().parent.parent
FIREWALLS = LAB / "firewalls"
MACHINE_FILES = LAB / "machines"
BOOT_SCRIPT = LAB / "boot-machine.sh"


@dataclass(frozen=True)
class Machine:
    """One Debian machine: a leg in the network under test, and one to the controller that no firewall ever sees."""

    name: str
    hostname: str
    address4: str
    address6: str
    gateway4: str
    gateway6: str
    management: str
    controller: str
    """The controller's address at the other end of the management link."""
    masked: tuple[str, ...] = ()
    enabled: tuple[str, ...] = ()
    prefix4: int = 24
    sshd_only: bool = False
    """Whether nothing runs in it but sshd, not even systemd."""


SERVER = Machine(
    name="server",
    hostname="meet1",
    address4="203.0.113.10",
    address6="2001:db8:113::10",
    gateway4="203.0.113.1",
    gateway6="2001:db8:113::1",
    management="10.255.0.2",
    controller="10.255.0.1",
    enabled=("plugnmeet.service",),
)
OUTSIDE = Machine(
    name="outside",
    hostname="ext",
    address4="198.51.100.2",
    address6="2001:db8:100::2",
    gateway4="198.51.100.1",
    gateway6="2001:db8:100::1",
    management="10.255.0.6",
    controller="10.255.0.5",
    masked=("haproxy.service", "plugnmeet.service"),
)
MACHINES = (SERVER, OUTSIDE)
# More servers to install on, each a machine of its own in a network of its own; only for what is about many at once.
CROWD = tuple(
    Machine(
        name=f"crowd{number}",
        hostname=f"t{number}",
        address4=f"203.0.113.{130 + 4 * number}",
        address6=f"2001:db8:{200 + number}::10",
        gateway4=f"203.0.113.{129 + 4 * number}",
        gateway6=f"2001:db8:{200 + number}::1",
        management=f"10.255.0.{10 + 4 * number}",
        controller=f"10.255.0.{9 + 4 * number}",
        prefix4=30,
        sshd_only=True,
    )
    for number in range(10)
)
PLACES = ("server", "outside", "router", "controller")


@dataclass(frozen=True)
class Instance:
    """The lab of one checkout; several checkouts have theirs up at the same time; one may have several."""

    checkout: Path
    name_in_checkout: str = ""

    @property
    def identity(self) -> str:
        """The same for each run in this checkout, another one in any other."""
        return hashlib.sha256(os.fsencode(self.checkout) + self.name_in_checkout.encode()).hexdigest()[:8]

    @property
    def state(self) -> Path:
        """Directly under /run: a folder shared with other labs would need a lock to be taken away."""
        return Path(f"/run/plugnmeet-lab-{self.identity}")

    @property
    def name(self) -> str:
        """What the kernel's objects of this lab are called."""
        return f"pnm-{self.identity}"

    def namespace(self, place: str) -> str:
        """The name of a place's network namespace, as `ip netns` has it."""
        return f"{self.name}-{place}"

    def namespace_path(self, place: str) -> Path:
        """The file that stands for a place's network namespace."""
        return Path("/run/netns", self.namespace(place))

    @property
    def key(self) -> Path:
        """The private key that both machines let in as root."""
        return self.state / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The machines' host keys, under all of their addresses."""
        return self.state / "known_hosts"

    def inventory(self, seen_from: str) -> Path:
        """The Ansible inventory for a play run in that place."""
        return self.state / f"inventory-from-{seen_from}.yml"


def this_instance() -> Instance:
    """The lab of the checkout that this file is in: the one that PLUGNMEET_LAB names, or the one without a name."""
    return Instance(LAB.parent.parent, os.environ.get("PLUGNMEET_LAB", ""))
