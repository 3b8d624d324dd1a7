# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy of a situation: a haproxy of its own in a place's network, out of the root that the machines have.

A file of this kind holds haproxy's sections, what they all have in common left out. A certificate that it names,
/mnt/NAME.pem, is made for it: by NAME, for NAME, and fit to sign others.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from . import network
from .cgroup import Cgroup
from .layout import Instance
from .machine import UNSEEN
from .root import cached_root
from .shell import run

COMMON = """\
global
    user haproxy
    group haproxy

defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
"""
CERTIFICATE = re.compile(r"/mnt/([^/\"]+)\.pem")
# The root is everybody's and never written to: the proxy sees its own files in it, and nobody else does. It joins the
# control group before it forks, and is back from the command line when it listens.
START = """\
for group in $1; do echo 0 > "$group/cgroup.procs"; done
mount -n --bind "$2" "$3/mnt"
exec chroot "$3" haproxy -D -f /mnt/common.cfg -f /mnt/situation.cfg
"""


def put(lab: Instance, place: str, path: Path) -> None:
    """Return when the proxy listens; it goes on in the background, in a part of the lab's control group."""
    files = folder(lab, place)
    files.mkdir()
    (files / "common.cfg").write_text(COMMON, encoding="ascii")
    shutil.copyfile(path, files / "situation.cfg")
    for name in sorted(set(CERTIFICATE.findall(path.read_text(encoding="utf-8")))):
        make_certificate(name, files / f"{name}.pem")
    group = Cgroup(lab.name)
    group.create(part(place))
    groups = " ".join(str(each / part(place)) for each in group.folders)
    run([*network.inside(lab, place), *UNSEEN, "sh", "-euc", START, "proxy", groups, files, cached_root()])


def make_certificate(name: str, path: Path) -> None:
    """Write a private key and its certificate."""
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", f"/CN={name}", "-days", "30", "-keyout", "-"]
    path.write_text(run(["chroot", cached_root(), *request, *names]), encoding="ascii")


def take_away(lab: Instance, place: str) -> None:
    """End the proxy, and forget its files."""
    Cgroup(lab.name).remove(part(place))
    if folder(lab, place).exists():
        shutil.rmtree(folder(lab, place))


def part(place: str) -> str:
    """The part of the control group in which a place's proxy is."""
    return f"proxy-{place}"


def folder(lab: Instance, place: str) -> Path:
    """Where a place's proxy has its files."""
    return lab.state / f"proxy-{place}"
