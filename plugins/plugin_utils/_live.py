# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What could be proven of a server that runs, and what could not, in plain sentences."""

from __future__ import annotations

import errno
import os
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import parse_requirements
from ansible_collections.plugnmeet.server.plugins.module_utils._stranger import NOBODY
from ansible_collections.plugnmeet.server.plugins.plugin_utils import _sides, _verdict
from ansible_collections.plugnmeet.server.plugins.plugin_utils._cause import cause_of
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.advice import advise
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import FAMILIES
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import shortened

Facts = t.Mapping[str, t.Any]

_REMEDIES = {
    "HTTP": "look at haproxy on the server, and at what is in front of it",
    "TLS": "look at haproxy on the server (systemctl status haproxy), and at its certificate (certbot certificates)",
    "ICE-TCP": "look at LiveKit on the server (journalctl -u plugnmeet)",
    "STUN": "look at the section turn of livekit.yaml, and at LiveKit (journalctl -u plugnmeet)",
}
_BEYOND = {
    "ICE-TCP": "that media comes through it can only be seen in a meeting",
    "STUN": "that it relays can only be seen with a meeting's credentials",
}


class Live(t.NamedTuple):
    """Sentences: what is `proven`, what is `failed`, and what could not be told (`open_questions`)."""

    proven: list[str]
    failed: list[str]
    open_questions: list[str]


def judge_services(prober: str, answers: t.Sequence[Facts]) -> Live:
    """Say what a prober's answers mean. A family in which a service is silent is a question if another one answers.

    From the server itself nothing is proven.
    """
    live = Live([], [], [])
    for alike in _alike(answers):
        one = alike[0]
        names = dict.fromkeys(answer["name"] for answer in alike)
        families = " and ".join(dict.fromkeys(FAMILIES[answer["family"]] for answer in alike if answer["family"]))
        what = f"{one['service']} of {' and '.join(names)} on {one['port']}"
        over = f" over {families}" if families else ""
        if one.get("itself"):
            live.open_questions.append(
                f"{what}{over}, from {prober}: {one['proof'] or one['reason']}; but {prober} has that address itself, "
                "which says nothing of the way from outside. Name a host outside in preflight_probers"
            )
        elif one["proof"]:
            live.proven.append(f"{what}{over}, from {prober}: {one['proof']}")
        elif all(_is_known_otherwise(answer, answers) for answer in alike):
            addresses = " and ".join(dict.fromkeys(answer["address"] for answer in alike))
            live.open_questions.append(
                f"{what}{over}, from {prober}: {one['reason']}; who prefers {families} waits, or fails. "
                f"Let it answer at {addresses}, or take that out of the DNS"
            )
        else:
            live.failed.append(f"{what}{over}, from {prober}: {one['reason']}; {_remedy(one, prober)}")
    for service, beyond in _BEYOND.items():
        if any(answer["proof"] for answer in answers if answer["service"] == service):
            live.open_questions.append(f"{service}: {beyond}")
    return live


def _remedy(answer: Facts, prober: str) -> str:
    """What to do about a service that did not answer: mend the way there first."""
    if not answer["family"]:
        return "mend its DNS records, or give the name by which people reach the server"
    if answer["reason"] == os.strerror(errno.ENETUNREACH):
        return f"give {prober} a way there, or name another host in preflight_probers"
    remedy = _REMEDIES[answer["service"]]
    if answer["reason"] == NOBODY:
        remedy += "; a firewall in front of it is found by plugnmeet.server.preflight"
    return remedy


def judge_media(host: str, address: str, ports: str, started: Facts, stopped: Facts, probes: t.Sequence[Facts]) -> Live:
    """Say what the test of the media ports that nobody holds has come to."""
    live = Live([], [], [])
    target = _sides.read_target(started, stopped)
    (whole,) = parse_requirements([{"name": "media", "protocol": "udp", "ports": ports}])
    held = frozenset(port for protocol, port in target.in_use if protocol == "udp") & whole.ports
    free = whole._replace(ports=whole.ports - held)
    if held:
        holders = sorted({str(target.in_use["udp", port].get("process", "the kernel")) for port in held})
        are, were = ("is", "was") if len(held) == 1 else ("are", "were")
        live.open_questions.append(
            f"{len(held)} of the {len(whole.ports)} media ports {are} held by {' and '.join(holders)} and {were} not "
            f"tested: {shortened(format_ports(held))}/udp"
        )
    if not free.ports:
        return live
    vantages = [
        _sides.read_vantage(str(probe.get("item", "prober")), number, probe, stopped)
        for number, probe in enumerate(probes)
    ]
    for check in _verdict.decide([free], vantages, target._replace(in_use={}), True):
        where = f"over {FAMILIES[check.family]}, from {check.vantage.host}" if check.family else check.vantage.host
        for result in check.results:
            amount = f"{len(result.ports)} of the {len(whole.ports)} media ports"
            if result.state == "open" and not check.vantage.inside:
                live.proven.append(f"{amount}, {where}: open")
                continue
            cause = cause_of(check, result)
            if result.ports == free.ports:  # nobody opens all but those that are held
                cause = cause._replace(ports=(("udp", format_ports(whole.ports)),))
            advice = advise(cause, host, address)
            ends = live.failed if check.verdict == "failed" else live.open_questions
            ends.append(
                f"{amount} ({shortened(format_ports(result.ports))}/udp), {where}: {result.state.replace('_', ' ')}. "
                f"{advice.explanation} {'; '.join(advice.remedy)}"
            )
    return live


def _alike(answers: t.Sequence[Facts]) -> list[list[Facts]]:
    """The answers in groups, each of which is one sentence: the same of several names, and then over both families."""
    by_family: dict[t.Any, list[Facts]] = {}
    for answer in answers:
        known = _is_known_otherwise(answer, answers)
        what = (answer["service"], answer["port"], answer["proof"], answer["reason"], answer.get("itself"), known)
        key = (*what, answer["family"])
        by_family.setdefault(key, []).append(answer)
    groups: dict[t.Any, list[Facts]] = {}
    for key, alike in by_family.items():
        names = tuple(answer["name"] for answer in alike)
        groups.setdefault((*key[:-1], names), []).extend(alike)
    return list(groups.values())


def _is_known_otherwise(answer: Facts, answers: t.Sequence[Facts]) -> bool:
    """Whether the same is proven over another address family."""
    keys = ("service", "name", "port")
    return any(other["proof"] and all(answer[key] == other[key] for key in keys) for other in answers)
