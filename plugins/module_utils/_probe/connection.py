# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""One attempt at a TCP port: connect, ask, and take the answer, whenever the selector says that there is news."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import typing as t

from .. import _evidence
from .._evidence import Detail
from .._exchange import https, shapes
from .._exchange.shapes import Asking, Reply
from . import icmp
from .mark import take_mark
from .resolve import Path
from .sweep import OWN_FIREWALL

_MOST_AT_ONCE = 16384
_WAIT = (errno.EINPROGRESS, errno.EAGAIN, errno.EWOULDBLOCK)
# What ICMP errors become (icmp_err_convert in net/ipv4/icmp.c, icmpv6_err_convert in net/ipv6/icmp.c)
_FROM_ICMP = {
    getattr(errno, name)
    for name in ("ENETUNREACH", "EHOSTUNREACH", "ENOPROTOOPT", "EHOSTDOWN", "ENONET", "EACCES", "EPROTO")
    if hasattr(errno, name)  # not every system has each
}
# What a reset of an established connection becomes (tcp_reset in net/ipv4/tcp_input.c); a refused one is ECONNREFUSED.
_RESET = (errno.ECONNRESET, errno.EPIPE)


class Outcome(t.NamedTuple):
    """What an attempt saw, and the reply that it is taken from, if there was one."""

    seen: str
    detail: Detail = ()
    reply: Reply | None = None


class Connection:
    """A connection to `port` of `path`, its SYN marked by the maximum segment size `mark`, on which `asking` asks.

    `source` is the port that it is made from, 0 for none, `marked` whether the system took the mark, and `outcome` is
    there when it has come to one. The selector hands out the connection itself as the data of its events.
    """

    def __init__(self, asking: Asking, path: Path, port: int, mark: int, selector: selectors.BaseSelector) -> None:
        self.source = 0
        self.marked = True
        self.outcome: Outcome | None = None
        self._asking = asking
        self._path = path
        self._selector = selector
        self._connected = self._heard = self._ended = False
        self._to_send = b""
        try:
            self._sock = socket.socket(path.family, socket.SOCK_STREAM)
        except OSError as error:
            self.outcome, self._ended = _no_socket(error), True
            return
        try:
            self._sock.setblocking(False)
            self.marked = take_mark(self._sock, mark)
            icmp.ask_for_errors(self._sock)
            self._sock.bind(("", 0))  # so that its port is known even if nothing comes of it
        except OSError as error:
            self._end(_no_socket(error))
            return
        self.source = self._sock.getsockname()[1]
        try:
            error_number = self._sock.connect_ex(path.to(port))
            if error_number not in (0, *_WAIT):
                raise OSError(error_number, os.strerror(error_number))
            self._selector.register(self._sock, selectors.EVENT_READ | selectors.EVENT_WRITE, self)
        except OSError as error:
            self._break_off(error)

    def go_on(self, events: int) -> None:
        """Do what can be done without waiting after `events` of the selector."""
        try:
            if not self._connected:
                self._connect()
            elif events & selectors.EVENT_READ:
                self._receive()
            if not self.outcome:
                self._send()
        except BlockingIOError:
            icmp.read_errors(self._sock)  # or else the selector would go on telling of them
        except OSError as error:
            self._break_off(error)

    def give_up(self) -> None:
        """End it with what there is; without an outcome if nothing at all came back."""
        if self._ended:
            return
        if self._heard:  # half an answer, of which no more seems to come
            self._end(_weigh(self._asking.receive(b"")[1]))
        else:
            self._end(Outcome(_evidence.ACCEPTED) if self._connected else None)

    def _break_off(self, error: OSError) -> None:
        """End it at `error`; what was said before tells who it is."""
        if self._heard:
            self._end(_weigh(self._asking.receive(b"")[1]))
        else:
            self._end(_rejection(self._sock, error, self._connected, self._path))

    def _connect(self) -> None:
        """Take note that the connection is made; raises OSError if it came to nothing."""
        error_number = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error_number:
            raise OSError(error_number, os.strerror(error_number))
        self._connected = True
        self._to_send = self._asking.start()

    def _receive(self) -> None:
        data = self._sock.recv(_MOST_AT_ONCE)
        self._heard = self._heard or bool(data)
        to_send, reply = self._asking.receive(data)
        self._to_send += to_send
        if reply is not None:
            self._end(_weigh(reply))

    def _send(self) -> None:
        """Send what there is to send, and have the selector wait for room only if some of it is left."""
        if self._to_send:
            self._to_send = self._to_send[self._sock.send(self._to_send) :]
        more = selectors.EVENT_WRITE if self._to_send else 0
        self._selector.modify(self._sock, selectors.EVENT_READ | more, self)

    def _end(self, outcome: Outcome | None) -> None:
        self.outcome, self._ended = outcome, True
        if self._sock in self._selector.get_map():
            self._selector.unregister(self._sock)
        self._sock.close()


def _no_socket(error: OSError) -> Outcome:
    return _unsent(f"its system gives no socket ({error.strerror})")


def _rejection(sock: socket.socket, error: OSError, connected: bool, path: Path) -> Outcome | None:
    """What an error of a stream means, None for silence.

    Linux before 6.0 does not tell who sent an ICMP error, nor its kind.
    """
    for told in icmp.read_errors(sock):
        return _unsent(OWN_FIREWALL) if path.is_own(told) else _rejected(told.by, told.offender)
    if connected or error.errno in _RESET:
        return _rejected(_evidence.RESET_AFTER_CONNECTING)
    if error.errno == errno.ECONNREFUSED:
        return _rejected("TCP reset")
    if error.errno in _FROM_ICMP:
        return _rejected("ICMP unreachable or prohibited")
    if error.errno == errno.ETIMEDOUT:  # a system that gives up sooner than we do (tcp_syn_retries in tcp(7))
        return None
    return _unsent(f"its system does not connect ({error.strerror})")


def _unsent(reason: str) -> Outcome:
    return Outcome(_evidence.UNSENT, _evidence.detail(reason=reason))


def _rejected(by: str, offender: str | None = None) -> Outcome:
    return Outcome(_evidence.REJECTED, _evidence.detail(by=by, offender=offender))


def _weigh(reply: Reply | None) -> Outcome:
    """What a reply is worth as evidence."""
    if reply is None:
        return Outcome(_evidence.ACCEPTED)
    if reply.outcome is shapes.Outcome.PROVEN:
        return Outcome(_evidence.OPEN, _evidence.detail(**reply.about), reply)
    if reply.outcome is shapes.Outcome.MOVED and reply.origin:
        return Outcome(_evidence.MOVED, _evidence.detail(to=reply.origin[1]), reply)
    certificate = https.fingerprint(reply.certificate) if reply.certificate else None
    return Outcome(_evidence.FOREIGN, _evidence.detail(certificate=certificate, **reply.about), reply)
