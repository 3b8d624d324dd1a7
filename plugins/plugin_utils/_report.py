# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The report: one dict for the fact and the file, and a table for the screen."""

from __future__ import annotations

import json
import os
import re
import tempfile
import textwrap
import time
import typing as t
import unicodedata

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import quoted
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports
from ansible_collections.plugnmeet.server.plugins.plugin_utils._cause import (
    Cause,
    calls_for_action,
    cause_of,
    causes,
    parts_of,
)
from ansible_collections.plugnmeet.server.plugins.plugin_utils._firewall import UNKNOWN, Firewall
from ansible_collections.plugnmeet.server.plugins.plugin_utils._picture import picture
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.advice import advise
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import FAMILIES, families
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import listing, shortened
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sides import Vantage
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import Command, in_report
from ansible_collections.plugnmeet.server.plugins.plugin_utils._verdict import REACHABLE, Check, Result, passed
from ansible_collections.plugnmeet.server.plugins.plugin_utils._warnings import Caution

SCHEMA = 1
WIDTH = 79
_MOST_STEPS = 8
_MANY_STRANGERS = 1000
_FILLER = "\uffff"  # the second column of a character that takes two; no text has it of itself
_PIECE = re.compile(f"[^{_FILLER}]{_FILLER}|(?:[^{_FILLER}](?!{_FILLER}))+")

_FROM_INSIDE = "open, not from outside"
_VERDICT_WORDS = {"passed": "open", "failed": "FAILED", "warning": "warning", "inconclusive": "NOT PROVEN"}

_NOT_STOPPED = {
    "not-found": "Not stopped, since {host} has no such unit",
    "no systemd": "Not stopped, since {host} has no systemd",
}

Report = dict[str, t.Any]


def build(
    host: str,
    address: str,
    checks: t.Sequence[Check],
    vantages: t.Sequence[Vantage],
    services: t.Sequence[dict[str, t.Any]],
    seconds: float,
    firewall: Firewall = UNKNOWN,
    strangers: t.Mapping[str, int] | None = None,
) -> Report:
    """Return the report of `host`, known outside as `address`, with `firewall`; `strangers` as the target counted."""
    return {
        "schema": SCHEMA,
        "host": host,
        "address": address,
        "passed": passed(checks),
        "seconds": round(seconds, 1),
        "vantages": [
            {
                "host": vantage.host,
                "outside": vantage.outside,
                "source": vantage.source,
                "address": vantage.addresses,
                # Where one of these differs from the address above it, it is translated on the way (NAT).
                "source_local": vantage.local,
                "source_port": dict(vantage.source_port),
                "address_local": vantage.destination,
            }
            for vantage in vantages
        ],
        "checks": [_check(check, host, address, firewall) for check in checks],
        "services": list(services),
        "strangers": dict(strangers or {}),
    }


def write(report: Report, directory: str) -> str:
    """Write the report to `directory`/HOST.json, for its owner only, and return the path.

    The file is there whole or not at all, and a link in its place is replaced, not followed.
    Raises PreflightError if that is not possible.
    """
    name = f"{report['host'].replace(os.sep, '_')}.json"
    directory = os.path.expanduser(directory)
    path = os.path.join(directory, name)
    try:
        os.makedirs(directory, exist_ok=True)
        handle, beside = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(report, file, indent=2, ensure_ascii=False)
                file.write("\n")
            os.replace(beside, path)
        except BaseException:
            os.unlink(beside)
            raise
    except OSError as error:
        raise PreflightError(
            f'preflight_report_dir "{directory}" cannot be written to: {error.strerror}; name another one'
        ) from error
    return path


def summary(report: Report) -> str:
    """The report in one sentence, counted in entries of the port table."""
    required = list(dict.fromkeys(check["name"] for check in report["checks"] if check["required"]))
    short = {check["name"]: check for check in report["checks"] if check["required"] and check["verdict"] != "passed"}
    if report["passed"]:
        closed = {check["name"] for check in report["checks"] if check["required"] and check["expect"] == "closed"}
        opened = len(required) - len(closed)
        all_of_them = f"all {opened} required entries are" if opened > 1 else "the one required entry is"
        both = [f"{all_of_them} proven open from outside"] if opened else []
        both += [f"{len(closed)} proven closed"] if closed else []
        return f"{report['host']} passed: {listing(both)}"
    if not required:
        why = "no entry of its port table is required" if report["checks"] else "there was no prober to ask"
        return f"{report['host']} did not pass: {why}"
    names = ", ".join(f"{name} ({shortened(check['ports'])}/{check['protocol']})" for name, check in short.items())
    amount = f"{len(short)} of {len(required)} required entries"
    return f"{report['host']} did not pass: {amount} not proven {_proof(short)}: {names}"


def _proof(short: t.Mapping[str, Report]) -> str:
    """What was to be proven of these checks."""
    return " or ".join(sorted({check["expect"] for check in short.values()}, reverse=True))


def render(
    report: Report,
    checks: t.Sequence[Check],
    vantages: t.Sequence[Vantage],
    started: float,
    path: str = "",
    firewall: Firewall = UNKNOWN,
    cautions: t.Sequence[Caution] = (),
) -> str:
    """The table for the screen, at most 80 columns wide; below it what failed, why, and what to do.

    `started` is when the run began, in seconds since the epoch.
    """
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(started))
    lines = ["", *_wrap(f"PLUGNMEET PREFLIGHT of {report['host']} ({report['address']}), {when}", "  ", "")]
    for vantage in vantages:
        lines += _wrap(f"from {vantage.host}{_ends(vantage)}", "    ", "  ")
    lines += ["", *_table(report["checks"]), ""]
    for cause in causes(checks):
        lines += [*_explain(cause, report, firewall), ""]
    for caution in cautions:
        lines += [*_wrap(f"Warning: {caution.explanation}", "  ", ""), *_steps(caution.remedy), ""]
    lines += [*_passed_on(report), *_left_behind(report), *_strangers(report["strangers"])]
    seconds = f"{report['seconds']}\N{NO-BREAK SPACE}s"
    lines += _wrap(f"{summary(report)}. It took {seconds}.{f' Report: {path}' if path else ''}", "")
    return "\n".join([*lines, ""])


def _passed_on(report: Report) -> list[str]:
    """Who stands on the way to open ports, and does no harm."""
    found: dict[tuple[str, str], list[str]] = {}
    for check in report["checks"]:
        for result in check["results"]:
            if result["state"] == "open" and "via" in result:
                who = (f"{result['ports']}/{check['protocol']}", result["via"])
                found.setdefault(who, []).append(FAMILIES[check["family"]])
    return [
        line
        for (port, via), over in found.items()
        for line in _wrap(
            f"{port}, over {listing(list(dict.fromkeys(over)))}: a proxy, {quoted(via)}, passes question and proof on "
            "unchanged.",
            "",
        )
    ]


def _left_behind(report: Report) -> list[str]:
    """What became of the services."""
    lines = [] if report["services"] else ["No service was stopped."]
    back = [service for service in report["services"] if service["was"] == service["now"] == "active"]
    if back:
        longest = max(service.get("down_seconds") or 0 for service in back)
        down = f" for {longest:.1f}\N{NO-BREAK SPACE}s" if longest else ""
        lines += _wrap(f"Stopped{down} for the test, and running again: {listing([row['unit'] for row in back])}.", "")
    for service in report["services"]:
        if service["was"] != service["now"]:
            lines += _wrap(f"{service['unit']} was {service['was']} before, and is {service['now']} now!", "")
            lines += [line for text in service.get("journal", []) for line in _wrap(text, "    ", "  ")]
    for state, why in _NOT_STOPPED.items():
        units = [service["unit"] for service in report["services"] if service["was"] == service["now"] == state]
        lines += _wrap(f"{why.format(host=report['host'])}: {listing(units)}.", "") if units else []
    return lines


def _strangers(counts: t.Mapping[str, int]) -> list[str]:
    """That somebody else was busy at these ports; on the internet a few always are."""
    if sum(counts.values()) < _MANY_STRANGERS:
        return []
    told = listing([f"{count} {what if count > 1 else what[:-1]}" for what, count in counts.items() if count])
    return _wrap(f"Meanwhile strangers came to these ports with {told}. None of them got an answer.", "")


def render_plan(report: Report, vantages: t.Sequence[Vantage], clients: t.Sequence[str] = ()) -> str:
    """What a run would do, for check mode; `clients` are the connections that it would cut off."""
    stop = [service["unit"] for service in report["services"] if service["was"] != service["now"]]
    probers = [vantage["host"] for vantage in report["vantages"]]
    title = f"PLUGNMEET PREFLIGHT of {report['host']} ({report['address']}): check mode, nothing was tested"
    lines = ["", *_wrap(title, "  ", "")]
    lines += _wrap(f"would stop and start again: {listing(stop) or 'nothing'}", "    ", "  ")
    for why in filter(None, (vantage.failure or vantage.unresolved for vantage in vantages)):
        lines += _wrap(f"could not ask: {why}", "    ", "  ")
    if clients:
        who = f"clients (connections: {' and '.join(clients)})"
        lines += _wrap(f"would stop nothing while there are {who}, but with preflight_interrupt: true", "    ", "  ")
    for name in dict.fromkeys(check["name"] for check in report["checks"]):
        check = next(check for check in report["checks"] if check["name"] == name)
        lines += _wrap(f"would ask {check['ports']}/{check['protocol']} ({name}) from {listing(probers)}", "    ", "  ")
    return "\n".join([*lines, ""])


def _check(check: Check, host: str, address: str, firewall: Firewall) -> Report:
    requirement = check.requirement
    return {
        "name": requirement.name,
        "protocol": requirement.protocol,
        "ports": format_ports(requirement.ports),
        "required": requirement.required,
        "speaks": requirement.speaks,
        "purpose": requirement.purpose,
        "expect": requirement.expect,
        "vantage": check.vantage.host,
        "family": check.family,
        "verdict": check.verdict,
        "results": [_result(check, result, host, address, firewall) for result in check.results],
    }


def _result(check: Check, result: Result, host: str, address: str, firewall: Firewall) -> Report:
    shown: Report = {"state": result.state, "ports": format_ports(result.ports), "count": len(result.ports)}
    shown.update((key, value) for key, value in _known(result).items() if key not in shown)
    if calls_for_action(check, result):
        advice = advise(cause_of(check, result), host, address, firewall)
        shown.update(explanation=advice.explanation, **in_report(advice.remedy))
    return shown


def _known(result: Result) -> Report:
    """The facts of a result under the names that the report has for them."""
    facts = dict(result.facts)
    if result.state == "port_in_use":
        if str(facts.get("pid", "")).isdecimal():
            facts["pid"] = int(facts["pid"])
        return {"holder": facts}
    if "offender" in facts:
        facts["from"] = facts.pop("offender")
    return facts


def _ends(vantage: Vantage) -> str:
    """Who asked whom, for each address family."""
    pairs = []
    for family, ip in sorted(vantage.addresses.items()):
        local = vantage.local.get(family)
        source = vantage.source.get(family, local)
        here = _natted(source, local)
        there = _natted(ip, vantage.destination.get(family))
        pairs.append(f"{here} to {there}" if here else f"to {there}")
    colon = ":" if vantage.source or vantage.local else ""
    return f"{colon} {', '.join(pairs)}" if pairs else ""


def _natted(seen: str | None, local: str | None) -> str:
    """An address with, behind NAT, what it is to its owner."""
    return f"{seen} (NAT of {local})" if seen and local and seen != local else seen or ""


def _table(checks: t.Sequence[Report]) -> list[str]:
    rows = [("PORT", "FOR", "NEED", "RESULT")]
    for name in dict.fromkeys(check["name"] for check in checks):
        same = [check for check in checks if check["name"] == name]
        several_vantages = len({check["vantage"] for check in same}) > 1
        for at, group in enumerate(_alike(same)):
            first = group[0]
            where = "" if len(group) == len(same) else f" ({_where(group, several_vantages)})"
            head = (
                f"{first['ports']}/{first['protocol']}".replace(",", ", "),
                _stretched(first["purpose"] or name),
                "required" if first["required"] else "optional",
            )
            rows.append((*(head if at == 0 else ("", "", "")), _stretched(_outcome(first) + where)))
    port = min(max(len(row[0]) for row in rows), 24)
    purpose = min(max(len(row[1]) for row in rows), 24)
    lines = []
    for row in rows:
        cells = [
            _Wrapper(port).wrap(row[0]) or [""],
            _Wrapper(purpose).wrap(row[1]) or [""],
            [row[2]],
            _Wrapper(WIDTH - port - purpose - 8 - 6).wrap(row[3]) or [""],
        ]
        for number in range(max(map(len, cells))):
            texts = [cell[number] if number < len(cell) else "" for cell in cells]
            lines.append(f"{texts[0]:{port}}  {texts[1]:{purpose}}  {texts[2]:8}  {texts[3]}".rstrip())
    return [line.replace(_FILLER, "") for line in lines]


def _outcome(check: Report) -> str:
    """A check in a few words: what is not open, and of how much."""
    word = _VERDICT_WORDS[check["verdict"]]
    if check["expect"] == "closed":
        return _outcome_of_closed(check)
    closed = [result for result in check["results"] if result["state"] != "open"]
    if not closed:
        return word if check["verdict"] == "passed" else f"{word}: {_FROM_INSIDE}"
    states = dict.fromkeys(result["state"].replace("_", " ") for result in closed)
    count = sum(result["count"] for result in check["results"])
    amount = sum(result["count"] for result in closed)
    some = f" ({amount} of {count})" if amount < count else ""
    return f"{word}: {', '.join(states)}{some}"


def _outcome_of_closed(check: Report) -> str:
    """The same of ports that shall be closed."""
    if check["verdict"] == "passed":
        return "closed"
    reachable = sum(result["count"] for result in check["results"] if result["state"] in REACHABLE)
    count = sum(result["count"] for result in check["results"])
    some = f" ({reachable} of {count})" if reachable < count else ""
    return f"{_VERDICT_WORDS[check['verdict']]}{f': reachable{some}' if reachable else ''}"


def _alike(checks: t.Iterable[Report]) -> list[list[Report]]:
    """Group checks of one requirement that came to the same, wherever they were asked from."""
    groups: dict[str, list[Report]] = {}
    for check in checks:
        results = [(result["state"], result["ports"]) for result in check["results"]]
        groups.setdefault(repr((check["name"], check["verdict"], results)), []).append(check)
    return list(groups.values())


def _where(group: t.Sequence[Report], several_vantages: bool) -> str:
    over = listing(list(dict.fromkeys(filter(None, (FAMILIES[check["family"]] for check in group)))))
    hosts = listing(list(dict.fromkeys(check["vantage"] for check in group)))
    return " ".join(filter(None, (over, f"from {hosts}" if several_vantages else "")))


def _explain(cause: Cause, report: Report, firewall: Firewall) -> list[str]:
    advice = advise(cause, report["host"], report["address"], firewall)
    everything = {(check["protocol"], check["ports"]) for check in report["checks"]}
    # Where the address is wrong, it is so for all ports of an entry, whatever came of each.
    port_sets = cause.entries if cause.astray else cause.ports
    named = listing([f"{shortened(ports)}/{protocol}" for protocol, ports in port_sets])
    ports = "every port" if everything <= {*port_sets} and len(port_sets) > 1 else named
    share = "{} of {} times ".format(*cause.share) if any(cause.share) else ""
    vantages = listing(list(dict.fromkeys(vantage for vantage, dummy in cause.ends)))
    over = f", over {families(cause)}" if families(cause) else ""
    lines = _wrap(f"{ports}{over}, from {vantages}: {share}{_headline(cause)}", "")
    if cause.expect == "open":
        lines += [line for text in picture(cause, report["host"]) for line in _wrap(text, "    ", "  ")]
    lines += _wrap(advice.explanation, "  ")
    return lines + _steps(advice.remedy)


def _steps(remedy: t.Sequence[str]) -> list[str]:
    """What to do; a remedy of many steps has only its first ones."""
    lines: list[str] = []
    for step in remedy[:_MOST_STEPS]:
        # A command is there to be copied, and so is neither marked nor wrapped.
        lines += [f"     {step}"] if isinstance(step, Command) else _wrap(f"-> {step}", "     ", "  ")
    if len(remedy) > _MOST_STEPS:
        lines += _wrap(f"-> and {len(remedy) - _MOST_STEPS} more, which the report has", "     ", "  ")
    return lines


def _headline(cause: Cause) -> str:
    if cause.state == cause.expect == "open":
        return _FROM_INSIDE
    if cause.expect == "open":
        return listing(list(dict.fromkeys(part.state.replace("_", " ") for part in parts_of(cause))))
    return "reachable, and shall not be" if cause.state in REACHABLE else "not proven closed"


def _wrap(text: str, indent: str, first: str | None = None) -> list[str]:
    wrapper = _Wrapper(
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
    return [line.replace("\N{NO-BREAK SPACE}", " ").replace(_FILLER, "") for line in wrapper.wrap(_stretched(text))]


def _stretched(text: str) -> str:
    """`text` as long as it is wide on a terminal, where Chinese characters, for one, take two columns (UAX 11)."""
    return "".join(letter + _FILLER if unicodedata.east_asian_width(letter) in "FW" else letter for letter in text)


class _Wrapper(textwrap.TextWrapper):
    """Wraps what is stretched: a line may end between any two wide characters, and never within one."""

    def _split(self, text: str) -> list[str]:
        return [piece for chunk in super()._split(text) for piece in _PIECE.findall(chunk)]
