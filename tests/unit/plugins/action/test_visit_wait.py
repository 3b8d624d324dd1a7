# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
import typing as t

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsiblePromptInterrupt, AnsiblePromptNoninteractive

from ansible_collections.plugnmeet.server.plugins.action import visit_wait

Result = dict[str, t.Any]

SESSION = {"id": "A" * 16, "secret": "s" * 32}
ADDRESSES = {"ipv4": "203.0.113.10"}


PORTS = [{"name": "media", "protocol": "udp", "ports": "1-5"}]


def visitor(done: bool, **more: t.Any) -> Result:
    families = {"ipv4": {"udp": {"asked": "1-5", "open": "1-5"}}}
    result = {"agent": "Chrome on Linux", "families": families, **more} if done else None
    return {
        "visitor": "aaaaaaaa",
        "vantage": 0,
        "addresses": ["198.51.100.2"],
        "arrived": {"udp": "1-3", "tcp": ""},
        "quiet": 0,
        "result": result,
        "brought_to": 80,
    }


class Screen:
    """A terminal on which `keys` are pressed, one entry at each prompt.

    Bytes are followed by ENTER, text is not, None is nothing, and False that there is no terminal.
    """

    def __init__(self, keys: t.Iterable[t.Any]) -> None:
        self.keys = iter(keys)
        self.shown: list[str] = []
        self.seconds: list[float] = []

    def display(self, text: str) -> None:
        self.shown.append(text)

    def prompt_until(self, text: str, seconds: float, **dummy: t.Any) -> bytes:
        self.shown.append(text)
        self.seconds.append(seconds)
        key = next(self.keys)
        if key is False:
            raise AnsiblePromptNoninteractive("no terminal")
        if key == b"\x03":
            raise AnsiblePromptInterrupt("user interrupt")
        if key is None or isinstance(key, str):  # no ENTER before the time is over
            visit_wait.time.sleep(seconds)  # type: ignore[attr-defined]
            return (key or "").encode()
        return bytes(key)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., tuple[Result, Screen]]:
    """Run the action against a listener that answers with `looks`, one after the other, and then with the last."""

    def start(
        looks: list[Result], keys: t.Iterable[t.Any], check: bool = False, ports: t.Any = None
    ) -> tuple[Result, Screen]:
        screen = Screen(keys)
        monkeypatch.setattr(visit_wait, "display", screen)
        monkeypatch.setattr(visit_wait, "_MOMENT", 0.05)
        monkeypatch.setattr(visit_wait, "_PATIENCE", 0.1)
        monkeypatch.setattr(visit_wait, "_SECOND_TRY", 0.3)
        monkeypatch.setattr(visit_wait, "_PAUSE", 0.01)
        arguments = {"session": SESSION, "addresses": ADDRESSES, "ports": ports or PORTS, "links": ["/page.html"]}
        task = types.SimpleNamespace(args=arguments, async_val=0, check_mode=check, action="visit_wait")
        connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir="/nowhere"))
        nothing: t.Any = None
        action = visit_wait.ActionModule(
            t.cast("t.Any", task), t.cast("t.Any", connection), nothing, nothing, nothing, nothing
        )

        def look(module_args: Result, **dummy: t.Any) -> Result:
            if module_args["result"]:
                return {**looks[0], "taken": module_args["result"] == "right"}
            found = looks.pop(0) if len(looks) > 1 else looks[0]
            if found == LOST:
                raise AnsibleConnectionFailure("the connection was lost")
            if found == LATE:
                raise AnsibleError("Timeout (12s) waiting for privilege escalation prompt")
            return found

        monkeypatch.setattr(action, "_execute_module", look)
        result: Result = action.run(None, {})
        return result, screen

    return start


LOST, LATE = {"lost": True}, {"late": True}
RUNNING = {"running": True, "seconds_left": 60, "visitors": [], "texts": []}


def test_it_ends_when_the_visitor_has_finished(run: t.Callable[..., tuple[Result, Screen]]) -> None:
    looks = [RUNNING, {**RUNNING, "visitors": [visitor(False)]}, {**RUNNING, "visitors": [visitor(True)]}]
    result, screen = run(looks, [None] * 50)
    assert result["ended"] == "all visitors have finished"
    assert [row["item"] for row in result["results"]] == ["browser 198.51.100.2, Chrome on Linux"]
    assert "/page.html" in screen.shown[0]
    assert screen.shown[-1].endswith("finished; its result came over TCP port 80.")


def test_a_port_is_missing_once_however_many_addresses_the_server_has(
    run: t.Callable[..., tuple[Result, Screen]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ADDRESSES, "ipv6", "2001:db8::10")
    screen = run([{**RUNNING, "visitors": [visitor(False)]}], [None, None, b""])[1]
    assert "browser 198.51.100.2: 3 ports arrived, 2 missing." in "".join(screen.shown)


def test_a_browser_that_cannot_ask_does_not_end_it(run: t.Callable[..., tuple[Result, Screen]]) -> None:
    one = visitor(True, families={}, trouble="WebRTC is switched off in this browser")
    other = {**visitor(True), "visitor": "bbbbbbbb", "addresses": ["198.51.100.3"]}
    looks = [RUNNING, *[{**RUNNING, "visitors": [one]}] * 20, {**RUNNING, "visitors": [one, other]}]
    result, screen = run(looks, [None] * 50)
    assert result["ended"] == "all visitors have finished"
    assert [row["visitor"] for row in result["results"]] == ["bbbbbbbb"]
    line = (
        "browser 198.51.100.2, Chrome on Linux: WebRTC is switched off in this browser. The test goes on; let somebody"
    )
    assert sum(text.startswith(line) for text in screen.shown) == 1
    assert screen.shown[-2].endswith("finished; its result came over TCP port 80, and is not counted.")


def test_a_table_that_is_none_is_one_sentence(run: t.Callable[..., tuple[Result, Screen]]) -> None:
    result, screen = run([RUNNING], [], ports=[{**PORTS[0], "ports": "0"}])
    assert result["failed"] is True
    assert result["msg"].startswith("ports[0].ports")
    assert screen.shown == []


@pytest.mark.parametrize("key", [b"\x03", b""])
def test_it_ends_by_hand(run: t.Callable[..., tuple[Result, Screen]], key: bytes) -> None:
    result, screen = run([{**RUNNING, "visitors": [visitor(False)]}], [None, key])
    assert result["ended"] == "it was ended by hand"
    assert result["results"][0]["visitor"] == "aaaaaaaa"
    assert screen.shown[-1].endswith("3 ports arrived, left before the end.")


def test_it_ends_with_the_listener(run: t.Callable[..., tuple[Result, Screen]]) -> None:
    result, dummy = run([RUNNING, {"running": False}], [False])
    assert result["ended"] == "the listener's time was over"
    assert result["results"][0]["item"] == "nobody"


def test_a_look_that_fails_ends_nothing(run: t.Callable[..., tuple[Result, Screen]]) -> None:
    looks = [RUNNING, {"failed": True}, LOST, LATE, {**RUNNING, "visitors": [visitor(True)]}]
    assert run(looks, [None] * 50)[0]["ended"] == "all visitors have finished"


def test_it_ends_while_the_listener_can_still_say_what_it_saw(run: t.Callable[..., tuple[Result, Screen]]) -> None:
    text = {"protocol": "udp", "address": "198.51.100.2", "port": 50008, "text": "test", "count": 1}
    result, screen = run([{**RUNNING, "seconds_left": 10, "texts": [text]}], [None] * 50)
    assert result["ended"] == "the time was over"
    assert result["results"][0]["item"] == "netcat 198.51.100.2"
    assert screen.shown[-1] == '"test" came to 50008/udp from 198.51.100.2 (arrived, way back not tested).'


def test_a_server_that_is_lost_is_waited_for_until_the_time_is_over(
    run: t.Callable[..., tuple[Result, Screen]], monkeypatch: pytest.MonkeyPatch
) -> None:
    result, dummy = run([{**RUNNING, "seconds_left": 11, "visitors": [visitor(False)]}, LOST], [None] * 50)
    assert result["ended"] == "the time was over"
    assert result["results"][0]["visitor"] == "aaaaaaaa"
    monkeypatch.setattr(visit_wait, "_SILENCE", 0.2)
    result, dummy = run([LOST], [None] * 50)
    assert result["ended"] == "the server could not be reached"
    assert result["results"][0]["item"] == "nobody"


def test_a_result_is_pasted(run: t.Callable[..., tuple[Result, Screen]]) -> None:
    dummy, screen = run([RUNNING], [b"wrong", None, b"right", b""])
    said = "".join(screen.shown)
    assert said.index("no result of this test") < said.index("That is a result of this test")


def test_after_a_paste_that_was_cut_there_is_time_for_a_long_one(
    run: t.Callable[..., tuple[Result, Screen]],
) -> None:
    dummy, screen = run([RUNNING], ["ri", b"t", None, b"right", None, b""])
    assert "That is a result of this test" in "".join(screen.shown)
    assert screen.seconds == [0.05, 0.1, 0.05, 0.3, 0.05, 0.05]


def test_while_one_result_is_handed_over_the_next_is_taken(run: t.Callable[..., tuple[Result, Screen]]) -> None:
    dummy, screen = run([RUNNING], [b"right", b"right", b"wrong", b""])
    said = "".join(screen.shown)
    assert said.count("That is a result of this test") == 2
    assert said.count("no result of this test") == 1


@pytest.mark.parametrize(
    "cut", [["rig", b"ht"], ["r", "ig", b"ht"], ["rig", "ht", None], ["right", None], [None, "right", b""]]
)
def test_a_paste_that_the_end_of_a_line_cuts_is_taken_as_one(
    run: t.Callable[..., tuple[Result, Screen]], cut: list[t.Any]
) -> None:
    dummy, screen = run([RUNNING], [*cut, b""])
    assert "That is a result of this test" in "".join(screen.shown)


def test_a_space_ends_nothing(run: t.Callable[..., tuple[Result, Screen]]) -> None:
    result, dummy = run([RUNNING, RUNNING, {"running": False}], [" ", None, None, *[None] * 50])
    assert result["ended"] == "the listener's time was over"


def test_check_mode_waits_for_nobody(run: t.Callable[..., tuple[Result, Screen]]) -> None:
    result, screen = run([RUNNING], [], check=True)
    assert result["results"][0]["unresolved"]
    assert screen.shown == []
