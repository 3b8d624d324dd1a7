# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel keeps out; the rest is tested with a real listener, in test_serving."""

from __future__ import annotations

import contextlib
import socket
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils import _stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import stun
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.junk import Junk
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

ID = "3YbqWm0c8PdTzVnA"
PRIORITY, OTHER = (_stun.PRIORITY, bytes(4)), (0xC057, b"odd")
TRANSACTION = b"transaction1"


def build(kind: int, *attributes: tuple[int, bytes]) -> bytes:
    return _stun.build(kind, TRANSACTION, attributes, b"secret")


USERNAME = (_stun.USERNAME, ID.encode("ascii") + b":browser")
QUESTION = stun.ask(Session(ID, "x" * 32), 4, 50_000, TRANSACTION, b"tie-brkr")


class Door:
    """A socket that has met junk, and somebody who sends to it."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind(("127.0.0.1", 0))
        self.junk = Junk(ID)
        self.junk.came_to(self.sock)

    def lets_in(self, data: bytes) -> bool:
        self.sender.sendto(data, self.sock.getsockname())
        with contextlib.suppress(BlockingIOError):
            assert self.sock.recv(65536) == data
            return True
        return False


@pytest.fixture
def door() -> t.Iterator[Door]:
    made = Door()
    with made.sock, made.sender:
        yield made


@pytest.mark.parametrize(
    "question",
    [
        QUESTION,
        build(_stun.BINDING_REQUEST, USERNAME),
        build(_stun.BINDING_REQUEST, PRIORITY, OTHER, USERNAME),
        build(_stun.BINDING_REQUEST, *[OTHER] * 8, USERNAME),
        QUESTION[:-1] + b"?",  # which the process will see through
    ],
    ids=["prober's", "USERNAME alone", "USERNAME third", "USERNAME ninth", "wrongly signed"],
)
def test_what_may_be_a_question_of_the_session_is_let_in_whole(door: Door, question: bytes) -> None:
    assert door.lets_in(question)
    assert door.junk.kept_out() == 0


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"test\n",
        bytes(1400),
        QUESTION[:20],
        QUESTION[:36],
        build(_stun.BINDING_REQUEST),
        build(_stun.BINDING_REQUEST, PRIORITY),
        build(_stun.BINDING_REQUEST, (_stun.USERNAME, b"0000000000000000:v00p50000")),
        build(_stun.BINDING_REQUEST, (_stun.USERNAME, ID[:-1].encode("ascii") + b"0:v00p50000")),
        build(_stun.BINDING_REQUEST, *[OTHER] * 9, USERNAME),
        build(_stun.BINDING_SUCCESS, USERNAME),
        QUESTION[:4] + b"\0" + QUESTION[5:],
    ],
    ids=[
        "nothing", "text", "zeroes", "header alone", "cut", "no attribute", "no USERNAME", "another session",
        "another last letter", "USERNAME too late", "an answer", "no cookie",
    ],
)  # fmt: skip
def test_what_cannot_be_one_is_kept_out_and_counted(door: Door, junk: bytes) -> None:
    assert not door.lets_in(junk)
    assert not door.lets_in(junk)
    assert door.junk.kept_out() == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda data: QUESTION[:20] + data))
def test_of_whatever_comes_nothing_without_the_id_is_let_in(door: Door, data: bytes) -> None:
    assert not door.lets_in(data)


def test_a_second_time_nothing_is_done(door: Door) -> None:
    assert not door.lets_in(b"junk")
    door.junk.came_to(door.sock)
    assert door.junk.kept_out() == 1


def test_a_socket_that_met_no_junk_lets_everything_in() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.sendto(b"anything", sock.getsockname())
        assert sock.recv(100) == b"anything"
    assert Junk(ID).kept_out() == 0


def test_where_the_kernel_has_no_memory_for_a_filter_it_goes_on_without() -> None:
    class Full(socket.socket):
        def setsockopt(self, *dummy: t.Any) -> None:
            raise OSError(12, "Cannot allocate memory")

    with Full(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        Junk(ID).came_to(sock)
