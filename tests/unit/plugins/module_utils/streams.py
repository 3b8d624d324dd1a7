# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two ends of a stream against each other, and who may sit between them. No socket is touched."""

from __future__ import annotations

import contextlib
import ssl

from ansible_collections.plugnmeet.server.plugins.module_utils import _tls
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import https
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import (
    Answering,
    Asking,
    Reply,
    StrangerError,
    Turn,
)
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.certificates import (
    OTHER_CERTIFICATE,
    OTHER_PRIVATE_KEY,
)

ALL = 1 << 20


def pieces(data: bytes, size: int) -> list[bytes]:
    """`data` as a stream may bring it."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def talk(asking: Asking, answering: Answering, size: int = ALL) -> tuple[Reply | None, list[Turn]]:
    """Let both ends speak, `size` bytes at a time; return the prober's reply and the listener's turns.

    None is the reply if both wait for each other. Whoever ends the connection ends it for both.
    """
    turns: list[Turn] = []
    to_listener, reply = asking.start(), None
    while to_listener and reply is None:
        to_prober, ended = b"", False
        for piece in pieces(to_listener, size):
            turns.append(answering.receive(piece))
            to_prober += turns[-1].send
            ended = ended or turns[-1].complete
        to_listener = b""
        for piece in [*pieces(to_prober, size), *([b""] if ended else [])]:
            if reply is None:
                more, reply = asking.receive(piece)
                to_listener += more
    return reply, turns


def server_context(certificate: str, private_key: str, newest: ssl.TLSVersion) -> ssl.SSLContext:
    """A server's side of TLS, of this version and no newer."""
    context = https.server_context(Session("", "", certificate, private_key))
    assert context is not None
    context.maximum_version = newest
    return context


def _client_context(protocols: list[str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


class _Tls:
    """One side of a TLS connection."""

    def __init__(self, context: ssl.SSLContext, server_side: bool, name: str | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server_side, server_hostname=name)
        self.secure = False
        self._unsent = b""

    def receive(self, data: bytes) -> bytes:
        """Take what came, and return what was said in it."""
        self._incoming.write(data)
        said = b""
        try:
            self._go_on()
            while True:
                said += self._tls.read(65536)
        except ssl.SSLWantReadError:
            return said

    def say(self, data: bytes) -> bytes:
        """Say this as soon as it can be said, and return what is to be sent."""
        self._unsent += data
        with contextlib.suppress(ssl.SSLWantReadError):
            self._go_on()
        return self._outgoing.read()

    def _go_on(self) -> None:
        if not self.secure:
            self._tls.do_handshake()
            self.secure = True
        if self._unsent:
            self._tls.write(self._unsent)
            self._unsent = b""


class TlsServer:
    """Another TLS server, which gives the same answer to every question and hangs up."""

    def __init__(self, context: ssl.SSLContext, answer: bytes) -> None:
        self._tls = _Tls(context, server_side=True)
        self._answer = answer

    def receive(self, data: bytes) -> Turn:
        """Take what came."""
        question = self._tls.receive(data)
        return Turn(self._tls.say(self._answer if question else b""), complete=bool(question))


class TlsClient:
    """A TLS client that offers `protocols` and says `words`, each in a record of its own."""

    def __init__(
        self, protocols: list[str], words: list[bytes], newest: ssl.TLSVersion, name: str | None = None
    ) -> None:
        context = _client_context(protocols)
        context.maximum_version = newest
        self._tls = _Tls(context, server_side=False, name=name)
        self._words = words
        self.heard = b""

    def start(self) -> bytes:
        """Return the ClientHello."""
        return self._tls.say(b"")

    def receive(self, data: bytes) -> tuple[bytes, Reply | None]:
        """Take what came."""
        if data:
            self.heard += self._tls.receive(data)
        to_send = self._tls.say(b"")
        if self._tls.secure:
            to_send += b"".join(self._tls.say(word) for word in self._words)
            self._words = []
        return to_send, None


class Interceptor:
    """A box that ends TLS with a certificate of its own, and begins it anew towards the listener.

    It looks like the listener to the prober, and asks when it was asked. `passes_on` says whether it offers the
    application protocols that it was offered, as it does with the name; `listener` is what the listener did.
    """

    def __init__(self, answering: Answering, passes_on: bool, newest: ssl.TLSVersion) -> None:
        self.listener: list[Turn] = []
        self._answering = answering
        self._passes_on = passes_on
        self._front = _Tls(server_context(OTHER_CERTIFICATE, OTHER_PRIVATE_KEY, newest), server_side=True)
        self._hello = b""
        self._offered: list[bytes] = []

    def receive(self, data: bytes) -> Turn:
        """Take what came from the prober."""
        if not self._offered:
            self._hello += data
            self._offered = _tls.application_protocols(self._hello) or []
        question = self._front.receive(data)
        if not question:
            return Turn(self._front.say(b""))
        protocols = [name.decode("ascii") for name in self._offered] if self._passes_on else ["http/1.1"]
        name = (_tls.server_name(self._hello) or b"").decode("ascii") or None
        answer, ended = self._ask(_Tls(_client_context(protocols), server_side=False, name=name), question)
        return Turn(self._front.say(answer), complete=ended)

    def _ask(self, back: _Tls, question: bytes) -> tuple[bytes, bool]:
        """Carry the question to the listener; return its answer, and whether it hung up."""
        answer = b""
        to_listener = back.say(question)
        while to_listener:
            try:
                turn = self._answering.receive(to_listener)
            except StrangerError:
                return answer, True
            self.listener.append(turn)
            answer += back.receive(turn.send)
            if turn.complete:
                return answer, True
            to_listener = back.say(b"")
        return answer, False
