# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The whole probe of one vantage: resolve, ask TCP and UDP at the same time, and put the evidence together."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
import typing as t

from .. import _evidence
from .._errors import PreflightError
from .._evidence import Evidence, Observation
from .._own_network import network
from .._requirement import Requirement
from .._session import Session
from . import control
from .cut import find_cuts
from .interceptors import show_interceptors
from .rejections import conclude, look_again, unreachable
from .resolve import Path, resolve
from .sweep import Sweep
from .tcp import TcpProbes
from .tcp import seconds as tcp_seconds

UDP_SECONDS = 25.0
_CONNECTED = (_evidence.OPEN, _evidence.MOVED, _evidence.FOREIGN, _evidence.ACCEPTED)

Facts = t.Dict[str, t.Any]


def look_ahead(vantage: int, address: str, requirements: t.Sequence[Requirement]) -> Facts:
    """The facts that are known before anything is sent: the addresses of `address`, and whether there is a way to them.

    They are those of `probe`, with every port unsent.
    """
    try:
        paths = resolve(address)
    except PreflightError as error:
        return nothing_asked(str(error))
    return {
        **nothing_asked(),
        "addresses": {path.name: path.ip for path in paths},
        "local": {path.name: path.local for path in paths if not path.no_way},
        "evidence": _unsent(paths, requirements, vantage),
    }


def nothing_asked(unresolved: str = "") -> Facts:
    """The facts of a probe that did not send anything."""
    return {
        "unresolved": unresolved,
        "network": network(),
        "addresses": {},
        "source": {},
        "destination": {},
        "certificates": {},
        "local": {},
        "source_port": {},
        "all_open": False,
        "evidence": [],
        "sent": 0,
        "dropped": 0,
        "rounds": 0,
        "seconds_to_verdict": 0.0,
        "seconds": 0.0,
    }


def probe(session: Session, vantage: int, address: str, requirements: t.Sequence[Requirement], ceiling: float) -> Facts:
    """Ask every port of `requirements` at every address family of `address`.

    Returns `unresolved`, a sentence or empty; `addresses` by family; `source`, this prober as the target sees it,
    `local`, as it sees itself, `source_port` of UDP, and `destination`, the target as it sees itself, by family;
    `certificates` (PEM) of others, by fingerprint; `all_open`; `evidence`; `sent`, `dropped` and `rounds` of UDP;
    `seconds_to_verdict`, until it was known which ports are open, and `seconds`, with the search for the reason.
    """
    start = time.monotonic()
    try:
        paths = resolve(address)
    except PreflightError as error:
        return nothing_asked(str(error))
    ways = [path for path in paths if not path.no_way]
    udp_ports = _speaks(requirements, "udp")
    tcp_ports = _speaks(requirements, "tcp")
    tcp = TcpProbes(session, vantage, address, ways, tcp_ports)
    with Sweep(session, vantage, ways, udp_ports, ceiling) as sweep:
        # ICMP errors are rate limited: UDP, which may draw thousands, comes second.
        with _aside(lambda: tcp.run(tcp_seconds(len(ways) * len(tcp_ports)))):
            tcp.under_way.wait(UDP_SECONDS)
            # Silence takes up to seven rounds to be sure of, and a ceiling that people set makes each of them long.
            seconds = UDP_SECONDS + (8 * len(ways) * len(udp_ports) / ceiling if ceiling else 0)
            end = time.monotonic() + seconds
            control.run(sweep, seconds)
        known, source_ports = time.monotonic(), sweep.source_ports
        heard = {number for number, path in enumerate(ways) if _heard(tcp.evidence, path, vantage)}
        asked_again = look_again(sweep, heard)
        while not control.confirm(sweep, end) and not sweep.exhausted and time.monotonic() < end:
            control.run(sweep, end - time.monotonic())
            known = time.monotonic()
            asked_again |= look_again(sweep, heard)
        control.tell_doubts(sweep)
        conclude(sweep, asked_again, heard)
        for path, rejection in unreachable(sweep, heard).items():
            tcp.see_rejected(ways[path], rejection)
    show_interceptors(session, vantage, address, ways, tcp_ports, tcp.evidence)
    asked = {"tcp": {*tcp_ports}, "udp": {*udp_ports}}
    find_cuts(session, vantage, ways, asked, {"tcp": tcp.evidence, "udp": sweep.evidence})
    return {
        "unresolved": "",
        "network": network(),
        "addresses": {path.name: path.ip for path in paths},
        "source": {**tcp.mapped, **sweep.mapped},
        "local": {path.name: path.local for path in ways},
        "source_port": source_ports,
        "destination": {**tcp.origin, **sweep.origin},
        "certificates": {digest: ssl.DER_cert_to_PEM_cert(data) for digest, data in tcp.certificates.items()},
        "all_open": _all_open(
            paths, _shall_be_open(requirements), {"tcp": tcp.evidence, "udp": sweep.evidence}, vantage
        ),
        "evidence": _unsent(set(paths) - set(ways), requirements, vantage)
        + tcp.evidence.to_list()
        + sweep.evidence.to_list(),
        "sent": sweep.sent,
        "dropped": sweep.dropped,
        "rounds": sweep.rounds,
        "seconds_to_verdict": round(known - start, 2),
        "seconds": round(time.monotonic() - start, 2),
    }


def _heard(evidence: Evidence, path: Path, vantage: int) -> bool:
    """Tell whether somebody completed a TCP connection over `path`."""
    return any(evidence.all(seen, "tcp", path.name, vantage) for seen in _CONNECTED)


def _all_open(
    paths: t.Iterable[Path], asked: t.Mapping[str, set[int]], evidence: t.Mapping[str, Evidence], vantage: int
) -> bool:
    """Tell whether each port that shall be open was proven open at each address."""
    return all(
        evidence[protocol].all(_evidence.OPEN, protocol, path.name, vantage) >= ports
        for path in paths
        for protocol, ports in asked.items()
    )


def _shall_be_open(requirements: t.Iterable[Requirement]) -> dict[str, set[int]]:
    ports: dict[str, set[int]] = {"tcp": set(), "udp": set()}
    for row in requirements:
        if row.expect == "open":
            ports[row.protocol] |= row.ports
    return ports


def _speaks(requirements: t.Iterable[Requirement], protocol: str) -> dict[int, str]:
    """The ports of `protocol`, and what each speaks."""
    return {port: row.speaks for row in requirements if row.protocol == protocol for port in row.ports}


@contextlib.contextmanager
def _aside(job: t.Callable[[], None]) -> t.Iterator[None]:
    """Do `job` in a thread of its own meanwhile, and wait for it; an exception of it is raised here."""
    errors: list[BaseException] = []

    def catch() -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - raised again, where somebody is listening
            errors.append(error)

    thread = threading.Thread(target=catch, daemon=True)  # whom an exception ends here does not wait for it
    thread.start()
    yield
    thread.join()
    if errors:
        raise errors[0]


def _unsent(paths: t.Iterable[Path], requirements: t.Iterable[Requirement], vantage: int) -> list[dict[str, t.Any]]:
    """The evidence for addresses that were not asked, since there is no way to them, or not yet."""
    evidence = Evidence()
    for path in paths:
        for row in requirements:
            if path.no_way:
                about = _evidence.detail(reason=f"it has no way to {path.ip} ({path.no_way})", route="none")
            else:
                about = _evidence.detail(reason="nothing was asked")
            observation = Observation(_evidence.UNSENT, row.protocol, path.name, vantage, about)
            evidence.ports(observation).update(row.ports)
    return evidence.to_list()
