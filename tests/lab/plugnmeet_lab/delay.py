# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The delay of a situation: a way of its own for all that the router forwards, through a relay that takes its time.

The kernel could do it too, but many are built without sch_netem. A file of this kind holds comments and one number, the
milliseconds each way.
"""

#     server ---> router ---> tun device <---> relay        and the same way from outside to server:
#                   '----> outside                          what comes in by either leg is routed to the relay,
#                                                           what the relay gives back as ever

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from . import network
from .cgroup import Cgroup
from .layout import LAB, MACHINES, Instance
from .shell import LabError, run

DEVICE = "delay0"
TABLE = "25"
PART = "relay"
PROGRAM = LAB / "plugnmeet_lab/relay.py"
# A tun device computes the checksums that veth leaves open, and queues what the relay has not taken yet: here up to
# half a second of the most that a sender manages.
LINK = f"""\
tuntap add dev {DEVICE} mode tun
link set {DEVICE} addrgenmode none txqueuelen 30000
link set {DEVICE} up
"""
ROUTE = f"""\
route add default dev {DEVICE} table {TABLE}
{"".join(f"rule add iif {machine.name} lookup {TABLE}" + chr(10) for machine in MACHINES)}"""


def put(lab: Instance, place: str, path: Path) -> None:
    """Delay all that this place forwards, both address families, each way by the number in the file."""
    seconds = milliseconds(path) / 1000
    if place != "router":
        raise LabError(f"{path} cannot be: only the router forwards")
    network.configure(lab, place, LINK)
    start_relay(lab, place, seconds)
    for family in ("-4", "-6"):
        run(["ip", family, "-n", lab.namespace(place), "-batch", "-"], given=ROUTE)


def milliseconds(path: Path) -> float:
    """The number in the file."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    try:
        (number,) = map(float, lines)
    except ValueError as error:
        raise LabError(f"{path} must hold comments and one number, milliseconds") from error
    return number


def start_relay(lab: Instance, place: str, seconds: float) -> None:
    """Return when the relay relays; it goes on in the background, in a part of the lab's control group."""
    relay = subprocess.Popen(
        [*network.inside(lab, place), sys.executable, PROGRAM, DEVICE, str(seconds)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    Cgroup(lab.name).enter(PART, relay.pid)
    if not relay.stdout or not relay.stdout.readline():
        raise LabError("the relay that delays did not start")


def take_away(lab: Instance, place: str) -> None:
    """End the relay, whatever state it is in, and undo the way through it."""
    if place != "router":
        return
    Cgroup(lab.name).remove(PART)
    namespace = ["-n", lab.namespace(place)]
    for family in ("-4", "-6"):
        run(["ip", family, *namespace, "rule", "flush", "lookup", TABLE])
    if DEVICE in run(["ip", *namespace, "-brief", "link"]):
        run(["ip", *namespace, "link", "delete", DEVICE])
