# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""Ask a server's live services, as strangers do: each answers in its own protocol, and nothing is stopped for it."""

from __future__ import annotations

import socket
import ssl
import time
import typing as t

from ._addresses import FAMILY_NAMES
from ._errors import PreflightError, as_given
from ._exchange.http import authority
from ._probe.resolve import way
from ._stranger import NOBODY, ask_stun

_MOST = 4096
_FAMILIES = {name: family for family, name in FAMILY_NAMES.items()}

SocketAddress = t.Tuple[t.Any, ...]


class Answer(t.NamedTuple):
    """What came of asking one service at one address.

    `name` is the name that was asked for, `port` such as `443/tcp`. `proof` is what proves it, empty if nothing does,
    and then `reason` is why not. `itself` tells that the address is one of who asked.
    """

    service: str
    name: str
    port: str
    family: str
    address: str
    proof: str
    reason: str
    itself: bool = False


class Service(t.NamedTuple):
    """A service to ask: `ask` takes the name and the socket address, returns the proof, and raises OSError."""

    service: str
    protocol: str
    port: int
    ask: t.Callable[[str, SocketAddress], str]


def services(http: int, https: int, ice_tcp: int, turn_udp: int, ca_file: str, patience: float) -> list[Service]:
    """The services of a plugNmeet server; a port 0 leaves one out. Raises PreflightError for a `ca_file` of no use."""
    context = trusting(ca_file)
    known = [
        Service("HTTP", "tcp", http, lambda name, to: _ask_http(name, to, patience)),
        Service("TLS", "tcp", https, lambda name, to: _ask_tls(name, to, context, patience)),
        Service("ICE-TCP", "tcp", ice_tcp, lambda dummy, to: _ask_tcp(to, patience)),
        Service("STUN", "udp", turn_udp, lambda dummy, to: f"answers, and sees us as {ask_stun(to, patience)}"),
    ]
    return [service for service in known if service.port]


def ask(names: t.Sequence[str], asked: t.Sequence[Service]) -> list[Answer]:
    """Ask each service under each name, at the first address of each family that it has."""
    found = []
    for service in asked:
        for name in names:
            port = f"{service.port}/{service.protocol}"
            try:
                addresses = _addresses(name, service)
            except OSError as error:
                found.append(Answer(service.service, name, port, "", "", "", f"it does not resolve: {_reason(error)}"))
                continue
            except UnicodeError:  # an empty part of a name, or one that is too long
                found.append(Answer(service.service, name, port, "", "", "", "it is no host name"))
                continue
            for family, sockaddr in addresses.items():
                proof = reason = ""
                try:
                    proof = service.ask(name, sockaddr)
                except OSError as error:
                    reason = _reason(error)
                there = str(sockaddr[0])
                # What is sent to an address of this host's own leaves by that.
                itself = way(_FAMILIES[family], sockaddr)[0] == there
                found.append(Answer(service.service, name, port, family, there, proof, reason, itself))
    return found


def _addresses(name: str, service: Service) -> dict[str, SocketAddress]:
    kind = socket.SOCK_STREAM if service.protocol == "tcp" else socket.SOCK_DGRAM
    found: dict[str, SocketAddress] = {}
    for family, dummy_type, dummy_protocol, dummy_name, sockaddr in socket.getaddrinfo(name, service.port, type=kind):
        if family in FAMILY_NAMES:
            found.setdefault(FAMILY_NAMES[family], sockaddr)
    return dict(sorted(found.items()))


def trusting(ca_file: str) -> ssl.SSLContext:
    """Return what judges a server's certificate by the file, or by the system's; raises PreflightError."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:  # ssl.SSLError is one
        why = "there is no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise PreflightError(f"ca_file is {as_given(ca_file)}, which cannot be used: {why}") from error


def _ask_http(name: str, to: SocketAddress, patience: float) -> str:
    with socket.create_connection(to[:2], patience) as sock:
        sock.sendall(f"GET / HTTP/1.1\r\nHost: {authority(name)}\r\nConnection: close\r\n\r\n".encode("ascii"))
        line = sock.recv(_MOST).split(b"\r\n")[0]
    words = line.decode("ascii", "replace").split()
    if not words or not words[0].startswith("HTTP/1.") or len(words) < 2:
        raise OSError("what answers speaks no HTTP")
    return f"answers with status {words[1][:3]}"


def _ask_tls(name: str, to: SocketAddress, context: ssl.SSLContext, patience: float) -> str:
    with socket.create_connection(to[:2], patience) as sock, context.wrap_socket(sock, server_hostname=name) as secure:
        certificate = t.cast("dict[str, t.Any]", secure.getpeercert())
    until = time.strftime("%Y-%m-%d", time.gmtime(ssl.cert_time_to_seconds(certificate["notAfter"])))
    issuer = {key: value for pairs in certificate["issuer"] for key, value in pairs}
    return f"has a valid certificate, of {issuer.get('organizationName') or issuer.get('commonName')}, until {until}"


def _ask_tcp(to: SocketAddress, patience: float) -> str:
    with socket.create_connection(to[:2], patience):
        return "accepts connections"


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not valid: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {error.reason or error}"
    if isinstance(error, socket.timeout):
        return NOBODY
    return error.strerror or str(error)
