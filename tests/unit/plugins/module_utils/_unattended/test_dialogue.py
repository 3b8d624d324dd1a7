# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._unattended.dialogue import (
    Dialogue,
    parse_questions,
    plain,
    tail,
)

ROWS = [{"question": r"server domain.*:$", "answer": "meet.example.com"}, {"question": "y/n", "answer": "n"}]


def dialogue() -> Dialogue:
    return Dialogue(parse_questions(ROWS))


def test_a_question_is_answered_once_and_in_its_turn() -> None:
    talk = dialogue()
    talk.hear("Welcome\r\nThe SERVER Domain (like a.example): ")
    assert talk.reply() == "meet.example.com"
    assert (talk.answered, talk.is_over) == (1, False)
    assert talk.reply() is None, "the same line is not the next question"
    talk.hear("meet.example.com\r\nRecorder? y/n: ")
    assert talk.reply() == "n"
    assert talk.is_over
    assert talk.reply() is None


@pytest.mark.parametrize(
    "said",
    [
        "Recorder? y/n: ",  # out of its turn
        "Your server domain:\n",  # it is not open any more
        "Your server domain: is wrong",
        "livekit domain: ",
        "",
    ],
)
def test_what_is_not_the_question_that_is_due_gets_no_answer(said: str) -> None:
    talk = dialogue()
    talk.hear(said)
    assert talk.reply() is None
    assert talk.answered == 0


def test_a_question_may_come_in_pieces_and_in_colour() -> None:
    talk = dialogue()
    for piece in ("\x1b[1;32mserver", " do", "main\x1b[0m", ": "):
        talk.hear(piece)
    assert talk.asked() == "server domain:"
    assert talk.reply() == "meet.example.com"


def test_the_last_line_that_says_something_is_known() -> None:
    talk = dialogue()
    talk.hear("Unpacking\r\n\r\n")
    assert (talk.said(), talk.asked()) == ("Unpacking", "")
    talk.hear("0% [Working]\r50% [Working]")
    assert (talk.said(), talk.asked()) == ("50% [Working]", "50% [Working]")


def test_a_line_that_never_ends_fills_no_memory() -> None:
    talk = dialogue()
    for dummy in range(1000):
        talk.hear("." * 1000)
    assert len(talk.asked()) <= 4096


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("plain", "plain"),
        ("\x1b]0;title\x07a\x1b[2K\x1b(Bb\x00c\x9b", "abc"),
        ("10%\r20%\r", "20%"),
        ("10%\r\r", "10%"),
    ],
)
def test_a_line_is_shown_as_a_person_sees_it(line: str, seen: str) -> None:
    assert plain(line) == seen


def test_the_tail_shows_no_secret() -> None:
    text = "one\ntwo\n\nplugNmeet API KEY: APIabc\nplugNmeet API SECRET: s3cr3t\npassword=hunter2 x\n"
    text += "== plugnmeet.server, now: ==\n"
    assert tail(text, 4) == [
        "two",
        "plugNmeet API KEY: ********",
        "plugNmeet API SECRET: ********",
        "password=******** x",
    ]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("the password is hunter2", "the password is ********"),
        ("the password is not right", "the password is not right"),
        ("export DB_PASS=abc", "export DB_PASS=********"),
        ("MYSQL_PASSWORD='a b' c", "MYSQL_PASSWORD=******** c"),
        ('{"secret": "abc def", "x": 1}', '{"secret": ********, "x": 1}'),
        ("Private key: abc", "Private key: ********"),
        ("tests passed: 10", "tests passed: 10"),
        ("a token ring", "a token ring"),
    ],
)
def test_a_secret_is_blotted_out_however_it_is_written(line: str, shown: str) -> None:
    assert tail(line, 1) == [shown]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"question": "(", "answer": "x"}, r'questions\[0\].question is "\(", which is no regular expression'),
        ({"question": "x", "answer": "a\nb"}, r"questions\[0\].answer is .*control character"),
        ({"question": "x", "answer": "\x03"}, r"questions\[0\].answer is .*control character"),
    ],
)
def test_what_cannot_be_asked_or_typed_is_refused(row: dict[str, t.Any], complaint: str) -> None:
    with pytest.raises(PreflightError, match=complaint):
        parse_questions([row])
