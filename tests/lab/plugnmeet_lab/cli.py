# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of the lab."""

from __future__ import annotations

import argparse
import os
import signal
import sys

from . import host, lifecycle, machine, network, situation, ssh
from .cgroup import Cgroup
from .layout import CROWD, MACHINES, Instance, Machine, this_instance
from .shell import LabError, say


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="lab", description="Two Debian machines and a router between them.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    names = [each.name for each in (*MACHINES, *CROWD)]

    commands.add_parser("up", help="have the lab up; builds what is missing, replaces what is broken")
    commands.add_parser("crowd", help="have ten more servers in the lab that is up")
    commands.add_parser("down", help="take the lab away, all but the cached Debian root")
    commands.add_parser("status", help="say what is up; exits 3 if the lab is not")
    for name, text in {"exec": "run a command in a machine, past network and sshd", "ssh": "the same over SSH"}.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("machine", choices=names, metavar="MACHINE")
        command.add_argument("words", nargs=argparse.REMAINDER, metavar="CMD", help="without one: a shell")
    command = commands.add_parser("run", help="run a command of this host in the lab's network")
    command.add_argument("--from", dest="place", choices=("controller", "outside"), default="controller")
    command.add_argument("words", nargs=argparse.REMAINDER, metavar="CMD", help="without one: a shell")
    command = commands.add_parser("firewall", help="put a firewall situation in force, or list them")
    command.add_argument("name", nargs="?", metavar="NAME", help="without one: list them")
    command = commands.add_parser("inventory", help="print the path of the Ansible inventory")
    command.add_argument("--from", dest="place", choices=("controller", "outside", "crowd"), default="controller")
    return top


def main() -> int:
    """Do what the command line says; trouble is one sentence on stderr and exit code 2."""
    options = parser().parse_args()
    if getattr(options, "words", [])[:1] == ["--"]:
        del options.words[0]
    # Python ignores it, and the commands that this process turns into would inherit that.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    lab = this_instance()
    try:
        host.require_root()
        return perform(lab, options)
    except (LabError, OSError) as error:
        say(f"lab: {error}")
        return 2
    except KeyboardInterrupt:
        return 130


def perform(lab: Instance, options: argparse.Namespace) -> int:
    """One command."""
    match options.command:
        case "up" | "crowd" | "down" as change:
            {"up": lifecycle.up, "crowd": lifecycle.crowd, "down": lifecycle.down}[change](lab)
        case "status":
            return status(lab)
        case "exec":
            become(lab, [*machine.inside(lab, named(options.machine)), *(options.words or ["bash", "-l"])])
        case "ssh":
            become(lab, [*ssh.command(lab, named(options.machine)), *options.words])
        case "run":
            become(lab, [*network.inside(lab, options.place), *(options.words or [os.environ.get("SHELL", "sh")])])
        case "firewall" if options.name:
            lifecycle.change_firewall(lab, options.name)
        case "firewall":
            list_firewalls(lab)
        case "inventory":
            print(existing_inventory(lab, options.place))
    return 0


def named(name: str) -> Machine:
    """The machine of that name."""
    return next(each for each in (*MACHINES, *CROWD) if each.name == name)


def become(lab: Instance, command: list[str]) -> None:
    """Give this process over to the command, so that signals and the exit code are the command's own.

    It joins the lab's control group first: what it leaves behind, such as a lasting SSH connection, ends with the lab.
    """
    Cgroup(lab.name).enter("commands")
    sys.stdout.flush()
    os.execvp(command[0], command)  # noqa: S606  (there is to be no shell)


def status(lab: Instance) -> int:
    """How the lab is; 0 if it is up."""
    trouble = lifecycle.why_not_up(lab) if lifecycle.remains(lab) else "down"
    print(f"lab {lab.identity} of {lab.checkout}: {trouble or 'up'}")
    if trouble:
        return 3
    print(f"firewall {situation.active(lab)}")
    for each in MACHINES:
        print(f"{each.name:8} {each.hostname:6} {each.address4:13} {each.address6:17} management {each.management}")
    return 0


def list_firewalls(lab: Instance) -> None:
    """All situations, with a mark at the one in force."""
    active = situation.active(lab)
    known = {name: situation.purpose(name) for name in situation.situations()}
    purposes = {situation.NONE: "everything is open, and both machines are near", **known}
    width = max(map(len, purposes))
    for name, purpose in purposes.items():
        print(f"{'*' if name == active else ' '} {name:{width}} {purpose}")


def existing_inventory(lab: Instance, place: str) -> str:
    """The path of an inventory that is there."""
    path = lab.inventory(place)
    if not path.exists():
        raise LabError("the lab is not up")
    return str(path)
