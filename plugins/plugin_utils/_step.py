# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The steps of a remedy: sentences are plain text, and what is there to be copied is of its own kind."""

from __future__ import annotations

import shlex
import typing as t


class Command(str):
    """A step for a shell somewhere; it may have words in capitals, which are the reader's to fill in."""

    __slots__ = ()


def word(name: str) -> str:
    """A name that comes from the server, as one word of a command, whatever it has in it."""
    return shlex.quote(name)


class ServerCommand(Command):
    """A step that mends something in root's shell on the server, exactly as it is."""

    __slots__ = ()


def in_report(steps: t.Sequence[str]) -> dict[str, list[str]]:
    """The steps as a report has them: all as `remedy`, and those for the server as `commands`, if there are any."""
    commands = [str(step) for step in steps if isinstance(step, ServerCommand)]
    return {"remedy": list(map(str, steps)), **({"commands": commands} if commands else {})}


def reserve_ports(ports: str) -> list[str]:
    """The steps that keep `ports`, and what was kept already, from being handed out to just anybody.

    `ports` is as the kernel takes a list (ip_local_reserved_ports, Documentation/networking/ip-sysctl.rst).
    """
    name, file = "net.ipv4.ip_local_reserved_ports", "/etc/sysctl.d/60-plugnmeet.conf"
    return [
        ServerCommand(f'kept=$(sysctl -n {name}); echo "{name} = ${{kept:+$kept,}}{ports}" > {file}'),
        ServerCommand(f"sysctl -p {file}"),
    ]
