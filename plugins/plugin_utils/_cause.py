# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Causes: what is to be explained and mended once, however many ports and checks suffer from it."""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports
from ansible_collections.plugnmeet.server.plugins.plugin_utils._verdict import REACHABLE, Check, Result

_Ports = tuple[tuple[str, str], ...]  # protocol and ports

# Of a port that shall be closed: that it is not, or that nobody knows. All others are silent, as they shall be.
_SAYS_SOMETHING = (*REACHABLE, "untested", "port_in_use")


class Cause(t.NamedTuple):
    """A state with what is known of it, and all that it holds of.

    `unseen` says that nothing at all of that vantage and address family reached the target. `ports` are pairs of
    protocol and ports, `names` and `entries` (pairs likewise) the requirements that they belong to, `ends` pairs of
    vantage and address family (None if there was no address), `addresses` those of the target that were asked,
    `sources` those of the vantages as the target sees them, and `last_hops` how far it came. Where the address is not
    the target's, `astray` is what is known of that, and whatever came of asking it is one cause, of which these are the
    `parts`. Where a limit on the way hides ports, which of them is chance: then `ports` are whole entries, `share` says
    how many of how many it is, and `after` how many answers there had been. `expect` is what the ports shall be.
    """

    state: str
    facts: dict[str, t.Any]
    gap: str
    inside: str
    unseen: bool
    ports: _Ports
    names: tuple[str, ...]
    entries: _Ports
    ends: tuple[tuple[str, str | None], ...]
    addresses: tuple[str, ...]
    last_hops: tuple[tuple[tuple[str, str], ...], ...] = ()
    expect: str = "open"
    astray: dict[str, t.Any] | None = None
    parts: tuple[Cause, ...] = ()
    after: tuple[str, ...] = ()
    share: tuple[int, int] = (0, 0)
    sources: tuple[str, ...] = ()


def cause_of(check: Check, result: Result) -> Cause:
    """The cause of one result alone."""
    address = check.vantage.addresses.get(check.family or "")
    limited = "limit" in result.facts
    return Cause(
        state=result.state,
        facts={key: value for key, value in result.facts.items() if key not in ("last_hop", "astray", "after")},
        gap=result.gap,
        inside=check.vantage.inside,
        unseen=bool(address) and check.family not in check.vantage.source,
        ports=((check.requirement.protocol, format_ports(check.requirement.ports if limited else result.ports)),),
        names=(check.requirement.name,),
        entries=((check.requirement.protocol, format_ports(check.requirement.ports)),),
        ends=((check.vantage.host, check.family),),
        addresses=(address,) if address else (),
        expect=check.requirement.expect,
        last_hops=(tuple(sorted(result.facts["last_hop"].items())),) if "last_hop" in result.facts else (),
        astray=result.facts.get("astray"),
        after=(str(result.facts["after"]),) if "after" in result.facts else (),
        share=(len(result.ports), len(check.requirement.ports)) if limited else (0, 0),
        sources=(check.vantage.source[check.family],) if check.family in check.vantage.source else (),
    )


def causes(checks: t.Iterable[Check]) -> list[Cause]:
    """The causes of all that is not as it shall be, each once, in the order of the checks."""
    pairs = [(check, result) for check in checks for result in check.results]
    single = [cause_of(check, result) for check, result in pairs if calls_for_action(check, result)]
    # First what one vantage saw over one address family is put together, then what several saw alike.
    by_end = _merge(single, lambda cause: (cause.ends, cause.addresses))
    return _merge(by_end, lambda cause: (cause.ports, cause.names))


def calls_for_action(check: Check, result: Result) -> bool:
    """Tell whether a result wants an explanation."""
    if check.verdict == "passed":
        return False
    cause = cause_of(check, result)
    if cause.expect == "closed":
        return cause.state in _SAYS_SOMETHING or bool(cause.inside or cause.unseen or cause.gap)
    return cause.state != "open" or bool(cause.inside)


def parts_of(cause: Cause) -> tuple[Cause, ...]:
    """What was put together to a cause that went astray."""
    return cause.parts or (cause,)


def _merge(causes: t.Iterable[Cause], same: t.Callable[[Cause], t.Any]) -> list[Cause]:
    """Put together what is the same in state, facts and `same`, or what went astray alike."""
    merged: dict[str, Cause] = {}
    for cause in causes:
        what = cause.astray or (cause.state, sorted(cause.facts.items()))
        key = repr((what, cause.gap, cause.inside, cause.unseen, cause.expect, same(cause)))
        known = merged.get(key)
        merged[key] = known._replace(
            ports=_union(known.ports, cause.ports),
            names=_union(known.names, cause.names),
            entries=_union(known.entries, cause.entries),
            ends=_union(known.ends, cause.ends),
            addresses=_union(known.addresses, cause.addresses),
            last_hops=_union(known.last_hops, cause.last_hops),
            parts=(*parts_of(known), *parts_of(cause)),
            after=_union(known.after, cause.after),
            share=(known.share[0] + cause.share[0], known.share[1] + cause.share[1]),
            sources=_union(known.sources, cause.sources),
        ) if known else cause  # fmt: skip
    return list(merged.values())


_T = t.TypeVar("_T")


def _union(first: tuple[_T, ...], second: tuple[_T, ...]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys((*first, *second)))
