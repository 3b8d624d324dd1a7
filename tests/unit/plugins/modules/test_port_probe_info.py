# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import signal
import time
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._probe.probe import nothing_asked
from ansible_collections.plugnmeet.server.plugins.modules import port_probe_info

Result = dict[str, t.Any]
TABLE: list[Result] = [{"name": "media", "protocol": "udp", "ports": "50000-60000"}]


def ask(run_module: t.Any, good_session: Result, **more: t.Any) -> Result:
    arguments = {"address": "127.0.0.1", "session": good_session, "ports": TABLE, **more}
    result: Result = run_module(port_probe_info, **arguments)
    return result


def test_a_closed_port_is_a_result(run_module: t.Any, session: Result) -> None:
    # The discard port, as good as never served and always refused on a loopback.
    result = ask(run_module, session, ports=[{"name": "x", "protocol": "tcp", "ports": 9}])
    assert not result.get("changed")
    assert {(row["seen"], row["ports"]) for row in result["evidence"]} == {("rejected", "9"), ("asked", "9")}
    assert set(nothing_asked()) <= set(result)


def test_an_address_that_does_not_resolve_is_a_result(run_module: t.Any, session: Result) -> None:
    result = ask(run_module, session, address=" meet..example ")
    assert result["unresolved"].startswith('"meet..example" does not resolve: ')
    assert result["evidence"] == []


def test_check_mode_sends_nothing(run_module: t.Any, session: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_probe_info, "probe", lambda *dummy: pytest.fail("it was asked"))
    result = ask(run_module, session, check=True)
    assert not result.get("changed")
    assert (result["sent"], result["unresolved"], result["all_open"]) == (0, "", False)
    assert (result["addresses"], result["local"]) == ({"ipv4": "127.0.0.1"}, {"ipv4": "127.0.0.1"})
    (row,) = result["evidence"]
    assert (row["seen"], row["ports"], row["detail"]) == ("unsent", "50000-60000", {"reason": "nothing was asked"})


def test_what_takes_longer_than_the_ttl_is_ended(
    run_module: t.Any, session: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_probe_info, "probe", lambda *dummy: time.sleep(20))
    result = ask(run_module, session, ttl=1)
    assert result["msg"] == "preflight_ttl was over (ttl) before it had done; run it again with more."
    assert signal.alarm(0) == 0


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"address": " "}, "address is empty; name the target as outsiders know it."),
        ({"vantage": 100}, "vantage is 100; take 0 to 99."),
        ({"vantage": -1}, "vantage is -1; take 0 to 99."),
        ({"ttl": 0}, "ttl is 0; take at least a second."),
        ({"pace": -1}, "pace is -1; take 0 to find it out, or the most probes a second."),
        ({"ports": []}, "ports is an empty list; name at least one port to test."),
        ({"ports": [{**TABLE[0], "ports": "65536"}]}, 'ports[0].ports "65536" has a port outside 1-65535; '),
        ({"session": {"id": "x", "secret": "x" * 32}}, 'session.id must be 16 letters and digits, not "********"; '),
        (
            {"ports": [{"name": "web", "protocol": "tcp", "ports": 443, "speaks": "https"}]},
            "session.certificate is missing, and a port that speaks https needs it; take lookup(",
        ),
        ({"address": None}, "missing required arguments: address"),
        ({"pace": "fast"}, "argument 'pace' is of type "),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_a_mistake_is_one_sentence(
    run_module: t.Any, session: Result, wrong: Result, sentence: str, check: bool
) -> None:
    result = ask(run_module, session, check=check, **wrong)
    assert result["failed"]
    assert result["msg"].startswith(sentence)
    assert "\n" not in result["msg"]
