# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import random
import socket
import time
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments, _services
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import binding, lifecycle
from ansible_collections.plugnmeet.server.plugins.modules import port_listener
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.certificates import (
    CERTIFICATE,
    OTHER_PRIVATE_KEY,
)
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.systemd import Systemd, quiesce

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

Result = dict[str, t.Any]
TABLE: list[Result] = [
    {"name": "media", "protocol": "udp", "ports": "50000-60000"},
    {"name": "turn", "protocol": "udp", "ports": "443", "required": False},
    {"name": "https", "protocol": "tcp", "ports": 443},
]


@pytest.fixture(autouse=True)
def name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A control name of this test's own."""
    monkeypatch.setattr(lifecycle, "NAME", f"\0plugnmeet.server.test.module.{os.getpid()}")


@pytest.fixture
def port() -> int:
    """A port that nobody has."""
    for candidate in random.sample(range(10_000, 30_000), 100):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind(("", candidate))
            except OSError:
                continue
            return candidate
    raise AssertionError("no free port")


def test_it_starts_and_stops(run_module: t.Any, session: Result, port: int) -> None:
    table = [{"name": "media", "protocol": "udp", "ports": port}]
    try:
        started = run_module(port_listener, state="started", session=session, ports=table, ttl=30)
        assert (started["changed"], started["bound"]) == (True, {"tcp": "", "udp": str(port)})
        assert not run_module(port_listener, state="started", session=session, ports=table)["changed"]
    finally:
        stopped = run_module(port_listener, state="stopped", session=session)
    assert (stopped["changed"], stopped["running"], stopped["evidence"]) == (True, True, [])
    assert stopped["tap"] == {**started["tap"], "lost": 0}
    again = run_module(port_listener, state="stopped", session=session)
    assert (again["changed"], again["running"]) == (False, False)


def test_a_certificate_that_does_not_work_is_said_before_anything_is_bound(run_module: t.Any, session: Result) -> None:
    table = [{"name": "web", "protocol": "tcp", "ports": 443, "speaks": "https"}]
    wrong = {**session, "certificate": CERTIFICATE, "private_key": OTHER_PRIVATE_KEY}
    for check in (True, False):
        result = run_module(port_listener, check=check, state="started", session=wrong, ports=table, ttl=30)
        assert result["failed"]
        assert result["msg"].startswith("session.certificate and session.private_key do not work; take lookup(")
        assert OTHER_PRIVATE_KEY not in str(result)
        assert lifecycle.status() is None


def test_too_few_open_files_are_said_in_check_mode_too(
    run_module: t.Any, session: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binding, "_room", lambda wanted: min(wanted, 128))
    for check in (True, False):
        result = run_module(port_listener, check=check, state="started", session=session, ports=TABLE)
        assert result["failed"]
        assert result["msg"].startswith("the target allows 128 open files to a process, too few for 10003 ports; raise")


@pytest.mark.parametrize(("restores", "others"), [(True, False), (True, True), (False, False)])
def test_its_end_is_the_beginning_of_its_sessions_services(
    run_module: t.Any, session: Result, monkeypatch: pytest.MonkeyPatch, restores: bool, others: bool
) -> None:
    system = Systemd(haproxy="active")
    monkeypatch.setattr(_services, "is_booted", lambda: True)
    monkeypatch.setattr(_arguments, "system", lambda dummy: _services.Units(system.run))
    claim = "sessionTWO012345" if others else session["id"]
    quiesce(system.run, ["haproxy.service"], claim, "ann", 60)
    assert run_module(port_listener, state="stopped", session=session, services=restores)["running"] is False
    assert system.started == (["haproxy.service"] if restores and not others else [])


@pytest.mark.parametrize("begun", [True, False])
def test_it_takes_no_port_from_services_that_come_back(
    run_module: t.Any, session: Result, port: int, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    system = Systemd(haproxy="active")
    monkeypatch.setattr(_services, "is_booted", lambda: True)
    monkeypatch.setattr(_arguments, "system", lambda dummy: _services.Units(system.run))
    quiesce(system.run, ["haproxy.service"], session["id"], "ann", 60)
    if begun:
        system.fire()
    table = [{"name": "media", "protocol": "udp", "ports": port}]
    try:
        result = run_module(port_listener, state="started", session=session, ports=table, ttl=30, services=True)
        assert result.get("msg", "") == ("the target's services are on their way back already; run again." * begun)
    finally:
        run_module(port_listener, state="stopped", session=session)


@pytest.fixture
def armed(session: Result, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    """A host under systemd, on which this session has armed the return of haproxy, which runs still."""
    system = Systemd(haproxy="active")
    monkeypatch.setattr(_services, "is_booted", lambda: True)
    monkeypatch.setattr(_arguments, "system", lambda dummy: _services.Units(system.run))
    _services.Units(system.run).arm(["haproxy.service"], session["id"], "ann", 60)
    return system


def test_what_is_armed_stops_when_it_listens(run_module: t.Any, session: Result, port: int, armed: Systemd) -> None:
    table = [{"name": "media", "protocol": "udp", "ports": port}]
    arguments = {"session": session, "services": True}
    try:
        for changed in (True, False):
            result = run_module(port_listener, state="started", ports=table, ttl=30, **arguments)
            assert (result["changed"], result["bound"]["udp"]) == (changed, str(port))
            assert armed.did() == ["systemd-run", "stop haproxy.service"]
    finally:
        run_module(port_listener, state="stopped", **arguments)
    assert armed.states["haproxy.service"] == "active"


def test_for_a_listener_that_cannot_be_nothing_stops(run_module: t.Any, session: Result, armed: Systemd) -> None:
    table = [{"name": "web", "protocol": "tcp", "ports": 443, "speaks": "https"}]
    wrong = {**session, "certificate": CERTIFICATE, "private_key": OTHER_PRIVATE_KEY}
    assert run_module(port_listener, state="started", session=wrong, ports=table, services=True)["failed"]
    assert armed.did() == ["systemd-run"]


def test_beside_the_listener_of_another_session_nothing_stops(
    run_module: t.Any, session: Result, port: int, armed: Systemd
) -> None:
    table = [{"name": "media", "protocol": "udp", "ports": port}]
    other = {**session, "id": "sessionTWO012345"}
    try:
        run_module(port_listener, state="started", session=other, ports=table, ttl=30)
        result = run_module(port_listener, state="started", session=session, ports=table, ttl=30, services=True)
    finally:
        run_module(port_listener, state="stopped", session=other)
    assert result["msg"].startswith("another preflight, session sessionTWO012345, has been listening on the target")
    assert armed.did() == ["systemd-run"]


def test_beside_a_unit_that_does_not_stop_it_does_not_listen(
    run_module: t.Any, session: Result, port: int, armed: Systemd
) -> None:
    armed.slow.add("haproxy.service")
    table = [{"name": "media", "protocol": "udp", "ports": port}]
    result = run_module(port_listener, state="started", session=session, ports=table, ttl=30, services=True)
    assert result["msg"] == (
        "haproxy.service does not stop: it takes longer than preflight_ttl (ttl), 30 s, allows; give it more; "
        "everything was started again."
    )
    assert lifecycle.status() is None


def test_what_systemd_does_not_tell_costs_no_evidence(
    run_module: t.Any, session: Result, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_services, "is_booted", lambda: True)
    monkeypatch.setattr(_arguments, "system", lambda dummy: _services.Units(lambda dummy: (1, "", "no bus")))
    table = [{"name": "media", "protocol": "udp", "ports": port}]
    run_module(port_listener, state="started", session=session, ports=table, ttl=30)
    assert run_module(port_listener, state="stopped", session=session, services=True)["evidence"] == []


def test_a_visit_that_needs_several_processes_is_refused_in_check_mode_too(
    run_module: t.Any, session: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binding, "_room", lambda wanted: min(wanted, 4096))
    arguments = {"state": "started", "session": session, "ports": TABLE}
    for check in (True, False):
        result = run_module(port_listener, check=check, page="<!doctype html>", **arguments)
        assert result["failed"]
        assert result["msg"] == (
            "the target allows 4096 open files to a process, and a visit needs 10067; raise the hard limit "
            "(LimitNOFILE of ssh.service) or test from a prober with the playbook preflight."
        )
    assert lifecycle.status() is None
    assert run_module(port_listener, check=True, **arguments)["changed"]


@pytest.mark.parametrize("ttl", [1, 3600])
def test_a_deadline_ends_it_before_its_time_to_live(run_module: t.Any, session: Result, port: int, ttl: int) -> None:
    table = [{"name": "media", "protocol": "udp", "ports": port}]
    deadline = time.monotonic() + 20
    try:
        asked = {"state": "started", "session": session, "ports": table}
        started = run_module(port_listener, ttl=ttl, deadline=deadline, **asked)
        running = lifecycle.status()
        assert running is not None
        assert running["seconds_left"] <= min(ttl, 20)
        assert 1 <= started["seconds_left"] <= min(ttl, 20)
    finally:
        run_module(port_listener, state="stopped", session=session)


def test_check_mode_tells_what_would_be_bound_and_starts_nothing(run_module: t.Any, session: Result) -> None:
    result = run_module(port_listener, check=True, state="started", session=session, ports=TABLE)
    assert (result["changed"], result["bound"]) == (True, {"tcp": "443", "udp": "443,50000-60000"})
    assert lifecycle.status() is None


def test_check_mode_stops_nothing(run_module: t.Any, session: Result, port: int) -> None:
    table = [{"name": "media", "protocol": "udp", "ports": port}]
    assert not run_module(port_listener, check=True, state="stopped", session=session)["changed"]
    try:
        run_module(port_listener, state="started", session=session, ports=table, ttl=30)
        assert run_module(port_listener, check=True, state="stopped", session=session)["changed"]
        assert lifecycle.status() is not None
    finally:
        run_module(port_listener, state="stopped", session=session)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"ttl": 0}, "ttl is 0; give the listener at least a second."),
        ({"deadline": 1.0}, "the session's time was over before the listener could start; "),
        ({"ports": []}, "ports is an empty list; name at least one port to test."),
        ({"ports": None}, "state is started but all of the following are missing: ports"),
        ({"ports": [{**TABLE[0], "ports": "60000-50000"}]}, 'ports[0].ports "60000-50000" has a range that ends'),
        ({"ports": [{**TABLE[0], "ports": "0"}]}, 'ports[0].ports "0" has a port outside 1-65535; '),
        ({"ports": [*TABLE, {**TABLE[2], "name": "x"}]}, 'ports[3].ports has 443/tcp, which is in "https" already'),
        ({"ports": [{**TABLE[0], "protocol": "sctp"}]}, "value of protocol must be one of: tcp, udp, got: sctp"),
        (
            {"ports": [{**TABLE[0], "speaks": "quic"}]},
            "value of speaks must be one of: stun, ice-tcp, http, https, got: quic",
        ),
        (
            {"session": {"id": "x", "secret": "x" * 32}},
            'session.id must be 16 letters and digits, not "********"; take lookup(',
        ),
        ({"session": {"id": "x" * 16, "secret": "x"}}, "session.secret must be 22 ICE characters or more; take "),
        (
            {"ports": [{**TABLE[2], "speaks": "https"}]},
            "session.certificate is missing, and a port that speaks https needs it; take lookup(",
        ),
        ({"ports": [{**TABLE[0], "speaks": "http"}]}, 'ports[0].speaks is "http", which runs over tcp, not udp; '),
        ({"state": "paused"}, "value of state must be one of: started, stopped, got: paused"),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_a_mistake_is_one_sentence_and_starts_nothing(
    run_module: t.Any, session: Result, wrong: Result, sentence: str, check: bool
) -> None:
    arguments = {"state": "started", "session": session, "ports": TABLE, **wrong}
    result = run_module(port_listener, check=check, **arguments)
    assert result["failed"]
    assert result["msg"].startswith(sentence)
    assert "\n" not in result["msg"]
    assert session["secret"] not in result["msg"]
    assert lifecycle.status() is None
