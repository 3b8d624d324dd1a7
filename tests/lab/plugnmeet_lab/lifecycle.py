# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Up, down, and knowing which of the two it is."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import host, inventory, machine, network, situation, ssh
from .cgroup import Cgroup
from .layout import BOOT_SCRIPT, CROWD, LAB, MACHINE_FILES, MACHINES, Instance, Machine
from .lock import locked
from .root import cached_root, debian_root
from .shell import LabError, say, step

OTHER_COMMAND = "another command on this lab"


def up(lab: Instance) -> None:
    """Have the lab up and healthy: at once if it is, by building it anew if it is not."""
    os.umask(0o022)
    with locked(LAB, OTHER_COMMAND):
        reason = why_not_up(lab)
        if not reason:
            say(f"lab: up already, firewall {situation.active(lab)}")
            return
        host.require_tools()
        root = debian_root()
        if remains(lab):
            take_away(lab, f"take away what is left of the lab before: {reason}")
        try:
            build(lab, root)
        except BaseException:
            clear(lab)
            raise


def build(lab: Instance, root: Path) -> None:
    """Everything, in the order in which one thing needs the other; the mark that it is whole comes last."""
    lab.state.mkdir()
    with step("link server, outside, router and controller"):
        network.create(lab)
    with step("boot server and outside"):
        ssh.make_keys(lab, root)
        boots = [machine.Boot(lab, each, root) for each in MACHINES]
        for boot in boots:
            boot.finish()
        wrong = trouble(lab, lambda *each: machine.trouble(*each) or ssh.refusal(*each))
        if wrong:
            raise LabError(wrong)
    (lab.state / "ssh").mkdir(mode=0o700)
    inventory.write(lab)
    mark(lab).write_text(fingerprint(), encoding="ascii")


def crowd(lab: Instance) -> None:
    """Have ten more servers in a lab that is up; they go with it."""
    with locked(LAB, OTHER_COMMAND):
        reason = why_not_up(lab)
        if reason:
            raise LabError(f"the lab is not up: {reason}")
        if lab.inventory("crowd").exists():
            say("lab: the crowd is there already")
            return
        with step(f"start {len(CROWD)} more servers"):
            network.add(lab, [each.name for each in CROWD])
            for each in CROWD:
                network.link(lab, each)
            starts = [machine.Boot(lab, each, cached_root()) for each in CROWD]
            for start in starts:
                start.finish()
        inventory.write_crowd(lab)


def down(lab: Instance) -> None:
    """Leave nothing of the lab but the cached root."""
    with locked(LAB, OTHER_COMMAND):
        if not remains(lab):
            say("lab: down already")
            return
        take_away(lab, "take the lab away")


def change_firewall(lab: Instance, name: str) -> None:
    """Put a firewall situation in force, while nothing else happens to the lab."""
    with locked(LAB, OTHER_COMMAND):
        situation.apply(lab, name)


def take_away(lab: Instance, why: str) -> None:
    """Clear, and tell of what in there was not the lab's own."""
    with step(why):
        strangers = clear(lab)
    if strangers:
        say(f"lab: left alone, since the lab did not start them: processes {strangers} in its network")


def clear(lab: Instance) -> list[int]:
    """Take away all of the lab that there is, whole or not; the processes of others that still use its network."""
    group = Cgroup(lab.name)
    if group.holds_me():
        raise LabError("this command was itself started by `lab run`, so it cannot take the lab away")
    group.remove()
    strangers = network.dwellers(lab)
    network.remove(lab)
    if lab.state.exists():
        shutil.rmtree(lab.state)
    return strangers


def remains(lab: Instance) -> bool:
    """Whether there is anything of this lab, whole or not."""
    traces = [lab.state, *network.namespaces_of(lab), *Cgroup(lab.name).folders]
    return any(trace.exists() for trace in traces)


def why_not_up(lab: Instance) -> str:
    """Nothing if the lab is up and healthy, or what speaks against it."""
    try:
        built_from = mark(lab).read_text(encoding="ascii")
    except FileNotFoundError:
        return "it was never finished"
    if built_from != fingerprint():
        return "it was built from other files than there are now"
    return trouble(lab, lambda *each: machine.trouble(*each) or ssh.silence(*each))


def trouble(lab: Instance, ask: Callable[[Instance, Machine], str]) -> str:
    """What is wrong with either machine, both asked at the same time; nothing if all is well."""
    with ThreadPoolExecutor() as pool:
        answers = pool.map(lambda each: ask(lab, each), MACHINES)
        return "; ".join(answer for answer in answers if answer)


def fingerprint() -> str:
    """Of all that makes a running lab what it is; firewall situations come and go while it runs."""
    digest = hashlib.sha256(cached_root().name.encode())
    for path in sorted([BOOT_SCRIPT, *LAB.glob("plugnmeet_lab/*.py"), *MACHINE_FILES.rglob("*")]):
        if path.is_file():
            digest.update(bytes(path.relative_to(LAB)) + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def mark(lab: Instance) -> Path:
    """The file that says that the lab was built to the end, and from what."""
    return lab.state / "built-from"
