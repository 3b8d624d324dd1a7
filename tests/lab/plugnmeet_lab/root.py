# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian root below both machines: built once, kept in a cache that all checkouts share, never written to again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from .lock import locked
from .shell import LabError, reason, step

SUITE = "bookworm"
PACKAGES = (
    "apache2",
    "dbus",
    "firewalld",
    "haproxy",
    "iproute2",
    "iptables",
    "libpam-systemd",
    "nftables",
    "nginx",
    "openssh-server",
    "openssl",
    "procps",
    "python3",
    "sudo",
    "systemd",
    "systemd-sysv",
    "ufw",
)
# These are what a situation makes of them; they would start by themselves.
NOT_BY_ITSELF = 'chroot "$1" systemctl --quiet disable apache2.service firewalld.service nginx.service ufw.service'
CERTIFICATE = """\
chroot "$1" openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
  -subj /CN=meet.example.com -addext subjectAltName=DNS:meet.example.com \
  -keyout /etc/haproxy/certificate.pem -out /tmp/certificate.pem 2>&1
cat "$1/tmp/certificate.pem" >> "$1/etc/haproxy/certificate.pem"
rm "$1/tmp/certificate.pem"
"""
RECIPE = (
    "mmdebstrap",
    "--mode=root",
    "--variant=minbase",
    "--format=directory",
    f"--include={','.join(PACKAGES)}",
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    '--aptopt=Acquire::Languages "none"',
    f"--customize-hook={NOT_BY_ITSELF}",
    f"--customize-hook={CERTIFICATE}",
    SUITE,
)
# Killing the builder ends what it started, down to the last package script, and takes its mounts away: they live in
# namespaces of their own whose first process dies with us.
CONTAINED = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def cache() -> Path:
    """Where built roots are kept."""
    return Path(os.environ.get("PLUGNMEET_LAB_CACHE") or "/var/cache/plugnmeet-lab").absolute()


def cached_root() -> Path:
    """Where the root that this recipe makes is, or will be."""
    recipe = hashlib.sha256(json.dumps(RECIPE).encode()).hexdigest()[:12]
    return cache() / f"root-{recipe}"


def debian_root() -> Path:
    """The root of this recipe, built if it isn't there yet."""
    root = cached_root()
    if root.is_dir():
        return root
    try:
        cache().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"the lab's cache {cache()} cannot be made: {error.strerror}") from error
    with locked(cache(), "another lab that is building its Debian root"):
        if not root.is_dir():
            for abandoned in cache().glob("building-*"):
                shutil.rmtree(abandoned)
            with step(f"build the machines' Debian root in {cache()} (once, about a minute)"):
                build(root)
    return root


def build(root: Path) -> None:
    """Build beside and rename, so that what is there is always whole."""
    building = root.with_name(f"building-{root.name}")
    log = cache() / "build.log"
    with log.open("w", encoding="utf-8") as said:
        command = [*CONTAINED, *RECIPE, str(building)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        shutil.rmtree(building, ignore_errors=True)
        why = reason(log.read_text(encoding="utf-8", errors="replace"))
        raise LabError(f"the Debian root could not be built: {why} (more in {log})")
    building.rename(root)
