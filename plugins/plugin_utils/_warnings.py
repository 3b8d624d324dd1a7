# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the server itself sees that will trouble LiveKit, though every port is open: warnings, each with a remedy."""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, read_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import shortened
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sides import Vantage, clean
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import reserve_ports

Facts = t.Mapping[str, t.Any]

_MOST = 10  # names, STUN servers or addresses; a host that says more of them was not asked for them


class Caution(t.NamedTuple):
    """What it is about, what will happen, and the steps that mend it."""

    about: str
    explanation: str
    remedy: list[str]


def warnings(
    outlook: Facts, host: str, requirements: t.Iterable[Requirement], vantages: t.Iterable[Vantage]
) -> list[Caution]:
    """Return what `server_outlook_info` has seen that calls for a warning; none if it was not asked, or failed."""
    # A translator's address (NAT64) is one of its network's, and leads nowhere from the server.
    reached = {vantage.as_target_sees(family)[1] for vantage in vantages for family in vantage.addresses}
    try:
        return [
            *_stun(dict(_few((outlook.get("stun") or {}).items())), host, reached),
            *_hairpin(dict(_few((outlook.get("hairpin") or {}).items())), host, reached),
            *_names(outlook.get("names") or [], host, reached),
            *_ephemeral(read_ports(str(outlook.get("ephemeral") or "")), host, requirements),
        ]
    except (PreflightError, AttributeError, KeyError, TypeError):  # it came back from another host
        return []


def _few(things: t.Iterable[t.Any]) -> list[t.Any]:
    return list(itertools.islice(things, _MOST))


def _stun(answers: Facts, host: str, reached: set[str]) -> list[Caution]:
    seen = {clean(ip) for ip in answers.values() if ip}
    if answers and not seen:
        servers = " and ".join(clean(server) for server in answers)
        return [
            Caution(
                "stun",
                f"No STUN server answers {host} ({servers}); LiveKit asks one at its start, and ends if none answers.",
                [
                    f"Let UDP out of {host} to the internet, and its answers in",
                    "Or set rtc.use_external_ip: false and rtc.node_ip in livekit.yaml to the public address",
                ],
            )
        ]
    others = {ip for ip in seen if ":" not in ip} - reached
    public = sorted(ip for ip in reached if ":" not in ip)
    if not others or not public:
        return []
    return [
        Caution(
            "stun",
            f"{host} goes out as {min(others)}, and is reached at {public[0]}; LiveKit would tell everybody the first.",
            [f"Set rtc.use_external_ip: false and rtc.node_ip: {public[0]} in livekit.yaml"],
        )
    ]


def _hairpin(answers: Facts, host: str, reached: set[str]) -> list[Caution]:
    missing = [clean(ip) for ip, arrived in answers.items() if arrived is False and ip in reached]
    if not missing:
        return []
    return [
        Caution(
            "hairpin",
            f"{host} does not reach itself at {' and '.join(missing)}: who is behind the same router, and what runs on "
            f"{host} itself, may get no media.",
            ["Switch hairpin NAT (NAT loopback) on in the router", f"Or see to it that {host} has the address itself"],
        )
    ]


def _names(names: t.Iterable[Facts], host: str, reached: set[str]) -> list[Caution]:
    found = []
    for name in _few(names):
        addresses = _few([*name["ipv4"], *name["ipv6"]])
        elsewhere = [clean(ip) for ip in addresses if ip not in reached]
        if not reached or (addresses and not elsewhere):
            continue
        nowhere = f"has no address ({clean(name['reason'])})"
        leads = f"leads to {' and '.join(elsewhere)}" if elsewhere else nowhere
        found.append(
            Caution(
                "names",
                f"On {host} {clean(name['name'])} {leads}, and outsiders reach it at {' and '.join(sorted(reached))}.",
                [f"Mend the DNS record of {clean(name['name'])}, or what {host} has for it in /etc/hosts"],
            )
        )
    return found


def _ephemeral(given: frozenset[int], host: str, requirements: t.Iterable[Requirement]) -> list[Caution]:
    """Ports of the table that the kernel gives to anybody (Documentation/networking/ip-sysctl.rst)."""
    rows = [row for row in requirements if row.protocol == "udp" and row.expect == "open" and row.ports & given]
    if not rows:
        return []
    ports = frozenset[int]().union(*(row.ports for row in rows))
    one = "one of them" if len(ports & given) > 1 else "it"
    return [
        Caution(
            "ephemeral",
            f"The kernel of {host} hands {shortened(format_ports(ports & given))}/udp out to any program; now and then "
            f"{one} will be taken when LiveKit wants it.",
            [
                "Keep these ports for LiveKit:",
                *reserve_ports(format_ports(ports)),
            ],
        )
    ]
