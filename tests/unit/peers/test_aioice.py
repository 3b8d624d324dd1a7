# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our exchange against somebody else's: aioice, a STUN and ICE library with which aiortc speaks to browsers."""

from __future__ import annotations

import asyncio
import ipaddress
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import stun
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import Outcome
from ansible_collections.plugnmeet.server.plugins.module_utils._listener import lifecycle
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.probe import probe
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

peer = pytest.importorskip("aioice.stun", reason="aioice is not installed")
ice = pytest.importorskip("aioice.ice", reason="aioice is not installed")

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

SESSION = Session("3YbqWm0c8PdTzVnA", "QpN4vX7k2LsWc9RfTz1BdYh6MgJ8aEuK")
TARGET = ("203.0.113.10", 50_000)
LOOPBACKS = ["127.0.0.1", "::1"]
PROBERS = [("198.51.100.2", 40_000), ("2001:db8::2", 40_000)]


@pytest.mark.parametrize("prober", PROBERS)
def test_their_question_is_answered_as_they_understand_it(prober: tuple[str, int]) -> None:
    question = peer.Message(message_method=peer.Method.BINDING, message_class=peer.Class.REQUEST)
    question.attributes["USERNAME"] = f"{SESSION.id}:abcd"
    question.attributes["PRIORITY"] = 1845501695
    question.attributes["ICE-CONTROLLING"] = 1234567890
    question.attributes["USE-CANDIDATE"] = None
    question.add_message_integrity(SESSION.key)
    answered = stun.answer(bytes(question), SESSION, prober, TARGET)
    assert answered is not None
    answer = peer.parse_message(answered[0])
    assert answer.check_message_integrity(SESSION.key)
    assert answer.message_class is peer.Class.RESPONSE
    assert answer.transaction_id == question.transaction_id
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == prober


def test_they_understand_our_question() -> None:
    data = stun.ask(SESSION, 7, TARGET[1], b"transaction1", b"tie-brkr")
    question = peer.parse_message(data)
    assert question.check_message_integrity(SESSION.key)
    assert not question.check_message_integrity(b"0" * 32)
    assert (question.message_method, question.message_class) == (peer.Method.BINDING, peer.Class.REQUEST)
    assert question.attributes["USERNAME"] == f"{SESSION.id}:v07p50000"
    assert {"PRIORITY", "ICE-CONTROLLING", "FINGERPRINT"} <= set(question.attributes)


@pytest.mark.parametrize("prober", PROBERS)
def test_their_answer_is_proof(prober: tuple[str, int]) -> None:
    answer = peer.Message(
        message_method=peer.Method.BINDING, message_class=peer.Class.RESPONSE, transaction_id=b"transaction1"
    )
    answer.attributes["XOR-MAPPED-ADDRESS"] = prober
    answer.add_message_integrity(SESSION.key)
    reply = stun.check(bytes(answer), SESSION, TARGET[1], b"transaction1")
    assert reply.outcome is Outcome.PROVEN
    assert reply.mapped is not None
    assert ipaddress.ip_address(reply.mapped[0]) == ipaddress.ip_address(prober[0])


def test_they_understand_our_refusal() -> None:
    items = [(_stun.USERNAME, SESSION.username(0, 1)), (_stun.PRIORITY, bytes(4)), (0x7FFE, bytes(8))]
    question = _stun.build(_stun.BINDING_REQUEST, b"transaction1", items, SESSION.key)
    answered = stun.answer(question, SESSION, PROBERS[0], TARGET)
    assert answered is not None
    refusal = peer.parse_message(answered[0])
    assert refusal.check_message_integrity(SESSION.key)
    assert refusal.message_class is peer.Class.ERROR
    assert refusal.attributes["ERROR-CODE"] == (420, "")


@pytest.fixture(params=LOOPBACKS)
def loopback(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An address of the loopback, which their agents leave out by themselves and are made to take."""
    host = str(request.param)
    monkeypatch.setattr(ice, "get_host_addresses", lambda **dummy: [host])
    return host


async def connect(host: str, port: int, username: str, password: str) -> None:
    """Let their agent, in control as a browser is, connect to what has these credentials; raises ConnectionError."""
    agent = ice.Connection(ice_controlling=True)
    try:
        await agent.gather_candidates()
        agent.remote_username, agent.remote_password = username, password
        await agent.add_remote_candidate(ice.Candidate("1", 1, "udp", 2130706431, host, port, "host"))
        await agent.add_remote_candidate(None)
        await asyncio.wait_for(agent.connect(), 10)
    finally:
        await agent.close()


def test_their_agent_connects_to_the_listener(
    listen: t.Any, free_ports: t.Any, row: t.Any, session: Session, loopback: str
) -> None:
    (port,) = free_ports(1)
    listen(row("udp", [port]))
    asyncio.run(connect(loopback, port, session.id, session.secret))
    stopped = lifecycle.stop(session.id)
    assert stopped is not None
    assert stopped["saw"]["strangers"]["datagrams"] == 0
    assert stopped["saw"]["evidence"] == []  # no vantage of ours asked


@pytest.mark.parametrize("wrong", ["id", "secret"])
def test_their_agent_gets_no_answer_without_the_sessions_credentials(
    listen: t.Any,
    free_ports: t.Any,
    row: t.Any,
    session: Session,
    stranger: Session,
    loopback: str,
    wrong: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(peer, "RETRY_MAX", 1)
    monkeypatch.setattr(peer, "RETRY_RTO", 0.1)
    (port,) = free_ports(1)
    listen(row("udp", [port]))
    mixed = session._replace(**{wrong: getattr(stranger, wrong)})
    with pytest.raises(ConnectionError):
        asyncio.run(connect(loopback, port, mixed.id, mixed.secret))
    stopped = lifecycle.stop(session.id)
    assert stopped is not None
    assert stopped["saw"]["strangers"]["datagrams"] > 0


@pytest.mark.parametrize("known", ["session", "stranger"])
def test_their_agent_proves_a_port_to_the_prober_if_it_has_the_sessions_credentials(
    row: t.Any, session: Session, stranger: Session, loopback: str, known: str
) -> None:
    has = {"session": session, "stranger": stranger}[known]

    async def serve() -> dict[str, t.Any]:
        agent = ice.Connection(ice_controlling=False, local_username=has.id, local_password=has.secret)
        try:
            await agent.gather_candidates()
            (port,) = [candidate.port for candidate in agent.local_candidates]
            agent.remote_username, agent.remote_password = f"v03p{port:05d}", "x" * 22
            return await asyncio.to_thread(probe, session, 3, loopback, [row("udp", [port])], 0)
        finally:
            await agent.close()

    facts = asyncio.run(serve())
    (found,) = facts["evidence"]
    family = "ipv6" if ":" in loopback else "ipv4"
    assert (found["seen"], found["family"]) == ("open" if known == "session" else "foreign", family)
    assert facts["source"] == ({family: loopback} if known == "session" else {})
    assert facts["destination"] == {}  # which is an attribute that they do not send
