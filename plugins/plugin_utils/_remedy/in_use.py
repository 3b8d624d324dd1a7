# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Ports that somebody else holds on the server."""

from __future__ import annotations

import re

from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import Words
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import Command, ServerCommand, reserve_ports, word

# The unit of a container, if systemd is what Docker has for its control groups; short ids will do.
_DOCKER_SCOPE = re.compile(r"docker-([0-9a-f]{12})[0-9a-f]*\.scope")
_SSH_UNITS = ("ssh.service", "sshd.service", "ssh.socket", "sshd.socket")


def port_in_use(words: Words) -> str:
    unit = f", unit {words.fact('unit')}" if words.fact("unit") else ""
    holder = f"{words.fact('process')} (process {words.fact('pid')}{unit})" if words.fact("pid") else "the kernel"
    why = ", as a port that the system picked for it" if words.fact("ephemeral") else ""
    return f"On {words.host} {holder} holds it{why}, so nothing could be tested there."


def free_the_port(words: Words) -> list[str]:
    unit = words.fact("unit")
    if words.fact("ephemeral"):
        return _reserve_the_ports(words, unit)
    if unit == "plugnmeet.service":
        return ["Name plugnmeet in preflight_services, and what else is to be stopped for the test"]
    if unit in _SSH_UNITS:  # to stop it would cut off who does so
        where = "Port in /etc/ssh/sshd_config, or ListenStream of ssh.socket"
        return [f"Let sshd on {words.host} listen on another port than {words.ports} ({where})"]
    container = _DOCKER_SCOPE.fullmatch(unit)
    if container:
        end = f"docker stop {container[1]}"
    elif words.fact("process") == "docker-proxy":  # its unit is all of Docker
        publish = "".join(f" --filter publish={port}" for dummy, ports in words.port_sets for port in ports.split(","))
        return [
            f"Stop the container on {words.host} that publishes {words.ports}, or let it publish another port:",
            Command(f"docker ps{publish}"),
        ]
    elif unit.endswith(".service"):
        end = f"systemctl disable --now {word(unit)}"
    else:
        return [f"End what holds {words.ports} on {words.host}, or make it use another port"]
    keep = [] if container else [f"If it is part of plugNmeet: {_let_it_be_stopped(unit)}"]
    # No ServerCommand: whether it is needed is for a person to say.
    return [f"If {words.host} does not need it:", Command(end), *keep]


def _let_it_be_stopped(unit: str) -> str:
    """How the test is told to stop a unit, too; preflight_services replaces the default."""
    name = unit.removesuffix(".service")
    if name == "haproxy":
        return "name haproxy in preflight_services, and what else is to be stopped for the test"
    return f"stop it for the test with preflight_services=plugnmeet,haproxy,{name}"


def _reserve_the_ports(words: Words, unit: str) -> list[str]:
    if unit.endswith(".service"):
        again: list[str] = ["Then let it have another port:", ServerCommand(f"systemctl restart {word(unit)}")]
    else:
        again = [f"Then restart {words.fact('process', 'what holds it')}, or wait until it has ended"]
    return [
        "Keep these ports for the media server, so that the system hands them out to nobody else:",
        *reserve_ports(",".join(ports for dummy, ports in words.entries)),
        *again,
    ]
