# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Visitors as witnesses: who of those that came has something to say, and what that is worth beside the record.

A browser's word that a port answered counts where the listener has the question on record, too.
"""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils import _evidence as saw
from ansible_collections.plugnmeet.server.plugins.module_utils._addresses import family_of
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import Evidence, Observation
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, read_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.plugin_utils._remedy.words import FAMILIES
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import listing, shortened
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sides import clean

NETCAT = "netcat"
_NETCAT_VANTAGE = 99

Facts = t.Mapping[str, t.Any]
Rows = list[dict[str, t.Any]]

_NO_FAMILY = "the visitor's network has none"
_NO_WAY = "nothing of the visitor arrived over it, whose network may have none that works"
_NOT_ASKED = "it did not come to that, or not often enough to be sure"
_ARRIVED = "it arrived, and the browser did not confirm the way back"
_LEFT = "the visitor left before the end"
_TYPED = "what was typed into netcat arrived, and the way back was not tested"
_NOT_TYPED = "nobody tried it with netcat"
_ODD = "its result is not what this version's page makes; use one version"


class _Told(t.NamedTuple):
    """The ports of which a browser says something, over one family and protocol."""

    asked: frozenset[int] = frozenset()
    answered: frozenset[int] = frozenset()
    limited: frozenset[int] = frozenset()  # silent, as were ports that had answered before


def finished(visitors: t.Iterable[Facts]) -> Rows:
    """The visitors who told their result."""
    return [dict(visitor) for visitor in visitors if isinstance(visitor.get("result"), dict)]


def conclusive(visitors: t.Iterable[Facts], families: t.Iterable[str], table: t.Sequence[Requirement]) -> Rows:
    """Those of them whose result settles whether the server's required ports are open."""
    return [visitor for visitor in finished(visitors) if not unsettled(visitor, families, table)]


def unsettled(visitor: Facts, families: t.Iterable[str], table: t.Sequence[Requirement]) -> str:
    """Why the result of a visitor who finished settles nothing, empty if it does.

    It does where each required port was asked, and where one was silent: then the others make no difference. What a
    limit on the way may have kept back is as good as not asked. A family that the visitor's network does not have is
    left to the report: to wait would bring nobody else.
    """
    result = _result(visitor)
    if result.get("trouble"):
        return clean(result["trouble"])
    left = []
    for protocol in saw.PROTOCOLS:
        required = frozenset[int]().union(*(row.ports for row in table if row.required and row.protocol == protocol))
        for family in [each for each in families if _has(result, each)] or families:
            about = _told(result, family, protocol)
            if required & about.asked - about.answered:
                return ""
            if required - about.asked:
                left.append(f"{shortened(format_ports(required - about.asked))}/{protocol} over {FAMILIES[family]}")
    return f"it did not ask {listing(left)}, or not often enough to be sure" if left else ""


def name(visitor: Facts) -> str:
    """A visitor as the report has it: `browser 198.51.100.2, Chrome on Windows`."""
    where = " and ".join(clean(address) for address in visitor.get("addresses") or [])
    result = visitor.get("result")
    agent = clean(result.get("agent"))[:60] if isinstance(result, dict) else ""
    return f"browser {where}".strip() + (f", {agent}" if agent else "")


def witnesses(visit: Facts, addresses: dict[str, str], why: str, table: t.Sequence[Requirement]) -> Rows:
    """Return who shall be heard of those in `visit`, as P(port_verdict)'s probes: the best there are.

    That is whose result settles the matter; without any who else finished, then who left half-way, then who used
    netcat; and `why` nobody came.
    """
    visitors = visit.get("visitors") or []
    heard = conclusive(visitors, addresses, table) or finished(visitors) or list(visitors)
    names: dict[str, int] = {}
    rows = []
    for visitor in heard:
        text = name(visitor)
        names[text] = names.get(text, 0) + 1
        source = {family_of(ip): ip for ip in map(clean, visitor.get("addresses") or [])}
        rows.append(
            {
                "item": text if names[text] == 1 else f"{text} ({names[text]})",
                "visitor": clean(visitor["visitor"]),
                "vantage": int(visitor["vantage"]),
                "addresses": addresses,
                "source": source,
            }
        )
    if not rows:
        typed = sorted({clean(text["address"]) for text in visit.get("texts") or []})
        kind = {"item": f"netcat {', '.join(typed)}", "visitor": NETCAT} if typed else {"item": "nobody", "visitor": ""}
        rows = [{**kind, "vantage": _NETCAT_VANTAGE, "addresses": addresses, "why": why}]
    return rows


def hear(probes: Rows, stopped: Facts, requirements: t.Iterable[Requirement]) -> tuple[Rows, Facts]:
    """Give each probe that is a visitor its evidence; return the probes, and the listener's result beside them.

    What the listener has of a port that the visitor says nothing of tells that questions arrived, and not that answers
    were lost: it is taken out. Whose result no page makes is one who could not ask.
    """
    table = list(requirements)
    spoken_of: dict[t.Any, dict[tuple[str, str], _Told]] = {}
    heard = []
    for probe in probes:
        if "visitor" not in probe:
            heard.append(probe)
            continue
        visitor = next((each for each in _list(stopped.get("visitors")) if each.get("visitor") == probe["visitor"]), {})
        told, record = _result(visitor), Evidence.from_list(stopped.get("evidence") or [])
        spoken_of[probe["vantage"]] = {
            (family, protocol): _certain(told, record, probe, family, protocol)
            for family in probe["addresses"]
            for protocol in saw.PROTOCOLS
        }
        heard.append({**_NOTHING, **probe, "evidence": _evidence(probe, told, record, stopped, table).to_list()})
    if not spoken_of:
        return heard, stopped
    evidence = []
    for row in _list(stopped.get("evidence")):
        ports = read_ports(str(row.get("ports") or ""))
        if row.get("vantage") in spoken_of:
            about = spoken_of[row["vantage"]].get((str(row.get("family")), str(row.get("protocol"))), _Told())
            # What a limit silenced and arrived all the same says that the limit is on the target. A few are only late.
            arrived = ports & about.limited if row.get("seen") == saw.ARRIVED else frozenset()
            ports = ports & about.asked | (arrived if 2 * len(arrived) > len(about.limited) else frozenset())
        evidence.append({**row, "ports": format_ports(ports)})
    return heard, {**stopped, "evidence": evidence}


_NOTHING: dict[str, t.Any] = {"unresolved": "", "local": {}, "source": {}, "destination": {}, "certificates": {}}


def _evidence(probe: Facts, told: t.Any, record: Evidence, stopped: Facts, table: t.Iterable[Requirement]) -> Evidence:
    evidence = Evidence()
    for row in table:
        for family in probe["addresses"]:
            received = record.all(saw.RECEIVED, row.protocol, family, probe["vantage"])

            def note(seen: str, ports: t.AbstractSet[int], **about: str) -> None:
                observation = Observation(seen, row.protocol, family, probe["vantage"], saw.detail(**about))  # noqa: B023
                evidence.ports(observation).update(ports & row.ports)  # noqa: B023

            if isinstance(told, dict):
                asked, answered, limited = _certain(told, record, probe, family, row.protocol)
                none = _no_family(told, record, probe, family)
                if none:
                    asked = limited = frozenset()
                note(saw.OPEN, answered & received)
                note(saw.MOVED, answered - received, to=format_ports(received) or "nothing")
                note(saw.LIMITED, limited, limit="flows", after=str(len(answered)), visit="browser")
                reason = clean(told.get("trouble")) or none or _NOT_ASKED
                route = {"route": "none"} if none and not told.get("trouble") else {}
                note(saw.UNSENT, row.ports - asked - limited, reason=reason, visit="browser", **route)
            elif probe["visitor"] == NETCAT:
                typed = _typed(stopped, row.protocol, family)
                note(saw.UNSENT, typed, reason=_TYPED, visit=NETCAT)
                note(saw.UNSENT, row.ports - typed, reason=_NOT_TYPED, visit=NETCAT)
            elif probe["visitor"]:
                note(saw.UNSENT, received, reason=_ARRIVED, visit="left")
                note(saw.UNSENT, row.ports - received, reason=_LEFT, visit="left")
            else:
                note(saw.UNSENT, row.ports, reason=clean(probe.get("why")), visit="nobody")
    return evidence


def _no_family(told: Facts, record: Evidence, probe: Facts, family: str) -> str:
    """Why a visitor's network is taken to have no `family`; empty if it has.

    A browser may ask without a route, or over one that leads nowhere, and not know it. Where nothing arrived over one
    family, and something over another, that is as likely as a firewall that lets nothing of the family through.
    """

    def came(over: str) -> bool:
        kinds = ((seen, protocol) for seen in (saw.ARRIVED, saw.RECEIVED) for protocol in saw.PROTOCOLS)
        return any(record.all(seen, protocol, over, probe["vantage"]) for seen, protocol in kinds)

    if not _has(told, family):
        return _NO_FAMILY
    if came(family) or any(_told(told, family, protocol).answered for protocol in saw.PROTOCOLS):
        return ""
    return _NO_WAY if any(came(other) for other in probe["addresses"] if other != family) else ""


def _certain(told: t.Any, record: Evidence, probe: Facts, family: str, protocol: str) -> _Told:
    """The ports of which a browser's word says something.

    Over TCP the answer goes back by the connection that brought the question. If the browser did not count it, it was
    too late, and no firewall's rule is the reason: the port is as good as not asked.
    """
    about = _told(told if isinstance(told, dict) else {}, family, protocol)
    if protocol == "tcp":
        late = record.all(saw.ANSWERED, protocol, family, probe["vantage"]) - about.answered
        return about._replace(asked=about.asked - late)
    return about


def _has(result: Facts, family: str) -> bool:
    """Tell whether a browser asked anything over a family."""
    said = [_told(result, family, protocol) for protocol in saw.PROTOCOLS]
    return any(each.asked or each.limited for each in said)


def _result(visitor: Facts) -> t.Any:
    """What a visitor told at the end; of what no page makes only that."""
    result = visitor.get("result")
    try:
        for family in saw.FAMILIES:
            for protocol in saw.PROTOCOLS:
                _told(result or {}, family, protocol)
    except (AttributeError, PreflightError):
        return {"trouble": _ODD}
    return result


def _told(result: Facts, family: str, protocol: str) -> _Told:
    """What a browser says."""
    told = (result.get("families") or {}).get(family, {}).get(protocol, {})
    asked, answered, limited = (read_ports(str(told.get(key) or "")) for key in ("asked", "open", "limited"))
    limited -= answered
    return _Told(asked - limited, answered, limited)


def _typed(stopped: Facts, protocol: str, family: str) -> set[int]:
    return {
        int(text["port"])
        for text in _list(stopped.get("texts"))
        if text.get("protocol") == protocol and family_of(clean(text.get("address"))) == family
    }


def _list(value: t.Any) -> Rows:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
