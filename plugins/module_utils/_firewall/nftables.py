# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""nftables' rules, from what `nft --json list ruleset` prints (libnftables-json(5)).

What is not understood is UNKNOWN, and never an error. How a rule is written comes from `nft --handle list ruleset`,
because the JSON has it in pieces only.
"""

from __future__ import annotations

import re
import socket
import typing as t

from . import packet as about
from .packet import IN, OUT, Packet
from .ruleset import (
    ACCEPT,
    CONTINUE,
    DROP,
    GOTO,
    JUMP,
    NFTABLES,
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

Json = t.Any
Elements = t.Callable[[Json], t.List[Json]]  # of a set, by its name or as it is
Compare = t.Callable[[t.List[Json]], Condition]  # the field has one of these values


class Field(t.NamedTuple):
    """Something that a rule can ask of a packet, which must be one of a kind to be asked that at all (`guard`)."""

    guard: Condition
    compare: Compare


# Statements that change nothing in the way of a packet
_PASSING = frozenset(
    ("counter", "log", "mangle", "notrack", "dup", "flow", "last", "secmark", "ct helper", "ct timeout", "comment")
)
_VERDICTS = {
    "accept": ACCEPT,
    "drop": DROP,
    "reject": REJECT,
    "queue": QUEUE,
    "return": RETURN,
    "continue": CONTINUE,
    "jump": JUMP,
    "goto": GOTO,
    "dnat": TRANSLATE,
    "redirect": TRANSLATE,
    "tproxy": UNCLEAR,
    "synproxy": UNCLEAR,
    "fwd": UNCLEAR,
    "snat": ACCEPT,
    "masquerade": ACCEPT,
}
_TARGETS = {"REJECT": REJECT, "DROP": DROP, "NFQUEUE": QUEUE, "DNAT": TRANSLATE, "LOG": CONTINUE}
_FAMILIES = {"ipv4": "ipv4", "2": "ipv4", "ip": "ipv4", "ipv6": "ipv6", "10": "ipv6", "ip6": "ipv6"}
_HEADERS = {"ip": "ipv4", "ip6": "ipv6"}
_OTHER_PROTOCOLS = frozenset(("icmp", "icmpv6", "igmp", "sctp", "dccp", "udplite", "ah", "esp", "comp", "arp"))
_RAW_PORTS = {("th", 0, 16): True, ("th", 16, 16): False}  # base, offset, length: whether it is the source's

# What comes of something that another version of nft says
_ODD = (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError)

_TABLE = re.compile(r"table (\S+) (\S+) \{")
_CHAIN = re.compile(r"chain (\S+) \{")
_DEVICES = re.compile(r"hook \S+ devices? (?:= )?(.*?) priority")
_HANDLE = re.compile(r"(.*?)\s+# handle ([0-9]+)")


def tables(ruleset: Json, listing: str) -> list[Table]:
    """All tables of the families that a server's packets come through."""
    found: dict[tuple[str, str], Table] = {}
    sets: dict[tuple[str, str, str], list[Json]] = {}
    texts = _texts(listing)
    entries = [(kind, body) for entry in ruleset["nftables"] for kind, body in entry.items()]
    for kind, body in entries:
        if kind == "table":
            found[body["family"], body["name"]] = Table(NFTABLES, body["family"], body["name"], {}, [])
        elif kind in ("set", "map"):
            sets[body["family"], body["table"], body["name"]] = body.get("elem", [])
    for kind, body in entries:
        if kind not in ("chain", "rule"):
            continue
        family, name = where = body["family"], body["table"]
        if kind == "chain":
            found[where].chains[body["name"]] = []
            if "hook" in body:
                found[where].bases.append(_base(body, texts.get((family, name, body["name"]), "")))
            continue
        chain = found[where].chains[body["chain"]]
        text = texts.get((family, name, body["handle"]), f"handle {body['handle']}")
        position = chain[-1].position + 1 if chain else 1
        try:
            chain += _rules(body, text, position, _elements_of(sets, family, name))
        except _ODD:
            chain.append(Rule(_unknown, UNCLEAR, "", text, position, body["handle"]))
    return list(found.values())


def _texts(listing: str) -> dict[tuple[str, str, t.Any], str]:
    """How rules are written, by family, table and handle; and base chains, by family, table and name."""
    found: dict[tuple[str, str, t.Any], str] = {}
    family = table = chain = ""
    for line in map(str.strip, listing.splitlines()):
        opening, inner, rule = _TABLE.match(line), _CHAIN.match(line), _HANDLE.fullmatch(line)
        if opening:
            family, table = opening.group(1), opening.group(2)
        elif inner:
            chain = inner.group(1)
        elif line.startswith("type ") and " hook " in line:
            found[family, table, chain] = line
        elif rule:
            found[family, table, int(rule.group(2))] = rule.group(1)
    return found


def _elements_of(sets: dict[tuple[str, str, str], list[Json]], family: str, table: str) -> Elements:
    def elements(value: Json) -> list[Json]:
        if isinstance(value, str) and value.startswith("@"):
            return sets[family, table, value[1:]]
        if isinstance(value, dict) and "set" in value:
            inner = value["set"]
            return list(inner) if isinstance(inner, list) else [inner]
        return list(value) if isinstance(value, list) else [value]

    return elements


def _base(body: Json, text: str) -> Base:
    devices = body.get("dev") or _devices(text)
    return Base(
        chain=body["name"],
        hook=body["hook"],
        priority=int(body["prio"]),
        policy=body.get("policy", ACCEPT),
        text=text or f"policy {body.get('policy', ACCEPT)}",
        devices=(devices,) if isinstance(devices, str) else tuple(devices),
        translates=body.get("type") == "nat",
    )


def _devices(text: str) -> list[str]:
    """`device "eth0"` or `devices = { eth0, eth1 }`, which older versions leave out of the JSON."""
    match = _DEVICES.search(text)
    return re.findall(r'[^"{},\s]+', match.group(1)) if match else []


def _rules(body: Json, text: str, position: int, elements: Elements) -> list[Rule]:
    """A rule; one that ends in a verdict map becomes one for each of its elements."""
    conditions: list[Condition] = []
    ends: list[tuple[Condition, str, str]] = []
    opaque = False
    untracks = any("notrack" in statement for statement in body["expr"])
    for statement in body["expr"]:
        ((kind, value),) = statement.items()
        if kind == "match":
            conditions.append(_match(value, elements))
        elif kind == "vmap":
            ends = _branches(value, elements)
        elif kind in _VERDICTS:
            ends = [(_asks(kind, value), *_verdict(statement))]
        elif kind == "xt" and value and value.get("type") == "target":
            ends = [(_always, _TARGETS.get(value["name"], UNCLEAR), "")]
        elif kind not in _PASSING and not (kind == "set" and "stmt" not in value):
            conditions.append(_unknown)
            opaque = opaque or kind == "xt"
    if not ends:
        ends = [(_always, UNCLEAR if opaque else CONTINUE, "")]
    return [
        Rule(_all([*conditions, condition]), verdict, target, text, position, body["handle"], untracks)
        for condition, verdict, target in ends
    ]


def _verdict(statement: Json) -> tuple[str, str]:
    ((kind, value),) = statement.items()
    if kind == "redirect" and not (isinstance(value, dict) and "port" in value):
        return ACCEPT, ""  # the port is the same, and so is the server
    return _VERDICTS[kind], value["target"] if kind in ("jump", "goto") else ""


def _asks(kind: str, body: Json) -> Condition:
    """What a verdict itself says of the packet."""
    if kind == "reject":
        return _rejected(body)
    if kind in ("dnat", "redirect") and isinstance(body, dict) and any(map(_is_map, body.values())):
        return _unknown  # what is not in the map is not translated
    return _always


def _is_map(value: Json) -> bool:
    return isinstance(value, dict) and "map" in value


def _rejected(body: Json) -> Condition:
    """What a kind of answer says of the packet, because nft then leaves it out of the rule."""
    kind = body.get("type") if isinstance(body, dict) else None
    if kind == "tcp reset":
        return lambda packet: about.is_protocol(packet, "tcp")
    family = {"icmp": "ipv4", "icmpv6": "ipv6"}.get(kind or "")
    return (lambda packet: about.is_family(packet, family)) if family else _always


def _branches(vmap: Json, elements: Elements) -> list[tuple[Condition, str, str]]:
    """A verdict map; its element for all other keys comes last."""
    field = _field(vmap["key"])
    pairs = [(_bare(key), verdict) for key, verdict in elements(vmap["data"])]
    pairs.sort(key=lambda pair: pair[0] == "*")
    return [(_asked(field, [key], "=="), *_verdict(verdict)) for key, verdict in pairs]


def _match(body: Json, elements: Elements) -> Condition:
    try:
        left, operator = body["left"], body["op"]
        values = [_bare(value) for value in elements(body["right"])]
        if _is_flags(left):
            return _flags(left, values, operator)
        return _asked(_field(left), values, operator)
    except _ODD:
        return _unknown


def _bare(element: Json) -> Json:
    """An element of a set without its time-out, counter or comment."""
    return element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element


def _asked(field: Field | None, values: list[Json], operator: str) -> Condition:
    if field is None:
        return _unknown
    if operator in ("<", ">", "<=", ">="):
        limit = int(values[0])
        below = {"<": [0, limit - 1], "<=": [0, limit], ">": [limit + 1, 65535], ">=": [limit, 65535]}
        values = [{"range": below[operator]}]
    if "*" in values:  # an element for all that no other one is about
        compare: Condition = _always
    else:
        compare = field.compare(values)
    if operator == "!=":
        return _all([field.guard, lambda packet: negated(compare(packet))])
    return _all([field.guard, compare])


def _field(left: Json) -> Field | None:
    """What stands on the left of a match, None for what is not known here."""
    ((kind, body),) = left.items()
    known = {"meta": _meta, "payload": _payload, "ct": _ct, "fib": _fib, "exthdr": _exthdr, "concat": _concat}
    return known[kind](body) if kind in known else None


def _meta(body: Json) -> Field | None:
    compare = {
        "l4proto": lambda packet, value: about.is_protocol(packet, str(value)),
        "nfproto": lambda packet, value: about.is_family(packet, _FAMILIES.get(str(value), "")),
        "protocol": lambda packet, value: about.is_family(packet, _FAMILIES.get(str(value), "")),
        "iifname": lambda packet, value: about.is_interface(packet, IN, str(value), "*"),
        "iif": lambda packet, value: about.is_interface(packet, IN, str(value), "*"),
        "oifname": lambda packet, value: about.is_interface(packet, OUT, str(value), "*"),
        "oif": lambda packet, value: about.is_interface(packet, OUT, str(value), "*"),
        "pkttype": lambda packet, value: about.is_for_us(packet, str(value)),
    }.get(body["key"])
    return Field(_always, _each(compare)) if compare else None


def _payload(body: Json) -> Field | None:
    header, name = body.get("protocol", ""), body.get("field", "")
    raw = _RAW_PORTS.get((body.get("base"), body.get("offset"), body.get("len")))
    if raw is not None:
        return Field(_always, _ports(raw))
    if header in ("tcp", "udp", "th"):
        guard: Condition = _always if header == "th" else lambda packet: about.is_protocol(packet, header)
        return Field(guard, _ports(name == "sport") if name in ("sport", "dport") else _never_told)
    if header in _HEADERS:
        return Field(lambda packet: about.is_family(packet, _HEADERS[header]), _ip_field(_HEADERS[header], name))
    return Field(_never, _never_told) if header in _OTHER_PROTOCOLS else None


def _ip_field(family: str, name: str) -> Compare:
    if name in ("saddr", "daddr"):
        return _addresses(family, name == "saddr")
    if name in ("protocol", "nexthdr"):
        return _each(lambda packet, value: about.is_protocol(packet, str(value)))
    return _never_told


def _ct(body: Json) -> Field | None:
    directions = {"original": IN, "0": IN, "reply": OUT, "1": OUT}
    compare = {
        "state": lambda packet, value: about.has_state(packet, str(value)),
        "status": lambda packet, value: about.has_status(packet, str(value)),
        "direction": lambda packet, value: so(packet.direction == directions.get(str(value))),
    }.get(body["key"])
    return Field(_always, _each(compare)) if compare else None


def _fib(body: Json) -> Field | None:
    """The kind of an address, and whether there is a way back: there is, since the interface was chosen so."""
    source = "saddr" in body["flags"]
    if body["result"] == "type":
        return Field(_always, _each(lambda packet, value: about.has_type(packet, source, str(value))))
    if source:
        return Field(_always, _each(lambda dummy, value: so(value) if isinstance(value, bool) else UNKNOWN))
    return None


def _exthdr(body: Json) -> Field:
    """IPv6 extension headers: there are none."""
    return Field(_never, _never_told) if "field" in body else Field(_always, _each(lambda dummy, value: so(not value)))


def _concat(parts: Json) -> Field | None:
    known = [field for field in map(_field, parts) if field is not None]
    if len(known) < len(parts):
        return None

    def compare(values: list[Json]) -> Condition:
        rows = [_all([field.compare([_bare(part)]) for field, part in zip(known, value["concat"])]) for value in values]
        return lambda packet: either(row(packet) for row in rows)

    return Field(_all([field.guard for field in known]), compare)


def _is_flags(left: Json) -> bool:
    inner = left["&"][0] if "&" in left else left
    return bool(inner.get("payload", {}).get("protocol") == "tcp" and inner["payload"].get("field") == "flags")


def _flags(left: Json, values: list[Json], operator: str) -> Condition:
    """TCP flags: `tcp flags syn` (any of them), or `tcp flags & (fin | syn) == syn` (just these)."""
    wanted = _names(values)
    mask = _names([left["&"][1]]) if "&" in left else None

    def compare(packet: Packet) -> Truth:
        if mask is not None:
            return about.has_flags(packet, mask, wanted)
        return about.has_some_flag(packet, wanted) if operator == "in" else UNKNOWN

    return _asked(Field(lambda packet: about.is_protocol(packet, "tcp"), lambda dummy: compare), [], operator)


def _names(values: Json) -> set[str]:
    """Flags, however they are put together; raises ValueError for a number."""
    if isinstance(values, str):
        return {values}
    if isinstance(values, dict):
        values = values["|"]
    if not isinstance(values, list):
        if values == 0:
            return set()
        raise ValueError(values)
    return {name for value in values for name in _names(value)}


def _each(test: t.Callable[[Packet, Json], Truth]) -> Compare:
    return lambda values: lambda packet: either(test(packet, value) for value in values)


def _ports(source: bool) -> Compare:
    def compare(values: list[Json]) -> Condition:
        ports = bits_of(_range(value) for value in values)
        return lambda packet: about.has_port(packet, source, ports)

    return compare


def _range(value: Json) -> tuple[int, int]:
    """A port or a range; raises ValueError or OSError for anything else."""
    if isinstance(value, dict):
        first, last = value["range"]
        return int(first), int(last)
    if isinstance(value, str) and not value.isdigit():
        port = socket.getservbyname(value)
        return port, port
    return int(value), int(value)


def _addresses(family: str, source: bool) -> Compare:
    def compare(values: list[Json]) -> Condition:
        spans = about.spans_of(map(_address, values), family)
        if spans is None:
            return _unknown
        return lambda packet: about.has_address(packet, source, spans)

    return compare


def _address(value: Json) -> str:
    if isinstance(value, dict) and "prefix" in value:
        return f"{value['prefix']['addr']}/{value['prefix']['len']}"
    if isinstance(value, dict):
        return "-".join(value["range"])
    return str(value)


def _all(conditions: list[Condition]) -> Condition:
    return lambda packet: both(condition(packet) for condition in conditions)


def _always(dummy: Packet) -> Truth:
    return YES


def _never(dummy: Packet) -> Truth:
    return NO


def _unknown(dummy: Packet) -> Truth:
    return UNKNOWN


def _never_told(dummy: list[Json]) -> Condition:
    return _unknown
