# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What a script says on its terminal, and what to answer: questions are known, come in order, and are answered once."""

from __future__ import annotations

import re
import typing as t

from .._errors import PreflightError, as_given

NOTE = "== plugnmeet.server, "  # what begins a line of ours in the log

_MOST_LINE = 4096  # characters; a progress bar that never ends its line is no reason to keep all of it
# Control sequences (ECMA-48, section 5.4), commands to the terminal's operating system, and other escapes.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SECRET = re.compile(
    r"((?:secret|passw(?:or)?d|passphrase|pass(?=[\"']?\s*[:=])|(?:api|private)[ _-]?key|token)[\w\"' ]*?"
    r"\s*(?:[:=]|\bis\b(?!\s+not\b))\s*)(?:\"[^\"]*\"|'[^']*'|\S+)",
    re.IGNORECASE,
)


class Question(t.NamedTuple):
    """A question by its words, and the answer to it."""

    words: t.Pattern[str]
    answer: str


def parse_questions(rows: t.Sequence[t.Mapping[str, t.Any]]) -> list[Question]:
    """Return the questions that `rows` describe; raises PreflightError for the first mistake."""
    found = []
    for index, row in enumerate(rows):
        where = f"questions[{index}]"
        answer = str(row["answer"])
        if _CONTROLS.search(answer) or "\n" in answer or "\r" in answer:
            raise PreflightError(
                f"{where}.answer is {as_given(answer)!r}, which has a control character; write one line"
            )
        try:
            found.append(Question(re.compile(row["question"], re.IGNORECASE), answer))
        except re.error as error:
            raise PreflightError(
                f"{where}.question is {as_given(row['question'])}, which is no regular expression: {error}"
            ) from error
    return found


class Dialogue:
    """Follows what is said, and knows the answer to the question that is due."""

    def __init__(self, questions: t.Sequence[Question]) -> None:
        self._due = list(questions)
        self._open = ""  # the line that has not ended yet
        self._ended = ""  # the last one that has, and says something
        self.answered = 0

    @property
    def is_over(self) -> bool:
        """Whether all questions were answered."""
        return not self._due

    def hear(self, text: str) -> None:
        """Take what the script has said since."""
        *ended, self._open = (self._open + text)[-_MOST_LINE:].split("\n")
        self._ended = next(filter(None, (plain(line) for line in reversed(ended))), self._ended)

    def asked(self) -> str:
        """The line that stands open, which is what a question looks like; empty if there is none."""
        return plain(self._open)

    def said(self) -> str:
        """The last line that says something."""
        return self.asked() or self._ended

    def reply(self) -> str | None:
        """Return the answer if the question that is due stands open, and go on to the next; None if it does not."""
        if not self._due or not self._due[0].words.search(self.asked()):
            return None
        self.answered += 1
        return self._due.pop(0).answer


def plain(line: str) -> str:
    """A line as a person sees it: without control characters, and only what was written over the rest."""
    seen = _CONTROLS.sub("", _ESCAPES.sub("", line).rstrip("\r").rpartition("\r")[2])
    return seen.strip()


def tail(text: str, lines: int) -> list[str]:
    """The last lines that the script said, without what is secret in them."""
    shown = [without_secrets(plain(line)) for line in text.split("\n")]
    return [line for line in shown if line and not line.startswith(NOTE)][-lines:]


def without_secrets(line: str) -> str:
    """A line with passwords and keys blotted out."""
    return _SECRET.sub(r"\1********", line)
