# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The listener's loop: answer this session's questions on every port until it is told to stop or its time is over."""

from __future__ import annotations

import errno
import functools
import select
import socket
import struct
import typing as t

from .._addresses import plain, plain_ip
from .._exchange import stun
from .._exchange.shapes import Address, Answering, Asked, StrangerError
from .._exchange.stream import Answerers
from .binding import IP_PKTINFO, Port
from .junk import Junk
from .record import Record
from .tap import Tap

_FRAMES = 2048  # of a tap before the sockets have their turn; it sees what goes to all of them
_LONGEST_DATAGRAM = 2048
_MOST_AT_ONCE = 16384  # of a stream
_CONVERSATION_SECONDS = 10.0
_MOST_CONVERSATIONS = 1000
_ACCEPTED_AT_ONCE = 64
_AT_ONCE = 64  # sockets of a turn; what they bring shall stay in the processor's cache


class HasFileno(t.Protocol):
    """What the kernel can be asked to watch."""

    def fileno(self) -> int:
        """Return its descriptor."""


class Server:
    """The loop over all sockets.

    `answerers` makes the ends of TCP connections of its session, and what is seen goes to `record`. When there is
    something to read at `control`, `command` is called with it; the loop ends when that returns true. `clock` counts
    seconds, and `deadline` is the reading at which the loop ends by itself.
    """

    def __init__(
        self,
        answerers: Answerers,
        record: Record,
        sockets: dict[Port, socket.socket],
        taps: t.Sequence[Tap],
        control: socket.socket,
        command: t.Callable[[socket.socket], bool],
        deadline: float,
        clock: t.Callable[[], float],
    ) -> None:
        self._session = answerers.session
        self._answerers = answerers
        self._taps = taps
        self._control = control
        self._command = command
        self._deadline = deadline
        self._clock = clock
        self._record = record
        self._junk = Junk(answerers.session.id)
        self._conversations: dict[int, _Conversation] = {}
        self._stopped = False
        self._epoll = select.epoll()
        self._few = select.epoll()  # all but the datagram sockets
        self._handlers: dict[int, t.Callable[[], None]] = {}
        self._datagrams: dict[int, tuple[socket.socket, int]] = {}
        self._watch(control, self._obey)
        for tap in taps:
            self._watch(tap, functools.partial(self._look, tap, _FRAMES))
        for (protocol, port), sock in sockets.items():
            if protocol == "udp":
                self._datagrams[sock.fileno()] = (sock, port)
                self._epoll.register(sock.fileno(), select.EPOLLIN)
            else:
                self._watch(sock, functools.partial(self._accept, sock, port))

    def run(self) -> None:
        """Serve until stopped or until the deadline."""
        while not self._stopped:
            left = self._deadline - self._clock()
            if left <= 0:
                return
            events = self._epoll.poll(min(left, 1.0), _AT_ONCE)
            self._handle(events)
            if len(events) == _AT_ONCE:  # in a flood of datagrams nobody else shall wait for the last of them
                self._handle(self._few.poll(0))
            self._hang_up_on_idlers()

    def _handle(self, events: list[tuple[int, int]]) -> None:
        """Datagrams first, so that a command comes after what was there before it."""
        self._answer_datagrams(
            self._datagrams[descriptor] for descriptor, dummy in events if descriptor in self._datagrams
        )
        for descriptor, dummy in events:
            handler = self._handlers.get(descriptor)
            if handler:
                handler()

    def end_with(self, thing: HasFileno) -> None:
        """End the loop as soon as there is something to read at `thing`."""
        self._watch(thing, self._end)

    def catch_up(self) -> int:
        """Bring the record up to date; return how many frames the taps have lost."""
        for tap in self._taps:
            self._look(tap, 1_000_000)
        self._record.kept_out = self._junk.kept_out()
        return sum(tap.lost() for tap in self._taps)

    def _watch(self, thing: HasFileno, handler: t.Callable[[], None]) -> None:
        self._handlers[thing.fileno()] = handler
        self._epoll.register(thing.fileno(), select.EPOLLIN)
        self._few.register(thing.fileno(), select.EPOLLIN)

    def _watch_again(self, thing: HasFileno, event: int, handler: t.Callable[[], None]) -> None:
        """Wait for something else of what is watched."""
        self._handlers[thing.fileno()] = handler
        self._epoll.modify(thing.fileno(), event)
        self._few.modify(thing.fileno(), event)

    def _end(self) -> None:
        self._stopped = True

    def _obey(self) -> None:
        # Who asks after a stop, before the end of the turn, does not take it back.
        self._stopped = self._command(self._control) or self._stopped

    def _look(self, tap: Tap, most: int) -> None:
        for frame in tap.read(most):
            self._record.frame(frame)

    def _answer_datagrams(self, ready: t.Iterable[tuple[socket.socket, int]]) -> None:
        """Answer one of each socket; if more are waiting, the loop comes back, after the other sockets had their turn.

        All are taken, then all answers are made, and then sent: a processor is faster at more of the same.
        """
        taken = []
        for sock, port in ready:
            try:
                taken.append((sock, port, sock.recvmsg(_LONGEST_DATAGRAM, 64)))
            except OSError:  # nothing there any more, or an ICMP error about an earlier answer
                continue
        answers = []
        for sock, port, (data, ancillary, dummy_flags, source) in taken:
            local, reply_from = _local_end(ancillary)
            peer = plain(source)
            answered = stun.answer(data, self._session, peer, (local, port))
            if answered is None or self._answerers.transactions.is_replay(data[8:20], peer, port):
                self._stranger(sock, data, peer, port)
                continue
            asked = self._who(answered[1], "udp", peer, port)
            self._note(asked, "udp", peer, port)
            answers.append((sock, port, peer, asked, ([answered[0]], reply_from, 0, source)))
        for sock, port, peer, asked, message in answers:
            try:
                sock.sendmsg(*message)
            except OSError as error:
                self._note_failure(asked, "udp", peer, port, error)
            else:
                self._note_success(asked, "udp", peer, port)

    def _accept(self, sock: socket.socket, port: int) -> None:
        """Take those who wait, but for a flood, which has its next turn after the other sockets had theirs."""
        for dummy in range(_ACCEPTED_AT_ONCE):
            try:
                connection, source = sock.accept()
            except OSError as error:
                # Out of descriptors: without one given up, the waiting connection would keep the loop busy for nothing.
                if error.errno in (errno.EMFILE, errno.ENFILE) and self._conversations:
                    self._hang_up(next(iter(self._conversations.values())))
                return
            self._begin(connection, plain(source), port)

    def _begin(self, connection: socket.socket, peer: Address, port: int) -> None:
        self._record.accepted(peer, port)
        if len(self._conversations) >= _MOST_CONVERSATIONS:
            self._hang_up(next(iter(self._conversations.values())))
        connection.setblocking(False)
        conversation = _Conversation(connection, peer, port, self._clock() + _CONVERSATION_SECONDS)
        self._conversations[connection.fileno()] = conversation
        self._watch(connection, functools.partial(self._converse, conversation))

    def _converse(self, conversation: _Conversation) -> None:
        """Answer the first question of a connection; the prober hangs up when it has the answer."""
        connection = conversation.connection
        try:
            data = connection.recv(_MOST_AT_ONCE)
            if not data or conversation.complete:
                self._hang_up(conversation)
                return
            if conversation.answering is None:
                local = plain(connection.getsockname())
                conversation.answering = self._answerers.answering(data, conversation.peer, local)
            turn = conversation.answering.receive(data)
        except BlockingIOError:
            return
        except (OSError, StrangerError):
            self._hang_up(conversation)
            return
        if turn.asked and not conversation.asked:
            conversation.asked = self._who(turn.asked, "tcp", conversation.peer, conversation.port)
            self._note(conversation.asked, "tcp", conversation.peer, conversation.port)
        conversation.complete = turn.complete
        self._say(conversation, turn.send, turn.closes)

    def _say(self, conversation: _Conversation, data: bytes, closes: bool) -> None:
        """Send `data`, if not all at once then as there is room for more, and read nothing before all is said."""
        asked, peer, port = conversation.asked, conversation.peer, conversation.port
        try:
            rest = data[_send(conversation.connection, data) :]
            if rest:
                go_on = functools.partial(self._go_on, conversation, rest, closes)
                self._watch_again(conversation.connection, select.EPOLLOUT, go_on)
                return
            if closes:
                conversation.connection.shutdown(socket.SHUT_WR)
        except OSError as error:
            if asked:
                self._note_failure(asked, "tcp", peer, port, error)
            self._hang_up(conversation)
            return
        if asked and data and conversation.complete:
            self._note_success(asked, "tcp", peer, port)
        elif conversation.complete:  # there is no answer to it
            self._hang_up(conversation)

    def _go_on(self, conversation: _Conversation, rest: bytes, closes: bool) -> None:
        """Say what there was no room for."""
        converse = functools.partial(self._converse, conversation)
        self._watch_again(conversation.connection, select.EPOLLIN, converse)
        self._say(conversation, rest, closes)

    def _who(self, asked: Asked, protocol: str, peer: Address, port: int) -> Asked:  # noqa: ARG002 - for a visit
        """Return who asked."""
        return asked

    def _stranger(self, sock: socket.socket, data: bytes, peer: Address, port: int) -> None:  # noqa: ARG002 - for a visit
        """Take a datagram that gets no answer."""
        self._record.strangers["datagrams"] += 1
        self._junk.came_to(sock)

    def _note(self, asked: Asked, protocol: str, peer: Address, port: int) -> None:
        if asked.vantage is not None and asked.intended_port is not None:
            note = self._record.passed_on if asked.passed_on else self._record.received
            note(protocol, peer, asked.vantage, port, asked.intended_port)

    def _note_success(self, asked: Asked, protocol: str, peer: Address, port: int) -> None:
        if asked.vantage is not None:
            self._record.answered(protocol, peer, asked.vantage, port)

    def _note_failure(self, asked: Asked, protocol: str, peer: Address, port: int, error: OSError) -> None:
        if asked.vantage is not None:
            self._record.unanswered(protocol, peer, asked.vantage, port, error.strerror or str(error))

    def _hang_up(self, conversation: _Conversation) -> None:
        if not conversation.asked and not self._record.knows(conversation.peer):
            self._record.strangers["connections"] += 1
        descriptor = conversation.connection.fileno()
        del self._conversations[descriptor], self._handlers[descriptor]
        self._epoll.unregister(descriptor)
        self._few.unregister(descriptor)
        conversation.connection.close()

    def _hang_up_on_idlers(self) -> None:
        now = self._clock()
        for conversation in list(self._conversations.values()):
            if conversation.deadline > now:
                return  # the later ones are younger
            self._hang_up(conversation)


class _Conversation:
    """A TCP connection; `asked` once it has proven to be of this session, `complete` with its answer."""

    def __init__(self, connection: socket.socket, peer: Address, port: int, deadline: float) -> None:
        self.connection = connection
        self.peer = peer
        self.port = port
        self.deadline = deadline
        self.answering: Answering | None = None
        self.asked: Asked | None = None
        self.complete = False


def _send(connection: socket.socket, data: bytes) -> int:
    """Send what there is room for; return how much that was."""
    try:
        return connection.send(data) if data else 0
    except BlockingIOError:
        return 0


_Ancillary = t.List[t.Tuple[int, int, bytes]]


def _local_end(ancillary: _Ancillary) -> tuple[str, _Ancillary]:
    """Return where a datagram arrived, and what makes its answer leave from there (ip(7), ipv6(7))."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            return _local_ipv6(data)
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            return _local_ipv4(data)
    return "", []


@functools.lru_cache(maxsize=64)
def _local_ipv6(data: bytes) -> tuple[str, _Ancillary]:
    address, interface = data[:16], data[16:20]
    # Only a link-local answer needs an interface; any other leaves by whatever route there is.
    scope = interface if address[:2] == b"\xfe\x80" else bytes(4)
    ip = plain_ip(socket.inet_ntop(socket.AF_INET6, address))
    return ip, [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, address + scope)]


@functools.lru_cache(maxsize=64)
def _local_ipv4(data: bytes) -> tuple[str, _Ancillary]:
    local = data[4:8]
    return socket.inet_ntoa(local), [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=i4s4s", 0, local, bytes(4)))]
