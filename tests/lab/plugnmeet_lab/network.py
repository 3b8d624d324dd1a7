# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's network: four namespaces and the veth pairs between them, none of which has an end in the host's own."""

#         10.255.0.0/30   controller   10.255.0.4/30
#              .---------'          '---------.
#              |                              |
#           server ------- router -------- outside
#              203.0.113.0/24   198.51.100.0/24
#           2001:db8:113::/64   2001:db8:100::/64

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .layout import MACHINES, PLACES, Instance, Machine
from .lock import locked
from .shell import LabError, run

NAMESPACES = Path("/run/netns")
# Locked while that folder's contents change: the last one to leave takes it away, and nobody may be moving in then.
SHARED_BY_LABS = NAMESPACES.parent
# A new namespace starts with some of the host's own settings; these are the ones that would make a difference.
SETTINGS = """\
for family in all default; do
    echo 0 > /proc/sys/net/ipv6/conf/$family/disable_ipv6
    echo 0 > /proc/sys/net/ipv6/conf/$family/accept_dad
    echo {forwarding} > /proc/sys/net/ipv6/conf/$family/forwarding
    echo 0 > /proc/sys/net/ipv4/conf/$family/rp_filter
done
echo {forwarding} > /proc/sys/net/ipv4/ip_forward
"""


def create(lab: Instance) -> None:
    """Make the namespaces, link them, and give them their addresses and routes."""
    add(lab, PLACES)
    for machine in MACHINES:
        link(lab, machine)


def add(lab: Instance, places: Iterable[str]) -> None:
    """Make namespaces in which there is nothing yet but the way to oneself."""
    with locked(SHARED_BY_LABS):
        for place in places:
            run(["ip", "netns", "add", lab.namespace(place)])
    for place in places:
        run([*inside(lab, place), "sh", "-euc", SETTINGS.format(forwarding=int(place == "router"))])
        configure(lab, place, "link set lo up")


def link(lab: Instance, machine: Machine) -> None:
    """Connect one machine to the router and to the controller."""
    there = lab.namespace(machine.name)
    router = f"""\
        link add {machine.name} type veth peer name eth0 netns {there}
        address add {machine.gateway4}/{machine.prefix4} dev {machine.name}
        address add {machine.gateway6}/64 dev {machine.name} nodad
        link set {machine.name} up
        """
    controller = f"""\
        link add {machine.name} type veth peer name mgmt0 netns {there}
        address add {machine.controller}/30 dev {machine.name}
        link set {machine.name} up
        """
    itself = f"""\
        address add {machine.management}/30 dev mgmt0
        address add {machine.address4}/{machine.prefix4} dev eth0
        address add {machine.address6}/64 dev eth0 nodad
        link set mgmt0 up
        link set eth0 up
        route add default via {machine.gateway4}
        route add default via {machine.gateway6}
        """
    configure(lab, "router", router)
    configure(lab, "controller", controller)
    configure(lab, machine.name, itself)


def configure(lab: Instance, place: str, lines: str) -> None:
    """Have iproute2 do these things in one place."""
    run(["ip", "-n", lab.namespace(place), "-batch", "-"], given=lines)


def inside(lab: Instance, place: str) -> list[str]:
    """What to put before a command of the host to run it in a place's network."""
    namespace = lab.namespace_path(place)
    if not namespace.exists():
        raise LabError("the lab is not up")
    return ["nsenter", f"--net={namespace}", "--"]


def dwellers(lab: Instance) -> list[int]:
    """Processes in the lab's network, however they got there."""
    known = {os.stat(path).st_ino for path in namespaces_of(lab)}
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.stat(entry / "ns/net").st_ino in known:
                found.append(int(entry.name))
        except OSError:
            continue  # it ended, or is a thread of the kernel
    return found


def namespaces_of(lab: Instance) -> list[Path]:
    """The files that stand for all the namespaces that this lab has."""
    return sorted(NAMESPACES.glob(f"{lab.name}-*"))


def remove(lab: Instance) -> None:
    """Take the namespaces away, and with the last one on this host the mount that iproute2 made for them."""
    with locked(SHARED_BY_LABS):
        for path in namespaces_of(lab):
            run(["ip", "netns", "delete", path.name])
        if NAMESPACES.is_dir() and not any(NAMESPACES.iterdir()):
            if f" {NAMESPACES} " in Path("/proc/self/mountinfo").read_text(encoding="utf-8"):
                run(["umount", "--no-mtab", NAMESPACES])
            NAMESPACES.rmdir()
