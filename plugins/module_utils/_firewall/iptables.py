# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""iptables' rules, of either kind, from what its save commands print (iptables-save(8), iptables-extensions(8)).

Each line is a rule as one would type it, the target last. What is not understood is UNKNOWN, and never an error.
"""

from __future__ import annotations

import shlex
import typing as t

from . import packet as about
from .packet import IN, OUT, Packet
from .ruleset import (
    ACCEPT,
    CONTINUE,
    DROP,
    GOTO,
    JUMP,
    QUEUE,
    REJECT,
    RETURN,
    TRANSLATE,
    UNCLEAR,
    Base,
    Condition,
    Rule,
    Table,
)
from .truth import NO, UNKNOWN, YES, Truth, bits_of, both, either, negated, so

_HOOKS = {
    "PREROUTING": "prerouting",
    "INPUT": "input",
    "FORWARD": "forward",
    "OUTPUT": "output",
    "POSTROUTING": "postrouting",
}
# As the kernel sorts them (netfilter_ipv4.h); nat comes before filter on the way in and after it on the way out.
_PRIORITIES = {"raw": -300, "mangle": -150, "filter": 0, "security": 50}
_VERDICTS = {
    "ACCEPT": ACCEPT,
    "DROP": DROP,
    "REJECT": REJECT,
    "QUEUE": QUEUE,
    "NFQUEUE": QUEUE,
    "RETURN": RETURN,
    "DNAT": TRANSLATE,
    "REDIRECT": TRANSLATE,
    "NETMAP": TRANSLATE,
    "SNAT": ACCEPT,
    "MASQUERADE": ACCEPT,
    "TARPIT": DROP,
    "": CONTINUE,
}
_PASSING = {
    *("AUDIT", "CHECKSUM", "CLASSIFY", "CONNMARK", "CONNSECMARK", "CT", "DSCP", "ECN", "HL", "LOG", "MARK", "NFLOG"),
    *("NOTRACK", "SECMARK", "SET", "TCPMSS", "TEE", "TOS", "TRACE", "TTL", "ULOG"),
}
# Extensions whose options are known here; `comment` has none that matter.
_KNOWN = {"addrtype", "comment", "conntrack", "iprange", "multiport", "pkttype", "rpfilter", "state", "tcp", "udp"}
# Extensions about what our packets are not or have not: another protocol, IPv6 extension headers
_ABSENT = {"ah", "dccp", "dst", "esp", "frag", "hbh", "icmp", "icmp6", "ipv6header", "mh", "rt", "sctp"}

Option = t.Tuple[bool, str, t.List[str]]  # whether it is negated, its name, its values


def tables(saved: str, tool: str, family: str) -> list[Table]:
    """The tables that one save command printed; `family` is ip or ip6."""
    found: list[Table] = []
    for line in saved.splitlines():
        if line.startswith("*"):
            found.append(Table(tool, family, line[1:].strip(), {}, []))
        elif line.startswith(":") and found:
            _declare(found[-1], line)
        elif line.startswith("-A ") and found:
            _add(found[-1], line)
    return found


def is_incompatible(saved: str) -> bool:
    """Whether there is something in the tables that only nft can print."""
    return "[unsupported" in saved or any(line.startswith("# Table ") for line in saved.splitlines())


def _declare(table: Table, line: str) -> None:
    """`:INPUT DROP [0:0]`, or `:mine - [0:0]`."""
    name, policy = (*line[1:].split(), "", "")[:2]
    table.chains[name] = []
    if name in _HOOKS and policy != "-":
        late = name in ("INPUT", "POSTROUTING")
        priority = _PRIORITIES.get(table.name, 100 if late else -100)
        table.bases.append(
            Base(name, _HOOKS[name], priority, policy.lower(), f"-P {name} {policy}", (), table.name == "nat")
        )


def _add(table: Table, line: str) -> None:
    """`-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT`."""
    try:
        words = shlex.split(line)
    except ValueError:  # a comment with a lonely quote
        words = line.split()
    if len(words) < 2:
        return
    chain = table.chains.setdefault(words[1], [])
    options = _options(words[2:])
    verdict, target, untracks = CONTINUE, "", False
    for dummy, name, values in options:
        if name in ("-j", "-g") and values:
            verdict, target = _verdict(values[0], name == "-g", table)
            untracks = values[0] == "NOTRACK" or (values[0] == "CT" and "--notrack" in words)
            if values[0] == "REDIRECT" and "--to-ports" not in words:
                verdict = ACCEPT  # the port is the same, and so is the server
    conditions = _conditions(options, "ipv6" if table.family == "ip6" else "ipv4")
    chain.append(Rule(_all(conditions), verdict, target, line, len(chain) + 1, untracks=untracks))


def _verdict(target: str, is_goto: bool, table: Table) -> tuple[str, str]:
    if target in table.chains:
        return GOTO if is_goto else JUMP, target
    return CONTINUE if target in _PASSING else _VERDICTS.get(target, UNCLEAR), ""


def _options(words: list[str]) -> list[Option]:
    """The options up to the target; what follows belongs to the target."""
    found: list[Option] = []
    negation = False
    for word in words:
        if found and found[-1][1] in ("-j", "-g") and found[-1][2]:
            break
        if found and found[-1][1] == "--comment" and not found[-1][2]:
            found[-1][2].append(word)  # whatever it looks like
        elif word == "!":
            negation = True
        elif word.startswith("-"):
            found.append((negation, word, []))
            negation = False
        elif found:
            found[-1][2].append(word)
    return found


def _conditions(options: list[Option], family: str) -> list[Condition]:
    found: list[Condition] = []
    module = ""
    for negation, name, values in options:
        if name == "-m":
            module = values[0] if values else ""
            if module in _ABSENT:
                found.append(_never)
            elif module not in _KNOWN:
                found.append(_unknown)
        elif name in ("-j", "-g", "--comment") or (name.startswith("--") and module not in _KNOWN | {""}):
            continue
        else:
            condition = _condition(name, values, family)
            found.append(_negated(condition) if negation else condition)
    return found


def _condition(name: str, values: list[str], family: str) -> Condition:
    """What one option asks; all take one value, but for --tcp-flags and those that take none."""
    try:
        if name in _BARE:
            return _BARE[name]
        if name == "--tcp-flags":
            mask, wanted = (_flags(value) for value in values)
            return lambda packet: about.has_flags(packet, mask, wanted)
        return _ASKED[name](values[0], family)
    except (KeyError, ValueError, IndexError):
        return _unknown


def _flags(text: str) -> set[str]:
    names = {"ALL": "FIN,SYN,RST,PSH,ACK,URG", "NONE": ""}.get(text, text)
    return set(names.lower().split(",")) - {""}


def _protocol(text: str, dummy: str) -> Condition:
    return lambda packet: about.is_protocol(packet, text)


def _interface(direction: str) -> t.Callable[[str, str], Condition]:
    return lambda text, dummy: lambda packet: about.is_interface(packet, direction, text, "+")


def _address(source: bool) -> t.Callable[[str, str], Condition]:
    def ask(text: str, family: str) -> Condition:
        spans = about.spans_of([text], family)
        if spans is None:
            raise ValueError(text)
        return lambda packet: about.has_address(packet, source, spans)

    return ask


def _ports(*sources: bool) -> t.Callable[[str, str], Condition]:
    def ask(text: str, dummy: str) -> Condition:
        ports = bits_of(_range(item) for item in text.split(","))
        return lambda packet: either(about.has_port(packet, source, ports) for source in sources)

    return ask


def _range(text: str) -> tuple[int, int]:
    first, colon, last = text.partition(":")
    return int(first or 0), int(last or 65535) if colon else int(first)


def _any(test: t.Callable[[Packet, str], Truth]) -> t.Callable[[str, str], Condition]:
    """One of several words."""
    return lambda text, dummy: lambda packet: either(test(packet, word) for word in text.split(","))


def _all(conditions: list[Condition]) -> Condition:
    return lambda packet: both(condition(packet) for condition in conditions)


def _negated(condition: Condition) -> Condition:
    return lambda packet: negated(condition(packet))


def _never(dummy: Packet) -> Truth:
    return NO


def _unknown(dummy: Packet) -> Truth:
    return UNKNOWN


_DIRECTIONS = {"ORIGINAL": IN, "REPLY": OUT}
_ASKED: dict[str, t.Callable[[str, str], Condition]] = {
    "-p": _protocol,
    "-s": _address(True),
    "-d": _address(False),
    "--src-range": _address(True),
    "--dst-range": _address(False),
    "-i": _interface(IN),
    "-o": _interface(OUT),
    "--sport": _ports(True),
    "--dport": _ports(False),
    "--sports": _ports(True),
    "--dports": _ports(False),
    "--ports": _ports(True, False),
    "--state": _any(about.has_state),
    "--ctstate": _any(about.has_state),
    "--ctstatus": _any(about.has_status),
    "--ctdir": _any(lambda packet, word: so(packet.direction == _DIRECTIONS.get(word))),
    "--src-type": _any(lambda packet, word: about.has_type(packet, True, word)),
    "--dst-type": _any(lambda packet, word: about.has_type(packet, False, word)),
    "--pkt-type": _any(about.is_for_us),
}
_BARE: dict[str, Condition] = {
    "-f": _never,  # a later piece of a packet
    "--syn": lambda packet: about.has_flags(packet, _flags("FIN,SYN,RST,ACK"), {"syn"}),
    # The way back is there, since the interface was chosen so.
    "--invert": _never,
    "--loose": lambda dummy: YES,
    "--validmark": lambda dummy: YES,
    "--accept-local": lambda dummy: YES,
}
