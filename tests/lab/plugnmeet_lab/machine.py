# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Debian machine: what is in it beside the root, how it starts, and how to get at it."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from .cgroup import Cgroup
from .layout import BOOT_SCRIPT, MACHINE_FILES, Instance, Machine
from .shell import LabError, reason, run

BOOT_SECONDS = 60
# Apart, since systemd wants a control group in which there is nobody else.
PARTS = ("keeper", "machine")
# The machine's mounts are not to be seen on the host, but what the host unmounts is not to live on in here.
UNSEEN = ("unshare", "--mount", "--propagation", "slave")
SYSTEMD = ("--boot", "--notify-ready=yes")
# Ten more systemds would want more inotify instances than a kernel gives to one user.
SSHD_ONLY = ("--as-pid2", "sh", "-c", "mkdir -p /run/sshd && exec /usr/sbin/sshd -D")
# Housekeeping that has no place in a machine that lives for minutes.
MASKED = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dev-hugepages.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
)
CLEAN = (
    *("env", "-i", "HOME=/root", "LANG=C.UTF-8"),
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
)


class Boot:
    """A machine on its way up."""

    def __init__(self, lab: Instance, machine: Machine, root: Path) -> None:
        """Start it; it comes up in the background."""
        self.machine = machine
        folder = lab.state / machine.name
        folder.mkdir()
        layer = lab.state / f"{machine.name}-layer"
        write_layer(lab, machine, layer)
        notify = lab.state / f"{machine.name}.notify"
        self.news = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.news.bind(str(notify))
        self.log = lab.state / f"{machine.name}.log"
        group = Cgroup(lab.name)
        for part in PARTS:
            group.create(f"{machine.name}/{part}")
        groups = " ".join(str(folder / machine.name) for folder in group.folders)
        nspawn = [
            f"--machine={lab.namespace(machine.name)}",
            f"--hostname={machine.hostname}",
            f"--uuid={machine_id(lab, machine)}",
            f"--network-namespace-path={lab.namespace_path(machine.name)}",
            *(SSHD_ONLY if machine.sshd_only else SYSTEMD),
        ]
        with self.log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*UNSEEN, "sh", BOOT_SCRIPT, folder, root, layer, groups, *nspawn],
                env={**os.environ, "NOTIFY_SOCKET": str(notify)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self) -> None:
        """Wait until its systemd says that it has started all that it wanted to."""
        patience = time.monotonic() + BOOT_SECONDS
        self.news.settimeout(0.2)
        while True:
            try:
                if "READY=1" in self.news.recv(4096).decode().splitlines():
                    break
            except TimeoutError:
                pass
            if self.process.poll() is not None:
                why = reason(self.log.read_text(encoding="utf-8", errors="replace"))
                raise LabError(f"the machine {self.machine.name} did not start: {why}")
            if time.monotonic() > patience:
                raise LabError(f"the machine {self.machine.name} did not come up within {BOOT_SECONDS} s")
        self.news.close()


def write_layer(lab: Instance, machine: Machine, layer: Path) -> None:
    """This machine's own files, which go on top of the root that all machines share."""
    for files in (MACHINE_FILES / "common", MACHINE_FILES / machine.name):
        if files.is_dir():
            shutil.copytree(files, layer, copy_function=shutil.copyfile, dirs_exist_ok=True)
    units = layer / "etc/systemd/system"
    wanted = units / "multi-user.target.wants"
    wanted.mkdir(parents=True)
    for unit in machine.enabled:
        (wanted / unit).symlink_to(f"/etc/systemd/system/{unit}")
    for unit in MASKED + machine.masked:
        (units / unit).symlink_to("/dev/null")
    (layer / "etc/hostname").write_text(f"{machine.hostname}\n", encoding="ascii")
    # Without an identity systemd takes this for a first boot, and goes through every unit's preset.
    (layer / "etc/machine-id").write_text(f"{machine_id(lab, machine)}\n", encoding="ascii")
    for folder in layer, *(path for path in layer.rglob("*") if path.is_dir()):
        folder.chmod(0o755)  # whatever the checkout has: these become the machine's own folders
    keys = layer / "root/.ssh/authorized_keys"
    keys.parent.mkdir(parents=True)
    shutil.copyfile(f"{lab.key}.pub", keys)
    for private in keys.parent.parent, keys.parent:
        private.chmod(0o700)


def machine_id(lab: Instance, machine: Machine) -> str:
    """A machine's identity: 128 bits, different in each lab."""
    return hashlib.md5(lab.namespace(machine.name).encode(), usedforsecurity=False).hexdigest()


def first_process(lab: Instance, machine: Machine) -> int | None:
    """The host's pid for the machine's pid 1; asked anew each time, since a machine may reboot."""
    for pid in Cgroup(lab.name).pids(f"{machine.name}/machine"):
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        except OSError:
            continue
        pids = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
        if len(pids) == 2 and pids[1] == "1":
            return pid
    return None


def inside(lab: Instance, machine: Machine) -> list[str]:
    """What to put before a command to run it in the machine, whatever its firewall or its sshd do."""
    pid = first_process(lab, machine)
    if pid is None:
        raise LabError(f"the machine {machine.name} is not up")
    return ["nsenter", f"--target={pid}", "--all", "--", *CLEAN, f"TERM={os.environ.get('TERM', 'dumb')}"]


def trouble(lab: Instance, machine: Machine) -> str:
    """What is wrong with the machine as it sees itself, or nothing."""
    try:
        command = inside(lab, machine)
    except LabError:
        return f"{machine.name} is not up"
    state = subprocess.run(
        [*command, "systemctl", "is-system-running"], capture_output=True, text=True, check=False
    ).stdout.strip()
    if state == "running":
        return ""
    if state != "degraded":
        return f"{machine.name} is {state or 'not answering'}"
    units = run([*command, "systemctl", "list-units", "--failed", "--plain", "--no-legend"])
    return f"{machine.name} is degraded: {' '.join(line.split()[0] for line in units.splitlines())} failed"
