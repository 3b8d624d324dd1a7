# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The exchange of a TLS port: the one of `http`, inside TLS with the session's own certificate, pinned by the prober.

The ClientHello carries the question's token as one more application protocol (RFC 7301), so that the listener gives
nothing away, its certificate included, to anybody who has not proven to be of this session.

Who opens TLS on the way, and asks the target itself, seldom offers the protocols that it was offered, but the name
(RFC 6066, section 3) that it was asked for: one with the token in it shows where the question came from.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import ssl

from .. import _tls
from .._errors import PreflightError
from .._session import MAKE_ONE, Session
from . import http
from .shapes import ECHO, Asked, Reply, StrangerError, Turn, describe, foreign

_MOST = 65536  # bytes that a stream may bring
_LONGEST_NAME = 253  # RFC 1035, section 3.1, as it is written
_ALERT, _HANDSHAKE = 21, 22  # RFC 8446, section 5.1


class Asking:
    """The prober's end: TLS for `host` (SNI; none for an address), and the web question inside."""

    def __init__(self, session: Session, vantage: int, port: int, host: str) -> None:
        self._pinned = _pin(session)
        self._inner = http.Asking(session, vantage, port, host)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = False  # the certificate is pinned instead
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1", session.token(vantage, port)])
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        # A server name has neither a scope nor a final dot (RFC 6066, section 3).
        name = host.partition("%")[0].rstrip(".")
        try:
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        except UnicodeError:  # no name at all: it did resolve, so let the other end judge
            self._tls = context.wrap_bio(self._incoming, self._outgoing)
        self._received = 0
        self._hello = b""
        self._first = b""
        self._ended = False
        self._secure = False
        self._other = b""

    def start(self) -> bytes:
        """Return the ClientHello."""
        self._go_on()
        self._hello = self._outgoing.read()
        return self._hello

    def receive(self, data: bytes) -> tuple[bytes, Reply | None]:
        """Take what came.

        Behind another's certificate the question is asked all the same: if it gets through, somebody sits between.
        """
        self._first = self._first or data[:80]
        self._received += len(data)
        if data and self._received <= _MOST:
            self._incoming.write(data)
        else:
            self._ended = True
            self._incoming.write_eof()
        reply = self._go_on()
        if reply is None and not data:
            reply = foreign("the end of the connection")
        if reply is not None and self._other:
            server = {"server": reply.about["server"]} if "server" in reply.about else {}
            reply = foreign("another certificate", kind="certificate", **server)._replace(certificate=self._other)
        return self._outgoing.read(), reply

    def _go_on(self) -> Reply | None:
        """Do what can be done with the bytes that are here."""
        try:
            if not self._secure:
                self._tls.do_handshake()
                self._secure = True
                certificate = self._tls.getpeercert(binary_form=True) or b""
                self._other = b"" if certificate == self._pinned else certificate
                self._tls.write(self._inner.start())
            reply = None
            while reply is None:
                reply = self._inner.receive(self._read())[1]
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLError as error:
            return foreign(self._refusal(error))
        return reply

    def _read(self) -> bytes:
        """Return what came inside, empty for its end, which many servers do not announce (RFC 8446, section 6.1)."""
        try:
            return self._tls.read(_MOST)
        except ssl.SSLWantReadError:
            raise
        except ssl.SSLError:
            if self._ended:
                return b""
            raise

    def _refusal(self, error: ssl.SSLError) -> str:
        """What came instead of a TLS connection."""
        first = self._first
        if not first:
            return "the end of the connection"
        if describe(first, self._hello) == ECHO:
            return ECHO
        if first[0] not in (_ALERT, _HANDSHAKE):
            return describe(first)
        if self._ended:
            return "half a TLS handshake"
        if error.reason:
            return f"TLS that fails ({error.reason.lower().replace('_', ' ')})"
        # Python does not have a name for every alert.
        return f"TLS alert {first[6]}" if first[0] == _ALERT and len(first) > 6 else "TLS that fails"


def name_with_token(session: Session, vantage: int, port: int, host: str) -> str:
    """Return a name below `host` that has the question's token in it; empty where there can be none."""
    name = f"{session.label(vantage, port)}.{host.rstrip('.')}"
    return "" if _is_address(host) or len(name) > _LONGEST_NAME else name


class Answering:
    """The listener's end of a connection to `port`; `context` is that of `server_context`."""

    def __init__(self, session: Session, port: int, context: ssl.SSLContext) -> None:
        self._session = session
        self._port = port
        self._inner = http.Answering(session, port)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._hello = b""
        self._asked: Asked | None = None
        self._secure = False

    def receive(self, data: bytes) -> Turn:
        """Take what came; raises StrangerError for who does not prove to be of this session, and before any answer."""
        if self._asked is None:
            self._hello += data
            self._asked, data = self._admit(), self._hello
            if self._asked is None:
                return Turn()
            if self._asked.intended_port != self._port or self._asked.passed_on:
                return Turn(b"", self._asked, complete=True)
        self._incoming.write(data)
        try:
            turn = self._go_on()
        except ssl.SSLWantReadError:
            turn = Turn(self._outgoing.read())
        except ssl.SSLError:  # it was asked, but by or through something that does not get along with us
            turn = Turn(complete=True)
        return turn._replace(asked=self._asked)

    def _go_on(self) -> Turn:
        """Do what can be done with the bytes that are here; raises SSLWantReadError where more are needed."""
        if not self._secure:
            self._tls.do_handshake()
            self._secure = True
        while True:
            data = self._tls.read(_MOST)
            turn = self._inner.receive(data) if data else Turn(complete=True)
            if turn.send:
                self._tls.write(turn.send)
            if turn.complete:
                return Turn(self._outgoing.read() if turn.send else b"", complete=True, closes=turn.closes)

    def _admit(self) -> Asked | None:
        """Read the token in the ClientHello; None while that is incomplete."""
        try:
            offered, name = _tls.application_protocols(self._hello), _tls.server_name(self._hello)
        except _tls.TlsError as error:
            raise StrangerError from error
        if offered is None or name is None:
            return None
        for protocol in offered:
            told = self._session.read_token(protocol.decode("latin-1"))
            if told:
                return Asked(*told)
        told = self._session.read_label(name.partition(b".")[0])
        if told:
            return Asked(*told, passed_on=True)
        raise StrangerError


def server_context(session: Session) -> ssl.SSLContext | None:
    """Return the listener's side of TLS, None for a session without a certificate.

    Raises PreflightError if certificate and private key are not what the lookup makes.
    """
    if not session.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0  # nobody comes back
    context.set_alpn_protocols(["http/1.1"])
    # The ssl module takes a private key from a file only: one in memory, which nobody else sees (memfd_create(2)).
    if not hasattr(os, "memfd_create"):
        raise PreflightError(
            "this Python on the target has no os.memfd_create, which https needs; "
            "set ansible_python_interpreter to the system's, such as /usr/bin/python3"
        )
    handle = os.memfd_create("certificate")
    try:
        with open(handle, "wb", closefd=False) as file:
            file.write(f"{session.private_key}\n{session.certificate}".encode("ascii", "replace"))
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    except (ssl.SSLError, OSError) as error:
        raise PreflightError(f"session.certificate and session.private_key do not work; {MAKE_ONE}") from error
    finally:
        os.close(handle)
    return context


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def fingerprint(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate (DER), by which it is known."""
    return hashlib.sha256(certificate).hexdigest()


def _pin(session: Session) -> bytes:
    """The session's certificate (DER); raises PreflightError if it has none."""
    try:
        return ssl.PEM_cert_to_DER_cert(session.certificate)
    except ValueError as error:
        raise PreflightError(f"session.certificate is none, and https needs one; {MAKE_ONE}") from error
