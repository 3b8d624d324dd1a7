# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lossy way between prober and listener: what is open must be found all the same."""

from __future__ import annotations

import contextlib
import itertools
import random
import selectors
import socket
import threading
import time
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.stream import Answerers
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.binding import IP_PKTINFO
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.record import Record
from ansible_collections.plugnmeet.server.plugins.module_utils._listener.serving import Server
from ansible_collections.plugnmeet.server.plugins.module_utils._ports import format_ports, read_ports
from ansible_collections.plugnmeet.server.plugins.module_utils._probe import control, patience, sweep, udp_socket
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.pace import FLOOR, START
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.probe import probe
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.resolve import resolve
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.sweep import Sweep
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import Requirement
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

FreePorts = t.Callable[[int], t.List[int]]
Row = t.Callable[..., Requirement]
Drops = t.Callable[[int, t.Tuple[str, int]], bool]

# The relay has the ports of the listener, under another address.
LISTENER, RELAY = "127.0.0.2", "127.0.0.1"


def _bound(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, port))
    return sock


@contextlib.contextmanager
def listener(session: Session, ports: t.Iterable[int]) -> t.Iterator[None]:
    """The listener's own loop, on an address that the real one would share with the relay."""
    sockets = {("udp", port): _bound(LISTENER, port) for port in ports}
    for sock in sockets.values():
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    control, end = socket.socketpair()
    answerers = Answerers(session)
    end_of_time = time.monotonic() + 60
    server = Server(
        answerers, Record(session, set(sockets)), sockets, [], control, lambda *dummy: True, end_of_time, time.monotonic
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield
    finally:
        end.send(b"stop")
        thread.join()
        for sock in (*sockets.values(), control, end):
            sock.close()


@contextlib.contextmanager
def relay(ports: t.Iterable[int], drops: Drops) -> t.Iterator[None]:
    """Carry datagrams both ways, but for those of which `drops` says so, given the port and the prober's address."""
    done = threading.Event()
    clients: dict[int, tuple[str, int]] = {}
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        for port in ports:
            front, back = stack.enter_context(_bound(RELAY, port)), stack.enter_context(_bound(RELAY, 0))
            selector.register(front, selectors.EVENT_READ, (port, front, back, True))
            selector.register(back, selectors.EVENT_READ, (port, front, back, False))

        def carry() -> None:
            while not done.is_set():
                for key, dummy in selector.select(0.05):
                    port, front, back, inward = key.data
                    data, source = (front if inward else back).recvfrom(2048)
                    if inward:
                        clients[port] = source
                    if port in clients and drops(port, clients[port]):
                        continue
                    if inward:
                        back.sendto(data, (LISTENER, port))
                    else:
                        front.sendto(data, clients[port])

        thread = threading.Thread(target=carry)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def lossy(share: float, closed: t.Container[int] = (), seed: int = 1) -> Drops:
    rng = random.Random(seed)
    return lambda port, dummy: port in closed or rng.random() < share


def full_after(flows: int, closed: t.Container[int] = ()) -> Drops:
    """A table of connections that takes so many."""
    table: set[tuple[int, tuple[str, int]]] = set()

    def drops(port: int, client: tuple[str, int]) -> bool:
        if len(table) < flows:
            table.add((port, client))
        return port in closed or (port, client) not in table

    return drops


def shut_after(packets: int) -> Drops:
    """Protection against scans."""
    left = iter(range(packets))
    return lambda *dummy: next(left, None) is None


def answers(facts: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The evidence but for how far questions without an answer came."""
    return [found for found in facts["evidence"] if found["seen"] != "last_hop"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_a_fifth_lost_each_way_no_open_port_is_called_closed(
    free_ports: FreePorts, row: Row, session: Session, seed: int
) -> None:
    ports = free_ports(120)
    closed = {*ports[:3], *ports[50:60], ports[-1]}
    with listener(session, ports), relay(ports, lossy(0.2, closed, seed)):
        facts = probe(session, 0, RELAY, [row("udp", ports)], 0)
    (found,) = answers(facts)
    assert (found["seen"], found["ports"]) == ("open", format_ports(set(ports) - closed))
    assert facts["rounds"] > 5
    assert facts["seconds"] < 10


def test_without_loss_one_round_is_enough(
    free_ports: FreePorts, row: Row, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "SHORTEST", 5)  # a busy machine may pause longer than an answer takes
    monkeypatch.setattr(patience, "UNKNOWN", 5)
    ports = free_ports(50)
    with listener(session, ports), relay(ports, lossy(0.0)):
        facts = probe(session, 0, RELAY, [row("udp", ports)], 2000)
    assert (facts["rounds"], facts["sent"]) == (1, 50)


def test_each_path_is_asked_as_often_as_it_needs(session: Session) -> None:
    clean, lossy_way = resolve("127.0.0.1")[0], resolve("::1")[0]
    with Sweep(session, 0, [clean, lossy_way], range(50000, 51000), 0) as asked:
        for probe in asked.probes:
            probe.sends = 1 if probe.path == 0 or probe.port % 5 < 3 else 2
            probe.answered = probe.port != 50004
        over_clean, over_lossy = asked.silent
        for sends, doubtful in ((2, {0, 1}), (3, {1}), (11, {1}), (12, set())):  # 0.005, and (399 + 5) / (1398 + 50)
            over_clean.sends = over_lossy.sends = sends
            assert asked.doubtful == doubtful
        assert asked.lost(0) == 0
        assert asked.lost(1) == pytest.approx(399 / 1398)


def test_where_nothing_answers_what_the_other_path_loses_is_reckoned_with(session: Session) -> None:
    with Sweep(session, 0, [*resolve("127.0.0.1"), *resolve("::1")], range(50000, 51000), 0) as asked:
        for probe in asked.probes:
            probe.sends = 6
            probe.answered = probe.path == 0
        assert asked.doubtful == {1}
        for probe in asked.probes[:1000]:
            probe.sends = 1
        assert asked.doubtful == set()


def outage(after: int, seconds: float) -> Drops:
    """The way is closed for a while once it has carried so many."""
    carried = itertools.count()
    end: list[float] = []

    def drops(*dummy: t.Any) -> bool:
        if next(carried) == after:
            end.append(time.monotonic() + seconds)
        return bool(end) and time.monotonic() < end[0]

    return drops


def bucket(rate: float, burst: float) -> Drops:
    """A limit on question and answer together: so many a second, and a burst before."""
    left, last = burst, time.monotonic()

    def drops(*dummy: t.Any) -> bool:
        nonlocal left, last
        now = time.monotonic()
        left, last = min(burst, left + (now - last) * rate), now
        if left < 1:
            return True
        left -= 0.5
        return False

    return drops


@pytest.mark.parametrize(("ports", "after"), [(40, 40), (1000, 1900)])
def test_a_pause_of_the_way_closes_no_port(
    free_ports: FreePorts, row: Row, session: Session, ports: int, after: int
) -> None:
    asked = free_ports(ports)
    with listener(session, asked), relay(asked, outage(after, 0.6)):
        facts = probe(session, 0, RELAY, [row("udp", asked)], 0)
    assert [(found["seen"], found["ports"]) for found in answers(facts)] == [("open", format_ports(asked))]


def test_a_path_on_which_a_silent_port_answers_later_is_asked_anew_and_no_other(
    free_ports: FreePorts, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_LATER", 0.0)
    ports = free_ports(3)
    closed = resolve("::1")[0]
    with listener(session, ports), Sweep(session, 0, [resolve(LISTENER)[0], closed], ports, 0) as asked:
        for probe in asked.probes:
            probe.sends = 9  # and all was lost
        monkeypatch.setattr(control, "_LATER_SAMPLE", 1)
        assert not control.confirm(asked, 0.0)
        assert sorted((probe.path, probe.sends) for probe in asked.silent) == [(0, 0)] * 2 + [(1, 9)] * 2 + [(1, 10)]
        assert 0 in asked.doubtful


def test_a_ceiling_of_the_pace_holds_for_the_later_questions_too(
    free_ports: FreePorts, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_LATER", 0.0)
    monkeypatch.setattr(control, "_SECONDS", 0.2)
    ports = free_ports(30)
    with Sweep(session, 0, resolve(LISTENER), ports, 10) as asked:
        for probe in asked.probes:
            probe.sends = 9
        assert control.confirm(asked, 0.0)
        assert asked.sent <= 4  # in 0.2 s


@pytest.mark.parametrize(("ports", "rate", "burst"), [(50, 10, 20), (200, 10, 50)])
def test_a_limit_that_lets_in_a_few_a_second_closes_no_port(
    free_ports: FreePorts, row: Row, session: Session, ports: int, rate: float, burst: float
) -> None:
    asked = free_ports(ports)
    with listener(session, asked), relay(asked, bucket(rate, burst)):
        facts = probe(session, 0, RELAY, [row("udp", asked)], 0)
    seen = {found["seen"]: read_ports(found["ports"]) for found in answers(facts)}
    assert set().union(*seen.values()) == set(asked)
    assert {*seen} <= {"open", "limited", "unsent"}


def test_if_asking_again_brings_answers_the_next_time_is_slower(free_ports: FreePorts, session: Session) -> None:
    ports = free_ports(120)
    with listener(session, ports), relay(ports, lossy(0.2)), Sweep(session, 0, resolve(RELAY), ports, 0) as asked:
        asked.run(10)
        assert not asked.silent
        assert asked._pace.rate < START


@pytest.mark.parametrize(
    ("drops", "limit"), [(full_after(300), "flows"), (shut_after(600), "questions")], ids=["full table", "shut out"]
)
def test_a_way_that_takes_no_more_is_no_closed_port(
    free_ports: FreePorts, row: Row, session: Session, drops: Drops, limit: str
) -> None:
    ports = free_ports(1000)
    with listener(session, ports), relay(ports, drops):
        facts = probe(session, 0, RELAY, [row("udp", ports)], 2000)
    assert facts["sent"] < 1000  # it saw that nothing came any more
    limited, proven = facts["evidence"]
    assert (limited["seen"], limited["detail"]["limit"], proven["seen"]) == ("limited", limit, "open")
    assert read_ports(limited["ports"]) | read_ports(proven["ports"]) == set(ports)
    assert int(limited["detail"]["after"]) == len(read_ports(proven["ports"])) <= 300
    assert facts["seconds"] < 10


def test_a_closed_range_is_none_where_known_ports_still_answer(
    free_ports: FreePorts, row: Row, session: Session
) -> None:
    ports = free_ports(200)
    closed = set(ports[20:160])
    with listener(session, ports), relay(ports, full_after(1000, closed)):
        facts = probe(session, 0, RELAY, [row("udp", ports)], 0)
    assert [found["seen"] for found in answers(facts)] == ["open"]


def test_a_way_that_pauses_is_asked_on(free_ports: FreePorts, row: Row, session: Session) -> None:
    ports = free_ports(1000)
    carried = itertools.count()
    pause: list[float] = []

    def drops(*dummy: t.Any) -> bool:
        if next(carried) == 400:
            pause.append(time.monotonic() + 0.3)
        return bool(pause) and time.monotonic() < pause[0]

    with listener(session, ports), relay(ports, drops):
        facts = probe(session, 0, RELAY, [row("udp", ports)], 2000)
    assert [(found["seen"], found["ports"]) for found in facts["evidence"]] == [("open", format_ports(ports))]


def test_a_sweep_that_goes_on_after_a_pause_finds_its_pace_anew(free_ports: FreePorts, session: Session) -> None:
    ports = free_ports(300)
    with listener(session, ports), Sweep(session, 0, resolve(LISTENER), ports, 0) as asked:
        while asked._pace.rate > FLOOR:
            asked._pace.back_off()
        asked.stalled = True
        asked.run(0)
        assert not asked.stalled
        assert asked._pace.rate >= START
        asked.run(5)
        assert asked.doubtful == set()


def test_answers_for_which_this_host_had_no_room_are_counted(
    free_ports: FreePorts, row: Row, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp_socket, "_RECEIVE_BUFFER", 1)  # the system's least, which takes two or three
    monkeypatch.setattr(sweep, "_BATCH", 200)
    ports = free_ports(400)
    with listener(session, ports):
        facts = probe(session, 0, LISTENER, [row("udp", ports)], 0)
    assert [(found["seen"], found["ports"]) for found in facts["evidence"]] == [("open", format_ports(ports))]
    assert facts["dropped"] > 0
