# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The commands that let ports through the server's own packet filter, each for whoever manages it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, read_ports
from ansible_collections.plugnmeet.server.plugins.plugin_utils._firewall import Firewall, Rule
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import listing
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import Command, ServerCommand

MOST_SPREAD = 20  # spans; of a set in more pieces than that nobody wants the commands
_MOST_SPANS = 5  # in a command: multiport and ufw take 15 numbers, and a line of the screen holds five spans

# ufw's chains that hold the user's own rules, and all that come to a packet after these
_UFW_USERS_OWN = re.compile(r"ufw6?-user-(?:input|limit|limit-accept)")
_UFW_LATER = re.compile(r"ufw6?-(?:after-input|after-logging-input|reject-input|skip-to-policy-input|track-input)")
_FAIL2BAN = "f2b-"
_UFW_USER_RULE = re.compile(r"-A ufw6?-user-input ")
# Chains of a zone of firewalld that come before the one for ports, and the priority of a rich rule before them
# (firewalld.richlanguage(5)); _log has no rules that stop anything.
_FIREWALLD_EARLY = {"_deny": -1, "_pre": -32768}
_FIREWALLD_POLICY = re.compile(r"(?:filter_)?IN_policy_(.+?)(?:_(?:pre|log|deny|allow|post))?")

_DOCKER_COMES_BACK = (
    "And stop the container that publishes the port (docker ps shows it), or let it publish another one: what Docker "
    "translates comes back with it"
)
_TRANSLATION_COMES_BACK = "And take the rule that translates the port away where it is kept, or it comes back"

_KEEP_IPTABLES = "And, to keep it after a reboot: netfilter-persistent save (package iptables-persistent)"
_COMES_BACK = "And take the rule that stops it away where it is made, or it comes back"

PortSets = t.Iterable[tuple[str, str]]  # protocol and ports
_Wanted = dict[str, frozenset[int]]  # ports by protocol
_Groups = list[tuple[str, list[str]]]  # protocol and spans, as many as a command takes


class _Place(t.NamedTuple):
    """A chain in one address family: what is let in before the first of its `rules` is before the others, too.

    `groups` are the ports that these rules stop, and no others.
    """

    rules: list[Rule]
    groups: _Groups

    @property
    def first(self) -> Rule:
        """The first of the rules."""
        return min(self.rules, key=lambda rule: (rule.policy, rule.position))


def allow(host: str, firewall: Firewall, rules: t.Sequence[Rule], port_sets: PortSets) -> list[str]:
    """The steps on `host` that let questions to `port_sets` in; empty if nobody is known to be in charge there.

    `rules` are those that stop them. Each is dealt with where it stands, by whoever manages it. If these stop the
    answers, the steps let those out.
    """
    wanted = _wanted(port_sets)
    steps = []
    bans = [rule for rule in rules if rule.chain.startswith(_FAIL2BAN) and rule.sources]
    if bans:
        banned = dict.fromkeys(source for rule in bans for source in rule.sources)
        steps += [
            f"On {host}, where fail2ban keeps {listing(list(banned))} out:",
            *(ServerCommand(f"fail2ban-client unban {source}") for source in banned),
        ]
    for manager in dict.fromkeys(rule.manager for rule in rules if rule not in bans):
        own = [rule for rule in rules if rule.manager == manager and rule not in bans]
        done = _steps(manager, own, wanted, firewall.in_force)
        charge = "is in charge" if manager == firewall.in_force else f"has rules beside {firewall.in_force}"
        steps += [f"On {host}, where {manager} {charge}:", *done] if done else []
    return steps


def guess(port_sets: PortSets) -> list[str]:
    """What lets questions to `port_sets` in where ufw is in charge, for a server of which nothing is known."""
    return list(map(Command, _ufw_rules(_Place([], _groups(_wanted(port_sets))))))


def _wanted(port_sets: PortSets) -> _Wanted:
    wanted: _Wanted = {}
    for protocol, ports in port_sets:
        wanted[protocol] = wanted.get(protocol, frozenset()) | read_ports(ports)
    return wanted


def _steps(manager: str, rules: t.Sequence[Rule], wanted: _Wanted, in_force: str) -> list[str]:
    if manager == "ufw":
        return _ufw(rules, wanted)
    if manager == "firewalld":
        return _firewalld(rules, wanted)
    if manager.startswith("iptables"):
        # Debian's ufw breaks that package: to install it would remove ufw.
        make, lasting = _iptables, _COMES_BACK if in_force == "ufw" else _KEEP_IPTABLES
    elif manager == "nftables":
        make, lasting = _nftables, "And the same in /etc/nftables.conf, to last"
    else:
        return []
    commands = _commands(make, rules, wanted)
    plain = [] if all(rule.translates for rule in rules) else [lasting]
    return [*commands, *plain, *_what_comes_back(rules)] if commands else []


def _what_comes_back(rules: t.Sequence[Rule]) -> list[str]:
    """What is to be done about rules that translate, for to let something past them is not what anybody wants."""
    hints = [
        _DOCKER_COMES_BACK if rule.chain == "DOCKER" else _TRANSLATION_COMES_BACK for rule in rules if rule.translates
    ]
    return list(dict.fromkeys(hints))


def _commands(make: t.Callable[[_Place], list[str]], rules: t.Sequence[Rule], wanted: _Wanted) -> list[str]:
    """The commands for each place, each once, for one may be for both address families."""
    return list(dict.fromkeys(ServerCommand(line) for place in _places(rules, wanted) for line in make(place)))


def _places(rules: t.Sequence[Rule], wanted: _Wanted) -> list[_Place]:
    """The chains in which ports are stopped."""
    chains: dict[tuple[str, str, str], list[Rule]] = {}
    for rule in rules:
        chains.setdefault((rule.table, rule.chain, rule.family), []).append(rule)
    return [_Place(own, _groups(_stopped(own, wanted))) for own in chains.values()]


def _stopped(rules: t.Sequence[Rule], wanted: _Wanted) -> _Wanted:
    """Of the ports that are wanted those that `rules` stop, or all of a protocol if these are too widely spread."""
    found: _Wanted = {}
    for protocol, ports in wanted.items():
        here = ports & frozenset().union(*(rule.ports for rule in rules if rule.protocol == protocol))
        if here:
            found[protocol] = ports if spread(here) else here
    return found


def spread(ports: t.Iterable[int]) -> bool:
    """Tell whether a set of ports is in too many pieces for commands."""
    return len(format_ports(ports).split(",")) > MOST_SPREAD


def _groups(wanted: _Wanted) -> _Groups:
    """The ports of each protocol as spans, as many at a time as a command takes."""
    return [
        (protocol, spans[at : at + _MOST_SPANS])
        for protocol, ports in wanted.items()
        for spans in (format_ports(ports).split(","),)
        for at in range(0, len(spans), _MOST_SPANS)
    ]


def _ufw(rules: t.Sequence[Rule], wanted: _Wanted) -> list[str]:
    """By ufw what it has power over; what stands before the user's rules, or lets no answer out, is met there."""
    users = [rule for rule in rules if _is_for_ufw(rule)]
    others = [rule for rule in rules if rule not in users and not rule.policy and rule.chain.startswith("ufw")]
    steps = [*_undo_settings(rules), *_commands(_ufw_rules, users, wanted)]
    if not others:
        return steps
    files = dict.fromkeys(_ufw_file(rule) for rule in others)
    keep = f"And if the rule is in {' or '.join(files)}: take it out there, or it comes back"
    return [*steps, *_commands(_iptables, others, wanted), keep]


def _undo_settings(rules: t.Sequence[Rule]) -> list[str]:
    settings = list(dict.fromkeys(rule.setting for rule in rules if rule.setting))
    if not settings:
        return []
    return [
        f"Undo {listing(settings)}, by which it stops all of IPv6:",
        ServerCommand("sed -i 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw"),
        ServerCommand("ufw reload"),
    ]


def _is_for_ufw(rule: Rule) -> bool:
    inward = not rule.outward and rule.hook != "ingress"
    late = (
        rule.policy
        or not rule.chain.startswith("ufw")
        or _UFW_USERS_OWN.fullmatch(rule.chain)
        or _UFW_LATER.fullmatch(rule.chain)
    )
    return inward and bool(late)


def _ufw_file(rule: Rule) -> str:
    """Where ufw keeps the rules that it does not make itself (ufw-framework(8))."""
    name = "after" if "-after-" in rule.chain else "before"
    return f"/etc/ufw/{name}{'6' if rule.family == 'ipv6' else ''}.rules"


def _ufw_rules(place: _Place) -> list[str]:
    """At the end of the user's own rules, or before the one of these that stops them.

    ufw puts nothing before a rule for the same ports, wherever that stands; but it makes that allow what it denied.
    """
    own = any(_UFW_USERS_OWN.fullmatch(rule.chain) for rule in place.rules)
    behind = any(_UFW_USER_RULE.match(rule.before) for rule in place.rules)
    verbs = (*(["delete allow"] if own and behind else []), *(["prepend allow"] if own else []), "allow")
    return [f"ufw {verb} {_colons(spans)}/{protocol}" for protocol, spans in place.groups for verb in verbs]


def _firewalld(rules: t.Sequence[Rule], wanted: _Wanted) -> list[str]:
    """In the zone that stops them: as ports, or by rich rules before those that come before its ports."""
    inward = [rule for rule in rules if not rule.outward and rule.hook != "ingress"]
    forwarded = [rule for rule in inward if rule.translates]
    early = [rule for rule in inward if rule not in forwarded and _priority(rule) is not None]
    late = [rule for rule in inward if rule not in forwarded and rule not in early]
    steps = _commands(_rich_rules, early, wanted)
    for zone in dict.fromkeys(map(_zone, late)):
        groups = _groups(_stopped([rule for rule in late if _zone(rule) == zone], wanted))
        ports = " ".join(f"--add-port={span}/{protocol}" for protocol, spans in groups for span in spans)
        steps.append(ServerCommand(f"firewall-cmd --permanent{zone} {ports}"))
    steps += [ServerCommand("firewall-cmd --reload")] if steps else []
    for zone in dict.fromkeys(map(_zone, early)):
        steps += [
            "And remove the rule that stops it, if nobody needs it:",
            Command(f"firewall-cmd{zone} --list-rich-rules"),
        ]
    if forwarded:
        steps += [
            "Remove the forwarding of the port (--remove-forward-port):",
            Command("firewall-cmd --list-all-zones"),
        ]
    return steps


def _priority(rule: Rule) -> int | None:
    return next((found for end, found in _FIREWALLD_EARLY.items() if rule.chain.endswith(end)), None)


def _zone(rule: Rule) -> str:
    """The zone, or the policy, which may come before all that is in a zone (firewalld.policies(5))."""
    policy = _FIREWALLD_POLICY.fullmatch(rule.chain)
    if policy:
        return f" --policy={policy[1]}"
    return f" --zone={rule.zone}" if rule.zone else ""


def _rich_rules(place: _Place) -> list[str]:
    about = f'rule priority="{_priority(place.first)}" family="{place.first.family}"'
    command = f"firewall-cmd --permanent{_zone(place.first)} --add-rich-rule="
    return [
        f"""{command}'{about} port port="{span}" protocol="{protocol}" accept'"""
        for protocol, spans in place.groups
        for span in spans
    ]


def _iptables(place: _Place) -> list[str]:
    """In front of the rule that stops them; the tool of the family whose rule it is."""
    rule = place.first
    tool = "iptables" if rule.family == "ipv4" else "ip6tables"
    tool += "-legacy" if rule.manager == "iptables-legacy" else ""
    where = f"-A {rule.chain}" if rule.policy else f"-I {rule.chain} {rule.position}"
    table = "" if rule.table == "filter" else f" -t {rule.table}"
    end = "sport" if rule.outward else "dport"
    return [
        f"{tool}{table} {where} -p {protocol} {match} -j ACCEPT"
        for protocol, spans in place.groups
        for match in (f"--{end} {_colons(spans)}" if len(spans) == 1 else f"-m multiport --{end}s {_colons(spans)}",)
    ]


def _nftables(place: _Place) -> list[str]:
    rule = place.first
    verb, where = ("add", "") if rule.policy else ("insert", f" position {rule.handle}")
    end = "sport" if rule.outward else "dport"
    chain = f"{rule.table} {rule.chain}"
    return [f"nft {verb} rule {chain}{where} {protocol} {end} {_set(spans)} accept" for protocol, spans in place.groups]


def _colons(spans: t.Sequence[str]) -> str:
    return ",".join(span.replace("-", ":") for span in spans)


def _set(spans: t.Sequence[str]) -> str:
    return spans[0] if len(spans) == 1 else "{ " + ", ".join(spans) + " }"
