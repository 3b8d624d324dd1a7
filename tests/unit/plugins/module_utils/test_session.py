# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import re
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

OURS = Session("3YbqWm0c8PdTzVnA", "QpN4vX7k2LsWc9RfTz1BdYh6MgJ8aEuK")

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
        b"3YbqWm0c8PdTzVnA:v00p65536",
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


@given(sessions, vantages, ports)
def test_a_token_tells_vantage_and_port(session: Session, vantage: int, port: int) -> None:
    token = session.token(vantage, port)
    assert re.fullmatch("[A-Za-z0-9_-]{47}", token)  # RFC 8555, section 8.3: base64url without padding
    assert session.read_token(token) == (vantage, port)
    assert session.token(vantage, port) == token


@given(sessions, st.tuples(vantages, ports), st.tuples(vantages, ports))
def test_every_question_has_a_token_of_its_own(session: Session, one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (session.token(*one) == session.token(*other)) == (one == other)


@pytest.mark.parametrize("change", ["id", "secret"])
@given(sessions, vantages, ports)
def test_another_sessions_token_is_a_strangers(change: str, session: Session, vantage: int, port: int) -> None:
    changed = {"id": "A" * 16 if session.id != "A" * 16 else "B" * 16, "secret": f"+{session.secret}"}
    other = session._replace(**{change: changed[change]})
    assert other.read_token(session.token(vantage, port)) is None
    assert session.read_token(other.token(vantage, port)) is None


@given(sessions, vantages, ports)
def test_a_label_is_a_token_in_which_case_does_not_count(session: Session, vantage: int, port: int) -> None:
    label = session.label(vantage, port)
    assert re.fullmatch("[a-z2-7]{24}", label)
    assert session.read_label(label.encode("ascii")) == (vantage, port)
    assert session.read_label(label.upper().encode("ascii")) == (vantage, port)
    for other in (session._replace(secret=f"+{session.secret}"), session._replace(id=session.id[::-1] + "x")):
        assert other.read_label(label.encode("ascii")) is None


@given(st.binary(max_size=80) | st.integers(0, 23).map(lambda at: OURS.label(7, 443).encode("ascii")[:at]))
def test_no_bytes_are_a_label_by_chance(label: bytes) -> None:
    assert OURS.read_label(label) is None


@given(st.integers(0, 46), st.sampled_from(string.ascii_letters + string.digits + "-_+/=. \n\0é"))
def test_a_token_with_a_character_changed_is_a_strangers(place: int, character: str) -> None:
    token = OURS.token(7, 443)
    changed = token[:place] + character + token[place + 1 :]
    assert OURS.read_token(changed) == ((7, 443) if changed == token else None)


def test_a_token_is_written_in_one_way_only() -> None:
    # The last of 47 characters holds 4 bits of the token, and 2 that could be anything.
    token = OURS.token(7, 443)
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    at = alphabet.index(token[-1])
    assert at % 4 == 0
    for more in (1, 2, 3):
        assert OURS.read_token(token[:-1] + alphabet[at + more]) is None
    for written in (f"{token}=", f"{token}==", f" {token}", f"{token}\n", f"{token[:8]}\n{token[8:]}"):
        assert OURS.read_token(written) is None


def test_a_token_has_no_other_alphabet() -> None:
    tokens = [OURS.token(0, port) for port in range(1, 200)]
    others = [token.replace("-", "+").replace("_", "/") for token in tokens]
    assert [OURS.read_token(other) for other in others if other not in tokens] == [None] * len({*others} - {*tokens})
    assert {*others} - {*tokens}


@given(st.text(max_size=60) | st.text(string.ascii_letters + string.digits + "-_=", max_size=60))
def test_no_text_is_a_token_by_chance(token: str) -> None:
    assert OURS.read_token(token) is None


@given(sessions, vantages, ports)
def test_what_answers_a_token_begins_with_it(session: Session, vantage: int, port: int) -> None:
    token = session.token(vantage, port)
    begins, dot, thumbprint = session.key_authorization(token).partition(".")
    assert (begins, dot) == (token, ".")
    assert re.fullmatch("[A-Za-z0-9_-]{43}", thumbprint)  # as that of a key (RFC 7638): 32 bytes
    assert thumbprint not in token


@given(sessions, vantages, ports)
def test_only_who_has_the_secret_knows_what_answers_a_token(session: Session, vantage: int, port: int) -> None:
    token = session.token(vantage, port)
    other = session._replace(secret="+" + session.secret)
    assert other.key_authorization(token) != session.key_authorization(token)


@given(sessions, st.tuples(vantages, ports), st.tuples(vantages, ports))
def test_what_answers_one_token_answers_no_other(
    session: Session, one: tuple[int, int], other: tuple[int, int]
) -> None:
    answers = [session.key_authorization(session.token(*asked)).partition(".")[2] for asked in (one, other)]
    assert (answers[0] == answers[1]) == (one == other)


def test_what_answers_a_token_is_not_the_mac_within_it() -> None:
    token = OURS.token(7, 443)
    answer = OURS.key_authorization(token).partition(".")[2]
    inside = base64.urlsafe_b64decode(token + "=")[-16:]
    assert not base64.urlsafe_b64decode(answer + "=").startswith(inside)
