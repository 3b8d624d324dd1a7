# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Both sides as the controller takes them: what came back from target and probers, checked, and as data only."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import FAMILIES, Evidence, printable
from ansible_collections.plugnmeet.server.plugins.plugin_utils._certificate import read_certificate

_MOST_CERTIFICATES = 20
_MOST_SERVICES = 100
_MOST_WORDS = 10  # about a holder
_MANY = 1 << 53  # more than anything is counted to, and what every reader of JSON takes
_MOST_ADDRESSES = 10_000  # a router with full tables has more routes, but no server so many addresses
_MOST_LINES = 5
_MOST_SECONDS = 86400
_STATES = ("unit", "was", "now")

Facts = t.Mapping[str, t.Any]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

_GONE = "the listener was gone before it could be asked what it saw: it was ended, or preflight_ttl was over"

# Where nobody on the internet can come from. The documentation ranges are not in it: they stand for the internet in
# tests.
_INSIDE = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/127",
        "fc00::/7",
        "fe80::/10",
    )
)

# The IPv4 internet as a host sees it that has IPv6 only (RFC 6052, section 2.1; RFC 8215)
_TRANSLATED = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


class Vantage(t.NamedTuple):
    """One prober: what it saw, and who it was to the target.

    `local` is its own address as it sees it itself, `source_port` that of its UDP questions, `destination` the target's
    address as that sees it, `certificates` what is known of those that others came with, by fingerprint. `failure` is
    why it has nothing to say, `inside` why it does not stand for the internet, `unresolved` why the target's name has
    no address; each is empty if that is not so. `outside` is None if nothing tells. `came_to` are the addresses, of
    each family, to which its questions came.
    """

    host: str
    number: int
    failure: str
    unresolved: str
    addresses: dict[str, str]
    source: dict[str, str]
    local: dict[str, str]
    destination: dict[str, str]
    certificates: dict[str, dict[str, str]]
    outside: bool | None
    inside: str
    evidence: Evidence
    came_to: dict[str, tuple[str, ...]]
    source_port: t.Mapping[str, int] = {}

    def as_target_sees(self, family: str) -> tuple[str, str]:
        """The family and address to which questions over `family` come: with NAT64 others than this prober asks."""
        asked = ipaddress.ip_address(self.addresses[family])
        if asked.version == 6 and any(asked in network for network in _TRANSLATED):
            return "ipv4", str(ipaddress.IPv4Address(asked.packed[-4:]))
        return family, str(asked)


class Target(t.NamedTuple):
    """The listener: what it saw, and who held the ports that it could not have.

    `gap` is why its evidence is incomplete, empty if it is not. `addresses` are its own, and `ipv6_off` is the setting
    by which IPv6 is switched off there; both are empty if it did not tell. `strangers` counts datagrams and connections
    of others, or is empty.
    """

    evidence: Evidence
    in_use: dict[tuple[str, int], dict[str, t.Any]]
    gap: str
    addresses: tuple[Interface, ...] = ()
    ipv6_off: str = ""
    strangers: t.Mapping[str, int] = {}

    @property
    def gone(self) -> str:
        """Why there is no evidence at all, empty if there is some."""
        return self.gap if self.gap == _GONE else ""


def read_target(started: Facts, stopped: Facts) -> Target:
    """Take the results of `port_listener`, of whatever happened to it."""
    in_use = {}
    for row in _list(started.get("in_use")):
        try:
            in_use[str(row["protocol"]), int(row["port"])] = {
                clean(key): clean(value)
                for key, value in list(row["holder"].items())[:_MOST_WORDS]
                if value is not None
            }
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
            continue
    if not stopped.get("running"):
        return Target(Evidence(), in_use, _GONE)
    tap = stopped.get("tap")
    tap = tap if isinstance(tap, dict) else {}
    gap = ""
    if not tap.get("usable"):
        gap = f"the target does not allow a look at its network card ({clean(tap.get('reason'))})"
    elif tap.get("lost"):
        gap = f"the look at the target's network card missed {clean(tap['lost'])} frames"
    evidence = Evidence.from_list(stopped.get("evidence") or [])
    strangers = _strangers(stopped.get("strangers"))
    return Target(evidence, in_use, gap, _interfaces(stopped), clean(stopped.get("ipv6_off")), strangers)


def read_vantage(host: str, number: int, probed: Facts, stopped: Facts) -> Vantage:
    """Take a result of `port_probe_info`, of whatever happened to it."""
    nothing = Vantage(host, number, "", "", {}, {}, {}, {}, {}, None, "", Evidence(), {})
    if probed.get("failed") or probed.get("unreachable") or "evidence" not in probed:
        reason = clean(probed.get("msg") or "it did not say why").strip().rstrip(".")
        return nothing._replace(failure=f"{host} could not be used: {reason}")
    if probed.get("unresolved"):
        return nothing._replace(unresolved=clean(probed["unresolved"]))
    addresses, destination = _addresses(probed.get("addresses")), _addresses(probed.get("destination"))
    source = {**_seen_sources(stopped, number), **_addresses(probed.get("source"))}
    own = {*addresses.values(), *destination.values()}
    inside = _why_inside(probed, stopped, source.values(), own)
    return nothing._replace(
        addresses=addresses,
        source=source,
        local=_addresses(probed.get("local") or {}),
        source_port=_source_ports(probed.get("source_port")),
        destination=destination,
        certificates=_certificates(probed.get("certificates")),
        outside=not inside if source or inside else None,
        inside=f"{host} does not stand for the internet: {inside}" if inside else "",
        evidence=Evidence.from_list(probed["evidence"]),
        came_to=_came_to(stopped, number),
    )


def read_services(stages: Facts) -> list[dict[str, t.Any]]:
    """Take the results of `service_quiesce`: each unit's state before the test and after it, and what was between.

    `down_seconds` is None for a unit that was not stopped, or is not back; one that failed to has `journal`, its last
    lines.
    """
    after = {row["unit"]: row for row in _services(stages.get("restored"))}
    quiesced = stages.get("quiesced")
    stops = _list(quiesced.get("stopped")) if isinstance(quiesced, dict) else []
    found = []
    for row in _services(quiesced):
        back = after.get(row["unit"], {})
        stopped = row["unit"] in stops or f"{row['unit']}.service" in stops
        down = _seconds(back.get("down_seconds")) if stopped else None
        service: dict[str, t.Any] = {**_states(row), "down_seconds": down}
        service["now"] = _states(back).get("now", "inactive" if stopped else row["now"])
        if stopped and _list(back.get("journal")):
            service["journal"] = [clean(line) for line in back["journal"][:_MOST_LINES]]
        found.append(service)
    return found


def read_clients(stages: Facts) -> list[str]:
    """Take from the results of `service_quiesce` who is connected, in a few words for each entry of the table."""
    quiesced = stages.get("quiesced")
    rows = _list(quiesced.get("clients")) if isinstance(quiesced, dict) else []
    keys = ("connections", "ports", "protocol")
    whole = [row for row in rows if isinstance(row, dict) and {*keys} <= {*row}]
    return ["{} to {}/{}".format(*(clean(row[key]) for key in keys)) for row in whole]


def _services(result: t.Any) -> list[dict[str, t.Any]]:
    rows = _list(result.get("services")) if isinstance(result, dict) else []
    return [{**row, **_states(row)} for row in rows[:_MOST_SERVICES] if isinstance(row, dict) and {*_STATES} <= {*row}]


def _states(row: Facts) -> dict[str, str]:
    return {key: clean(row[key]) for key in _STATES if key in row}


def _seconds(value: t.Any) -> float | None:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _MOST_SECONDS
    return float(value) if known else None


def clean(value: t.Any) -> str:
    """Text from another host, as it may stand in a sentence, a table or a file: printable and of bounded length."""
    return "" if value is None else printable(value)


def _strangers(value: t.Any) -> dict[str, int]:
    counts = value if isinstance(value, dict) else {}
    found = {key: counts.get(key) for key in ("datagrams", "connections")}
    return {key: count for key, count in found.items() if isinstance(count, int) and 0 <= count < _MANY}


def of_the_internet(address: Address) -> bool:
    """Tell whether the internet can have this address."""
    return not any(address in network for network in _INSIDE)


def _why_inside(probed: Facts, stopped: Facts, sources: t.Iterable[str], own: set[str]) -> str:
    """Why a prober that the target sees as `sources` is not outside, empty if it is, as far as is known."""
    if probed.get("network") and probed["network"] == stopped.get("network"):
        return "it is the target itself"
    interfaces = _interfaces(stopped)
    own = own | {str(interface.ip) for interface in interfaces}
    reasons = [reason for reason in (_inside(ip, own, interfaces) for ip in sources) if reason]
    return f"the target sees it as {', and as '.join(reasons)}" if reasons else ""


def _inside(ip: str, own: set[str], interfaces: tuple[Interface, ...]) -> str:
    address = ipaddress.ip_address(ip)
    if ip in own:
        return f"{ip}, its own address"
    if not of_the_internet(address):
        return f"{ip}, an address that the internet does not have"
    networks = [str(interface.network) for interface in interfaces if address in interface.network]
    return f"{ip}, an address of its own network {networks[0]}" if networks else ""


def _seen_sources(stopped: Facts, number: int) -> dict[str, str]:
    """The addresses from which the listener was asked by this vantage: known even if no answer came back."""
    found = {}
    for row in _list(stopped.get("sources")):
        if isinstance(row, dict) and row.get("vantage") == number:
            found.update(_addresses({_family(row.get("address")): row.get("address")}))
    return found


def _came_to(stopped: Facts, number: int) -> dict[str, tuple[str, ...]]:
    """The addresses to which questions of this vantage came, by family."""
    rows = [row for row in _list(stopped.get("destinations")) if isinstance(row, dict) and row.get("vantage") == number]
    found: dict[str, tuple[str, ...]] = {}
    for row in rows[:_MOST_ADDRESSES]:
        for family, ip in _addresses({_family(row.get("address")): row.get("address")}).items():
            found[family] = (*found.get(family, ()), ip)
    return found


def _interfaces(stopped: Facts) -> tuple[Interface, ...]:
    """The target's own addresses, with their networks."""
    try:
        return tuple(ipaddress.ip_interface(str(each)) for each in _list(stopped.get("addresses"))[:_MOST_ADDRESSES])
    except ValueError:  # some of them would be a wrong answer
        return ()


def _family(ip: t.Any) -> str:
    return "ipv6" if ":" in str(ip) else "ipv4"


def _addresses(value: t.Any) -> dict[str, str]:
    try:
        # A scope may hold any text, and says nothing to anybody else.
        found = {family: str(value[family]).partition("%")[0] for family in FAMILIES if family in value}
        return {family: str(ipaddress.ip_address(ip)) for family, ip in found.items()}
    except (TypeError, ValueError) as error:
        shown = clean(value)
        raise PreflightError(f'"{shown}" came back where addresses should be; use one version everywhere') from error


def _source_ports(value: t.Any) -> dict[str, int]:
    known = value if isinstance(value, dict) else {}
    # JSON's true is an int, too.
    ports = {family: known[family] for family in FAMILIES if isinstance(known.get(family), int)}
    return {family: port for family, port in ports.items() if port is not True and 0 < port < 65536}


def _certificates(value: t.Any) -> dict[str, dict[str, str]]:
    found = list(value.items())[:_MOST_CERTIFICATES] if isinstance(value, dict) else []
    return {str(known): read_certificate(str(pem)) for known, pem in found}


def _list(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else []
