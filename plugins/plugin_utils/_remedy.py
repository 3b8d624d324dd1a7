# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""From a cause to what happened and what to do about it, in plain sentences."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import quoted
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, read_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._probe import icmp
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.sweep import TIME_OVER
from ansible_collections.plugnmeet.server.plugins.plugin_utils._allow import allow, guess, spread
from ansible_collections.plugnmeet.server.plugins.plugin_utils._cause import Cause
from ansible_collections.plugnmeet.server.plugins.plugin_utils._cloud import commands as cloud_commands
from ansible_collections.plugnmeet.server.plugins.plugin_utils._cloud import firewall_of
from ansible_collections.plugnmeet.server.plugins.plugin_utils._exposure import explain_exposure
from ansible_collections.plugnmeet.server.plugins.plugin_utils._firewall import UNKNOWN, Firewall, Rule
from ansible_collections.plugnmeet.server.plugins.plugin_utils._sentence import listing, shortened
from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import Command, ServerCommand, reserve_ports, word
from ansible_collections.plugnmeet.server.plugins.plugin_utils._wrong_address import about_astray

FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6", None: ""}

# The unit of a container, if systemd is what Docker has for its control groups; short ids will do.
_DOCKER_SCOPE = re.compile(r"docker-([0-9a-f]{12})[0-9a-f]*\.scope")

_RUN_AGAIN = ["Run it again, with a longer preflight_ttl if the time was over"]

# What a prober can tell of the target itself, even if it does not stand for the internet
_ON_THE_TARGET = ("port_in_use", "blocked_on_host", "rejected_on_host")

# Where rules of the target's own that translate a port explain what came of it
_AFTER_TRANSLATION = ("blocked_on_host", "rejected_on_host", "wrong_server", "intercepted")

# What the kernel says of an answer that it has no way for, and not of one that a rule stops (ip-route(8))
_NO_WAY_BACK = (
    *("Invalid argument", "Network is unreachable", "Network unreachable", "No route to host", "Host is unreachable"),
    "Permission denied",
)

_MOST_RULES = 2  # in a sentence
_NOBODY_LISTENS = "So does another machine that it is forwarded to, on which nobody listens, and some firewalls."


class Advice(t.NamedTuple):
    """Why ports are not open, and the steps that mend it; those that are commands are of that type."""

    explanation: str
    remedy: list[str]


def advise(cause: Cause, host: str, address: str, firewall: Firewall = UNKNOWN) -> Advice:
    """Explain `cause` on `host`, which outsiders know as `address` and which has `firewall`."""
    words = _Words(cause, host, address, firewall)
    if cause.expect == "closed":
        return Advice(*explain_exposure(cause, host, words.ports, words.vantages, words.ips))
    explain, remedies = _ADVICE[cause.state]
    if cause.inside and cause.state not in _ON_THE_TARGET:
        explain, remedies = _seen_from_inside, _name_another_vantage
    if cause.astray:
        return Advice(*about_astray(cause, words.host, words.address))
    if cause.state in _AFTER_TRANSLATION and words.translated():
        explain, remedies = _translated, _leave_untranslated
    if cause.gap:
        unplaced = f"No proof came back; where it was lost is not known, because {cause.gap}."
        if "preflight_ttl" in cause.gap:
            return Advice(unplaced, _RUN_AGAIN)
        if cause.state == "blocked_upstream" and words.stopped_by_rules():
            return Advice(f"{unplaced} But {host}'s own firewall would stop it. {_by(words)}", _open_on_host(words))
        return Advice(unplaced, remedies(words))
    return Advice(explain(words), remedies(words))


def families(cause: Cause) -> str:
    """The address families of `cause`, as a sentence has them; empty if there was no address."""
    return listing(list(dict.fromkeys(filter(None, (FAMILIES[family] for dummy, family in cause.ends)))))


class _Words:
    """What the sentences are made of."""

    def __init__(self, cause: Cause, host: str, address: str, firewall: Firewall) -> None:
        self.firewall = firewall
        self.family_names = list(dict.fromkeys(family for dummy, family in cause.ends if family))
        self.facts = cause.facts
        self.after = listing(cause.after)
        self.inside = cause.inside
        self.unseen = cause.unseen
        self.last_hops = [dict(hop) for hop in cause.last_hops]
        self.host = host
        self.address = address
        self.has_family = cause.ends[0][1] is not None
        self.vantages = listing(list(dict.fromkeys(vantage for vantage, dummy in cause.ends)))
        self.families = families(cause)
        self.ips = listing(cause.addresses) or address
        self.addresses = cause.addresses
        self.ports = listing([f"{shortened(ports)}/{protocol}" for protocol, ports in cause.ports])
        self.port_sets = cause.ports
        self.entries = cause.entries
        self.sources = cause.sources

    def rules(self, outward: bool) -> list[Rule]:
        """The server's own rules that stop these ports, or the answers from them."""
        return [
            rule
            for rule in self.firewall.rules
            if rule.outward == outward
            and rule.family in self.family_names
            and any(rule.protocol == protocol and rule.ports & read_ports(ports) for protocol, ports in self.port_sets)
        ]

    def translated(self) -> bool:
        """Tell whether it is rules of the server's own that translate these ports, and no others."""
        rules = self.rules(outward=False)
        return bool(rules) and all(rule.translates for rule in rules)

    def unexplained(self) -> bool:
        """Tell whether the server's rules are known, and none of them stops these ports."""
        return self.firewall.known and not self.rules(outward=False)

    def to_open(self, outward: bool = False) -> list[tuple[str, str]]:
        """The ports for commands: the whole entry where chance chose some of it, or they are in too many pieces."""
        limits = [rule for rule in self.rules(outward) if rule.limits]
        found = []
        for protocol, ports in self.port_sets:
            these = read_ports(ports)
            chance = any(rule.protocol == protocol and rule.ports & these for rule in limits)
            found.append((protocol, self._entry(protocol, ports) if chance or spread(these) else ports))
        return found

    def _entry(self, protocol: str, ports: str) -> str:
        """All of the entries of the table that some ports are of."""
        entries = [read_ports(entry) for over, entry in self.entries if over == protocol]
        return format_ports(read_ports(ports).union(*(entry for entry in entries if entry & read_ports(ports))))

    def stopped_by_rules(self) -> bool:
        """Tell whether it is certain that rules of the server's own would stop all of these ports."""
        rules = [rule for rule in self.rules(outward=False) if rule.certain]
        return all(
            read_ports(ports)
            <= frozenset().union(*(rule.ports for rule in rules if (rule.protocol, rule.family) == (protocol, family)))
            for protocol, ports in self.port_sets
            for family in self.family_names
        )

    def fact(self, name: str, otherwise: str = "") -> str:
        return str(self.facts.get(name) or otherwise)


_Explain = t.Callable[[_Words], str]
_Remedies = t.Callable[[_Words], list[str]]


def _seen_from_inside(words: _Words) -> str:
    return f"{words.inside}." if words.inside else "It is open."


def _name_another_vantage(words: _Words) -> list[str]:
    if not words.inside:
        return []
    return [
        f"Name a host outside {words.host}'s network in preflight_probers",
        "Or, if that network is all that the server is for: preflight_vantage_check: false",
    ]


def _port_in_use(words: _Words) -> str:
    unit = f", unit {words.fact('unit')}" if words.fact("unit") else ""
    holder = f"{words.fact('process')} (process {words.fact('pid')}{unit})" if words.fact("pid") else "the kernel"
    why = ", as a port that the system picked for it" if words.fact("ephemeral") else ""
    return f"On {words.host} {holder} holds it{why}, so nothing could be tested there."


def _free_the_port(words: _Words) -> list[str]:
    unit = words.fact("unit")
    if words.fact("ephemeral"):
        return _reserve_the_ports(words, unit)
    if unit == "plugnmeet.service":
        return ["Name plugnmeet in preflight_services, and what else is to be stopped for the test"]
    container = _DOCKER_SCOPE.fullmatch(unit)
    if container:
        end: list[str] = [ServerCommand(f"docker stop {container[1]}")]
    elif words.fact("process") == "docker-proxy":  # its unit is all of Docker
        publish = "".join(f" --filter publish={port}" for dummy, ports in words.port_sets for port in ports.split(","))
        return [
            f"Stop the container on {words.host} that publishes {words.ports}, or let it publish another port:",
            Command(f"docker ps{publish}"),
        ]
    elif unit.endswith(".service"):
        end = [ServerCommand(f"systemctl disable --now {word(unit)}")]
    else:
        return [f"End what holds {words.ports} on {words.host}, or make it use another port"]
    keep = [] if container else [f"If it is part of plugNmeet: {_let_it_be_stopped(unit)}"]
    return [f"If {words.host} does not need it:", *end, *keep]


def _let_it_be_stopped(unit: str) -> str:
    """How the test is told to stop a unit, too; preflight_services replaces the default."""
    name = unit.removesuffix(".service")
    if name == "haproxy":
        return "name haproxy in preflight_services, and what else is to be stopped for the test"
    return f"stop it for the test with preflight_services=plugnmeet,haproxy,{name}"


def _reserve_the_ports(words: _Words, unit: str) -> list[str]:
    if unit.endswith(".service"):
        again: list[str] = ["Then let it have another port:", ServerCommand(f"systemctl restart {word(unit)}")]
    else:
        again = [f"Then restart {words.fact('process', 'what holds it')}, or wait until it has ended"]
    return [
        "Keep these ports for the media server, so that the system hands them out to nobody else:",
        *reserve_ports(",".join(ports for dummy, ports in words.entries)),
        *again,
    ]


def _intercepted(words: _Words) -> str:
    if words.fact("to"):
        port = words.fact("to")
        where = f"port {port}: the port is" if port.isdecimal() else f"ports {shortened(port)}: the ports are"
        return f"It arrived at {words.host} on {where} translated on the way."
    if words.fact("via") and not words.fact("what"):
        return f"The answer came back from {words.fact('via')}, which was not asked; browsers drop such answers."
    if words.fact("what") == "nothing":
        return (
            f"The connection reached {words.host}, but nothing that was said in it: something on the way looks into it."
        )
    return (
        f"It reached {words.host}, but what came back was {_answer(words)}: something on the way answers in its place."
    )


def _wrong_server(words: _Words) -> str:
    who = f"Somebody else answered at {words.ips} in the place of {words.host}, with {_answer(words)}."
    hint = {
        "redirect": "Let's Encrypt would follow that, and look for its proof there.",
        "portal": f"So does a captive portal or a filter in the network of {words.vantages}.",
        "proxy": "So does a proxy, a CDN or a load balancer that stands between.",
        "certificate": "So does a firewall that looks into TLS, a CDN, or another web server.",
    }.get(words.fact("kind"))
    return f"{who} {hint}" if hint else who


def _answer(words: _Words) -> str:
    """What came back, and of whom."""
    certificate = words.facts.get("certificate")
    if certificate:
        whom = "itself" if _is_self_signed(certificate) else quoted(certificate["subject"])
        issuer = quoted(certificate["issuer"])
        return f"a certificate that {issuer} issued for {whom}, valid until {certificate['expires']}"
    server = f" from {quoted(words.fact('server'))}" if words.fact("server") else ""
    via = f", via {quoted(words.fact('via'))}" if words.fact("via") else ""
    return f"{words.fact('what', 'something else')}{server}{via}"


def _is_self_signed(certificate: t.Mapping[str, str]) -> bool:
    return certificate["issuer"] == certificate["subject"]


def _out_of_the_way(words: _Words) -> list[str]:
    """What to do about who answers in the server's place, by how it answers."""
    elsewhere = f"or probe from a host in another network than that of {words.vantages} (preflight_probers)"
    return {
        "redirect": [
            f"Let what stands in front of {words.host} pass {words.ports} on, at the least /.well-known/acme-challenge/"
        ],
        "portal": [f"Sign in to the network of {words.vantages}, {elsewhere}"],
        "proxy": [f"Take the proxy or CDN in front of {words.address} out of the way of {words.ports}, {elsewhere}"],
        "certificate": [f"Where a firewall looks into TLS: let it leave {words.address} alone, {elsewhere}"],
    }.get(words.fact("kind"), [])


def _lead_to_host(words: _Words) -> list[str]:
    name = f"Make {words.address} lead to {words.host}: check its DNS records"
    router = _forward_to_host(words)
    certificate = words.facts.get("certificate")
    # Who looks into TLS has an authority of its own, and does so with any name.
    last = [router, name] if certificate and not _is_self_signed(certificate) else [name, router]
    return [*_out_of_the_way(words), *last]


def _forward_to_host(words: _Words) -> str:
    return f"If a router has {words.ips}: forward {words.ports} to {words.host}"


def _forward_unchanged(words: _Words) -> list[str]:
    step = f"Forward {words.ports} to {words.host} unchanged, port by port, with nothing in between"
    return [*_out_of_the_way(words), step]


def _return_blocked(words: _Words) -> str:
    if words.fact("where") == "beyond":
        return (
            f"{words.host} got the question, and its answer left the network card, but never came back to "
            f"{words.vantages}."
        )
    reason = words.fact("reason", "it never got to the network card")
    if reason in _NO_WAY_BACK:
        return f"{words.host} got the question, but has no way for its answer back to {words.vantages}: {reason}."
    stopped = f"its answer was stopped on {words.host} itself: {reason}."
    return f"{words.host} got the question, but {stopped} {_by(words, outward=True)}".rstrip()


def _let_answers_out(words: _Words) -> list[str]:
    if words.fact("where") == "beyond":
        return [
            f"In the firewall in front of {words.host}, allow outgoing packets from source ports {words.ports}",
            "A stateless firewall needs a rule of its own for the way back",
        ]
    if words.fact("reason") in _NO_WAY_BACK:
        return [f"Mend the routes on {words.host}, which has none to {words.vantages}:", *_ways_back(words)]
    known = _commands(words, outward=True)
    return known or [f"In {words.host}'s own firewall, allow outgoing packets from source ports {words.ports}"]


def _blocked_upstream(words: _Words) -> str:
    return " ".join(
        filter(
            None,
            (
                f"Nothing of it reached {words.host}'s network card, and nothing came back.",
                _how_far(words),
                _instead(words),
                _off_by_one(words),
            ),
        )
    )


def _how_far(words: _Words) -> str:
    """How far questions came, as far as routers told; empty if none did."""
    hops = [hop for hop in words.last_hops if hop.get("router")]
    if hops:
        routers = listing(list(dict.fromkeys(hop["router"] for hop in hops)))
        behind = list(dict.fromkeys(hop["next"] for hop in hops if hop.get("next")))
        not_to = f", and not to {listing(behind)} behind it" if behind else ""
        return f"It got as far as {routers}, {_place(words, hops[0])}{not_to}."
    return ""


def _instead(words: _Words) -> str:
    """That TCP gets through to UDP ports, if it does."""
    ports = _open_for_tcp(words)
    return f"But TCP does get through to {ports}." if ports else ""


def _off_by_one(words: _Words) -> str:
    """That just the ends of a range are missing, where that is so."""
    for (dummy, ports), (protocol, entry) in zip(words.port_sets, words.entries, strict=False):
        missing, whole = read_ports(ports), read_ports(entry)
        if len(whole) > 2 and missing <= {min(whole), max(whole)}:
            return f"That is how a rule for {entry}/{protocol} looks that is off by one."
    return ""


def _open_for_tcp(words: _Words) -> str:
    """The whole entries of UDP ports of which one was found to be open for TCP.

    Where a part of an entry is open, its rule is for the right protocol, and where a rule that stops UDP is known,
    there is no need to guess.
    """
    if any(not rule.policy for rule in words.rules(outward=False)):
        return ""
    found = {int(hop["port"]) for hop in words.last_hops if hop.get("instead")}
    udp = [ports for protocol, ports in words.port_sets if protocol == "udp" and (protocol, ports) in words.entries]
    return listing([shortened(ports) for ports in udp if found & read_ports(ports)])


def _made_for_the_wrong_protocol(words: _Words) -> list[str]:
    ports = _open_for_tcp(words)
    return [f"If there is a rule for {ports}: it must be for UDP, not for TCP"] if ports else []


def _place(words: _Words, hop: t.Mapping[str, str]) -> str:
    """Where on the way a router is."""
    number, end = hop["hop"], hop.get("of")
    if (number, end) == ("1", "2"):
        return f"the only router between {words.vantages} and {words.host}"
    if number == "1":
        return f"the first router after {words.vantages}"
    if end and number == str(int(end) - 1):
        return f"the last router before {words.host}"
    return f"router {number} on the way from {words.vantages}{f', of {int(end) - 1}' if end else ''}"


def _rejected_upstream(words: _Words) -> str:
    who = words.fact("offender", "A device on the way")
    if words.fact("by") in icmp.NEIGHBOUR_MISSING:
        return f"{who} finds nobody at {words.ips}: {words.host} is down, or does not have that address."
    refused = f"{who} refuses it with {words.fact('by')}, and nothing of it reached {words.host}'s network card."
    return f"{refused} {_NOBODY_LISTENS}" if _is_a_machines_refusal(words) else refused


def _is_a_machines_refusal(words: _Words) -> bool:
    """Tell whether it was refused under the target's address, in the way of a machine on which nobody listens."""
    offender = words.fact("offender")
    return words.fact("by") in ("TCP reset", "ICMP port unreachable") and (not offender or offender in words.addresses)


def _open_upstream(words: _Words) -> list[str]:
    if words.fact("by") in icmp.NEIGHBOUR_MISSING:
        return [
            f"Give {words.host} the address {words.ips}, or correct its DNS records, or preflight_address",
            *([_drop_family(words)] if len(words.addresses) == 1 else []),
        ]
    offender = words.fact("offender")
    known = offender and offender not in words.addresses
    where = f"the firewall at {offender}" if known else f"the firewall in front of {words.host}"
    cloud = firewall_of(words.firewall.cloud)
    examples = cloud or "the provider's security group or network firewall, or the router"
    steps = [
        f"Open {words.ports} to {words.ips} in {where} ({examples})",
        *([] if known else cloud_commands(words.firewall.cloud, words.to_open())),
        *_made_for_the_wrong_protocol(words),
        *([_forward_to_host(words)] if _is_a_machines_refusal(words) else []),
    ]
    if words.unseen:  # then it may be that the packets went somewhere else
        steps.append(f"If {words.host} is not at {words.ips}: correct its DNS records, or preflight_address")
        if len(words.addresses) == 1:
            steps.append(_drop_family(words))
    return steps


def _drop_family(words: _Words) -> str:
    return f"If {words.host} shall not be reached over {words.families}: take {words.ips} out of its name"


def _blocked_on_host(words: _Words) -> str:
    reached = f"It reached {words.host}'s network card, and"
    if words.fact("where") == "ingress":
        place = f"{reached} was dropped there, before {words.host}'s own firewall: at the ingress hook"
        by = _by(words)
        return f"{place}. {by}" if by else f"{place} (tc, or nftables)."
    if words.unexplained():
        dropped = f"{reached} went no further. No rule of {words.host}'s own firewall was found that stops it."
    else:
        dropped = f"{reached} {words.host}'s own firewall dropped it."
    return " ".join(filter(None, (dropped, _by(words), _instead(words), _off_by_one(words))))


def _rejected_on_host(words: _Words) -> str:
    refused = f"{words.host} itself refused it with {words.fact('by')}."
    reached = f"It reached {words.host}'s network card, and {refused}"
    return " ".join(filter(None, (reached, _by(words), _off_by_one(words))))


def _by(words: _Words, outward: bool = False) -> str:
    """Which rule of the server's own stops it, if that is known."""
    found: dict[str, list[str]] = {}
    for rule in words.rules(outward):
        kind = "the policy" if rule.policy else "a limit, the rule" if rule.limits else "the rule"
        seems = "" if rule.certain else " (as it seems)"
        found.setdefault(f"{kind} {quoted(rule.rule)} of chain {rule.chain} in table {rule.table}{seems}", []).append(
            rule.before
        )
    told = []
    for text, befores in list(found.items())[:_MOST_RULES]:
        behind = list(dict.fromkeys(filter(None, befores)))[:_MOST_RULES]
        told.append(f"{text}, which stands before {listing(list(map(quoted, behind)))}" if behind else text)
    chance = (
        " Chance decides which ports such a limit stops." if any(rule.limits for rule in words.rules(outward)) else ""
    )
    return f"That is {'; '.join(told)}.{chance}" if told else ""


def _translated(words: _Words) -> str:
    """That it is the server itself that sends it to another port or address."""
    if words.fact("by"):
        result = f"It came to nothing there: {words.fact('by')}."
    elif words.fact("to"):
        result = f"It arrived at port {shortened(words.fact('to'))}."
    elif words.fact("what") or words.facts.get("certificate"):
        result = f"What came back was {_answer(words)}."
    else:
        result = "Nothing came back from there."
    sent = f"{words.host} itself sends what comes to {words.ports} to another port or address."
    return f"{sent} {_by(words)} {result}"


def _leave_untranslated(words: _Words) -> list[str]:
    return _commands(words, outward=False) or [f"Take the rule away that translates {words.ports} on {words.host}"]


def _open_on_host(words: _Words) -> list[str]:
    known = _commands(words, outward=False)
    if words.fact("where") == "ingress":
        look = [
            f"On {words.host}, let incoming {words.ports} pass there; what is there:",
            Command("nft list ruleset netdev"),
            Command("tc filter show dev eth0 ingress"),
        ]
        return known if any(rule.hook == "ingress" for rule in words.rules(outward=False)) else look
    if words.unexplained():
        return [*_look_around(words), *_made_for_the_wrong_protocol(words)]
    if not known:
        known = [
            f"In {words.host}'s own firewall, allow incoming {words.ports}. With ufw:",
            *guess(words.to_open()),
        ]
    return [*known, *_made_for_the_wrong_protocol(words)]


def _commands(words: _Words, outward: bool) -> list[str]:
    """What to do in the server's own packet filter, empty if it is not known."""
    rules = words.rules(outward)
    return allow(words.host, words.firewall, rules, words.to_open(outward))


def _look_around(words: _Words) -> list[str]:
    """Where to look on a server of which no rule explains it."""
    return [
        f"On {words.host}, look for what stops it: at all rules, the way back to {words.vantages}, and rp_filter:",
        Command("nft list ruleset"),
        *_ways_back(words),
        Command("sysctl -a -r '\\.rp_filter'"),
    ]


def _ways_back(words: _Words) -> list[str]:
    return [Command(f"ip route get {source}") for source in words.sources or ("PROBER",)]


def _untested(words: _Words) -> str:
    if words.fact("limit"):
        return _limited(words)
    if words.fact("where") == "near":
        return (
            f"Something in the network of {words.vantages} answered in {words.host}'s place, with "
            f"{words.fact('by') or _answer(words)}: it is the first hop after {words.vantages}, and {words.host} is "
            "farther away."
        )
    if not words.has_family:
        return f"{words.fact('reason', 'It was not asked')}."
    if words.fact("visit") not in ("", "browser"):
        return f"Over {words.families} {words.fact('reason')}."
    return f"{words.vantages} could not ask over {words.families}: {words.fact('reason')}."


def _limited(words: _Words) -> str:
    """Why the silence of ports proves nothing; `limit` says what there are no more of."""
    where = f"on {words.host}" if words.fact("where") == "target" else "on the way"
    if words.fact("limit") == "flows":
        what = f"no new connection got through, not even to ports known to be open: a connection table {where} is full"
    else:
        what = f"nothing got through, not even to ports known to be open: something {where} shuts {words.vantages} out"
    return f"After {words.after} answers {what}. Whether these ports are open is not known."


def _make_room(words: _Words) -> list[str]:
    on_host = words.fact("where") == "target"
    place = words.host if on_host else f"the router or firewall in front of {words.host} or of {words.vantages}"
    elsewhere = "Or run it again in some minutes, or from a host in another network (preflight_probers)"
    if words.fact("limit") != "flows":
        return [
            f"Let {words.vantages} ask all of it on {place} (protection against scans or floods)",
            f"{elsewhere}, or slower: preflight_pace: 200, preflight_ttl: 600",
        ]
    steps = [f"Raise the number of connections that {place} can hold; this test makes one for each port"]
    return [*steps, *([ServerCommand("sysctl -w net.netfilter.nf_conntrack_max=65536")] if on_host else []), elsewhere]


def _ask_from_elsewhere(words: _Words) -> list[str]:
    if words.fact("limit"):
        return _make_room(words)
    if words.fact("where") == "near":
        first = [f"Sign in to the network of {words.vantages}"] if words.fact("kind") == "portal" else []
        other = "robe from a host in another network (preflight_probers)"
        return [*first, f"Or p{other}" if first else f"P{other}"]
    if "preflight_ttl" in words.fact("reason"):
        return _RUN_AGAIN
    if words.fact("prober"):
        return [f"Make it work for Ansible (ansible -m ping {words.vantages}), or name another in preflight_probers"]
    if words.fact("visit") and words.fact("route") != "none":
        return [f"Run it again, and open the page in a current browser outside {words.host}'s network"]
    return _mend_the_way(words)


def _mend_the_way(words: _Words) -> list[str]:
    if not words.has_family:
        return ["Mend the name, or give the one that outsiders use as preflight_address"]
    if words.fact("reason").startswith(TIME_OVER):
        busy = f"{words.vantages} and {words.host} have"
        return [f"Run it again when {busy} less to do, or from another host (preflight_probers)"]
    steps = [f"Mend this on {words.vantages}, or probe from a host that can (preflight_probers)"]
    return [*steps, _drop_family(words)] if words.fact("route") == "none" else steps


_ADVICE: dict[str, tuple[_Explain, _Remedies]] = {
    "open": (_seen_from_inside, _name_another_vantage),
    "port_in_use": (_port_in_use, _free_the_port),
    "intercepted": (_intercepted, _forward_unchanged),
    "wrong_server": (_wrong_server, _lead_to_host),
    "return_blocked": (_return_blocked, _let_answers_out),
    "rejected_on_host": (_rejected_on_host, _open_on_host),
    "rejected_upstream": (_rejected_upstream, _open_upstream),
    "blocked_on_host": (_blocked_on_host, _open_on_host),
    "untested": (_untested, _ask_from_elsewhere),
    "blocked_upstream": (_blocked_upstream, _open_upstream),
}
