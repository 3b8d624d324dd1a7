# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab needs of the host that it runs on."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .shell import LabError, reason, step

PACKAGE_OF = {
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "systemd-nspawn": "systemd-container",
}


def require_root() -> None:
    """Namespaces and mounts are root's."""
    if os.geteuid() != 0:
        raise LabError("the lab makes namespaces and mounts, so it needs root")


def require_tools() -> None:
    """Install the packages whose commands are missing; refuse where they could not be."""
    if not is_debian():
        raise LabError("the lab builds Debian machines with Debian's own tools, and this host is not Debian")
    missing = sorted({package for tool, package in PACKAGE_OF.items() if not shutil.which(tool)})
    if missing:
        with step(f"install {' '.join(missing)} on this host"):
            apt_install(missing)


def is_debian() -> bool:
    """Whether this host says that it is Debian."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return "ID=debian" in (line.replace('"', "") for line in lines)


def apt_install(packages: list[str]) -> None:
    """Install, with fresh package lists if the lists that are there do not do."""
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    failure = apt(install)
    if failure:
        failure = apt(["apt-get", "update"]) or apt(install)
    if failure:
        raise LabError(f"apt-get could not install {' '.join(packages)} on this host: {failure}")


def apt(command: list[str]) -> str:
    """Why the command failed, or nothing."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return "there is no apt-get"
    return reason(done.stderr or done.stdout) if done.returncode else ""
