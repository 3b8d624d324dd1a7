# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextvars
import queue
import threading
import time
import typing as t

from ansible.errors import AnsibleError, AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.plugnmeet.server.plugins.module_utils._arguments import PORTS, SESSION
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement, parse_requirements
from ansible_collections.plugnmeet.server.plugins.plugin_utils import _visitors, _waiting

display = Display()

_ARGUMENTS: dict[str, t.Any] = {
    "session": SESSION,
    "addresses": {"type": "dict", "required": True},
    "visitors": {"type": "int", "default": 1},
    "ports": PORTS,
    "links": {"type": "list", "elements": "str", "default": []},
}
_MOMENT = 2  # seconds that a line stands
_PATIENCE = 5  # seconds in which nothing more is typed, after which what is there is taken for all
_SECOND_TRY = 30  # seconds for a paste that the end of a moment cannot cut; Ansible reads 1000 characters in one
_PAUSE = 1.0  # seconds between two looks at the listener
_SILENCE = 30.0  # seconds without a first word of the listener
_REST = 10  # seconds that are left for the listener to say what it saw, as the role has them
_LOG_EVERY = 10.0  # seconds between two lines, where nobody watches
_LINE_UP = "\x1b[1A\x1b[2K"
_INTERRUPTS, _ENTERS = (b"\x03",), (b"\r", b"\n")

Result = dict[str, t.Any]


class ActionModule(ActionBase):
    """Wait for visitors, and show what happens meanwhile."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        """Return RV(results): who shall be heard."""
        result: Result = super().run(tmp, task_vars)
        arguments: Result = self.validate_argument_spec(_ARGUMENTS)[1]  # type: ignore[no-untyped-call]
        self._task_vars = task_vars
        self._session = arguments["session"]
        if self._task.check_mode:
            unasked = {"item": "a visitor", "unresolved": "Nothing was asked, because of check mode", "evidence": []}
            return {**result, "changed": False, "results": [unasked], "ended": "check mode"}
        try:
            table = parse_requirements(arguments["ports"])
        except PreflightError as error:
            return {**result, "failed": True, "msg": f"{error}."}
        addresses = arguments["addresses"]
        display.display(_waiting.invitation(arguments["links"], arguments["visitors"]))
        visit, ended = self._wait(arguments["visitors"], addresses, table)
        witnesses = _visitors.witnesses(visit, addresses, f"nobody came: {ended}", table)
        for line in _waiting.summary(visit, {witness["visitor"] for witness in witnesses}):
            display.display(line)
        return {**result, "changed": False, "results": witnesses, "ended": ended}

    def _wait(self, visitors: int, addresses: dict[str, str], table: list[Requirement]) -> tuple[Result, str]:
        """Return what there was at the end, and why that was the end."""
        ports = sum(len(row.ports) for row in table)
        watch = _Watch(self._look)
        screen = _Screen()
        told: set[str] = set()
        try:
            while True:
                visit = watch.visit
                screen.patient = not _tell(watch.answers())
                if not visit.get("running", True):
                    return visit, "the listener's time was over"
                if time.monotonic() > watch.end:
                    return visit, "the time was over" if visit else "the server could not be reached"
                if len(_visitors.conclusive(visit.get("visitors") or [], addresses, table)) >= visitors:
                    return visit, "all visitors have finished"
                _tell_once(_waiting.obstacles(visit, addresses, table), told)
                entered = screen.show(_waiting.line(visit, ports))
                if entered == "":
                    watch.stop()
                    _tell(watch.answers())
                    watch.look("")
                    return watch.visit, "it was ended by hand"
                if entered:
                    watch.hand_over(entered)
        finally:
            watch.stop()

    def _look(self, result: str) -> Result:
        """Ask the listener, and hand it a result that was pasted."""
        arguments: dict[str, object] = {"session": {**self._session}, "result": result}
        try:
            return dict(
                self._execute_module(
                    module_name="plugnmeet.server.visit_info", module_args=arguments, task_vars=self._task_vars
                )
            )
        except AnsibleError:  # no connection, or none to root: sudo may answer too late
            return {"unreachable": True}


def _tell(answers: t.Iterable[bool]) -> bool:
    """Say which results were taken; return whether all were."""
    told = list(answers)
    for taken in told:
        display.display(_waiting.TAKEN if taken else _waiting.NOT_TAKEN)
    return all(told)


def _tell_once(lines: dict[str, str], told: set[str]) -> None:
    for who in [who for who in lines if who not in told]:
        display.display(lines[who])
        told.add(who)


class _Watch:
    """Looks again and again, and hands over what was pasted, beside the screen.

    For a look takes as long as SSH does, and what is typed while nobody asks for it is lost: Ansible forgets it.
    """

    def __init__(self, look: t.Callable[[str], Result]) -> None:
        self._look = look
        self._pasted: queue.SimpleQueue[str | None] = queue.SimpleQueue()  # and None for the end
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.visit: Result = {}
        self.end = time.monotonic() + _SILENCE
        # What ansible-core keeps for the task at hand belongs to a context.
        self._thread = threading.Thread(target=contextvars.copy_context().run, args=(self._watch,), daemon=True)
        self._thread.start()

    def hand_over(self, result: str) -> None:
        """Have the listener take a result, with the next look."""
        self._pasted.put(result)

    def answers(self) -> t.Iterator[bool]:
        """Tell of each result that was handed over since, whether it is one of this session."""
        while not self._answers.empty():
            yield self._answers.get()

    def stop(self) -> None:
        """End when all was handed over."""
        self._pasted.put(None)
        self._thread.join()

    def look(self, result: str) -> None:
        """Look once."""
        visit = self._look(result)
        if result:
            self._answers.put(bool(visit.get("taken")))
        # A connection that fails for a moment is no reason to end a visit.
        if not visit.get("failed") and not visit.get("unreachable"):
            left = max(0, visit.get("seconds_left", 0) - _REST)
            self.visit = {**visit, "seconds_left": left}
            self.end = time.monotonic() + left

    def _watch(self) -> None:
        self.look("")
        for result in iter(self._next, None):
            self.look(result)

    def _next(self) -> str | None:
        try:
            return self._pasted.get(timeout=_PAUSE)
        except queue.Empty:
            return ""


class _Screen:
    """The line that moves on a terminal, and comes now and then elsewhere."""

    def __init__(self) -> None:
        self.patient = False  # whether the next line stands long enough for a long paste
        self._interactive = True
        self._typed = b""
        self._shown = ""
        self._when = 0.0

    def show(self, line: str) -> str | None:
        """Show `line` for a moment; return what was entered, empty for the wish to end, None for nothing."""
        if self._interactive:
            try:
                return self._ask(line)
            except AnsiblePromptInterrupt:
                return ""
            except AnsiblePromptNoninteractive:
                self._interactive = False
        now = time.monotonic()
        if line != self._shown and now - self._when >= _LOG_EVERY:
            display.display(line)
            self._shown, self._when = line, now
        time.sleep(_MOMENT)
        return None

    def _ask(self, line: str) -> str | None:
        """What was entered, as from `show`. The end of a moment may cut a long paste, and ENTER be lost with it."""
        patience = _SECOND_TRY if self.patient else _PATIENCE if self._typed else _MOMENT
        start = time.monotonic()
        message = (_LINE_UP if self._shown else "") + line
        typed = display.prompt_until(
            message, private=True, seconds=patience, interrupt_input=_INTERRUPTS, complete_input=_ENTERS
        )
        self._shown = line
        begun, self._typed = self._typed, self._typed + typed
        without_enter = time.monotonic() - start >= patience
        if without_enter and (typed or not begun):
            return None
        entered, self._typed = self._typed.decode("utf-8", "replace").strip(), b""
        return (entered or None) if without_enter else entered
