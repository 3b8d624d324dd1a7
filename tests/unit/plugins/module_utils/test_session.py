# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._session import (
    ICE_CHARS,
    MARKS,
    SHORTEST_SECRET,
    USERNAME_LENGTH,
    VANTAGES,
    Session,
)

sessions = st.builds(
    Session,
    st.text(string.ascii_letters + string.digits, min_size=16, max_size=16),
    st.text(ICE_CHARS, min_size=SHORTEST_SECRET, max_size=64),
)
vantages = st.integers(0, VANTAGES - 1)
ports = st.integers(1, 65535)


@given(sessions, vantages, ports)
def test_a_username_tells_vantage_and_port(session: Session, vantage: int, port: int) -> None:
    username = session.username(vantage, port)
    assert len(username) == USERNAME_LENGTH
    assert session.read_username(username) == (vantage, port)


@given(sessions)
def test_a_mark_tells_the_vantage(session: Session) -> None:
    marks = [session.mark(vantage) for vantage in range(VANTAGES)]
    assert [session.read_mark(mark) for mark in marks] == list(range(VANTAGES))
    assert set(marks) <= set(MARKS)


def test_other_marks_are_strangers(session: Session) -> None:
    own = {session.mark(vantage) for vantage in range(VANTAGES)}
    assert all(session.read_mark(mark) is None for mark in range(65536) if mark not in own)


@given(sessions, sessions, vantages, ports)
def test_another_sessions_username_is_a_strangers(one: Session, other: Session, vantage: int, port: int) -> None:
    expected = (vantage, port) if one.id == other.id else None
    assert other.read_username(one.username(vantage, port)) == expected


@pytest.mark.parametrize(
    "username",
    [
        b"",
        b"3YbqWm0c8PdTzVnA",
        b"3YbqWm0c8PdTzVnA:browser",
        b"3YbqWm0c8PdTzVnA:v00p00080 ",
        b"3YbqWm0c8PdTzVnA:v00p00080\n",
        b" 3YbqWm0c8PdTzVnA:v00p00080",
        b"3YbqWm0c8PdTzVnA:v0p00080",
        b"\xff" * USERNAME_LENGTH,
    ],
)
def test_anything_else_is_a_strangers(username: bytes) -> None:
    assert Session("3YbqWm0c8PdTzVnA", "x" * 32).read_username(username) is None


@given(st.binary(max_size=40))
def test_no_bytes_raise_anything(username: bytes) -> None:
    assert Session("3YbqWm0c8PdTzVnA", "x" * 32).read_username(username) is None


@given(sessions)
def test_options_become_a_session(session: Session) -> None:
    assert Session.from_params({**session._asdict(), "started": 1.0}) == session
    assert session.key == session.secret.encode("ascii")


@pytest.mark.parametrize("nothing", [{}, {"certificate": None, "private_key": None}])
def test_a_session_may_have_no_certificate(nothing: dict[str, None]) -> None:
    session = Session.from_params({"id": "3YbqWm0c8PdTzVnA", "secret": "x" * 32, **nothing})
    assert session == Session("3YbqWm0c8PdTzVnA", "x" * 32)
    assert (session.certificate, session.private_key) == ("", "")


@pytest.mark.parametrize(
    ("session_id", "secret", "sentence"),
    [
        ("short", "x" * 32, "session.id must be 16 letters and digits"),
        ("3YbqWm0c8PdTzVn:", "x" * 32, "session.id must be 16 letters and digits"),
        ("3YbqWm0c8PdTzVn/", "x" * 32, "session.id must be 16 letters and digits"),
        ("3YbqWm0c8PdTzVn\n", "x" * 32, "session.id must be 16 letters and digits"),
        ("3YbqWm0c8PdTzVnA", "x" * 21, "session.secret must be 22 ICE characters or more"),
        ("3YbqWm0c8PdTzVnA", "x" * 31 + "é", "session.secret must be 22 ICE characters or more"),
    ],
)
def test_credentials_of_another_make_are_refused_and_not_shown(session_id: str, secret: str, sentence: str) -> None:
    with pytest.raises(PreflightError) as raised:
        Session.from_params({"id": session_id, "secret": secret})
    assert str(raised.value).startswith(sentence)
    assert secret not in str(raised.value)
