# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listener against the library of certbot, which looks at the answer to a challenge as Let's Encrypt does."""

from __future__ import annotations

import base64
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

challenges = pytest.importorskip("acme.challenges", reason="acme is not installed")

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def bytes_of(text: str) -> bytes:
    """Base64url without padding (RFC 8555, section 6.1)."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Account:
    """What stands for an account's key: a session has none.

    Behind the dot of a key authorization stands the thumbprint of such a key (RFC 8555, section 8.1); ours is no key's,
    so it has to be told here. That it is there, and that nothing else is, is what is left to verify.
    """

    def __init__(self, session: Session, token: str) -> None:
        self._thumbprint = bytes_of(session.key_authorization(token).partition(".")[2])

    def thumbprint(self, hash_function: t.Any) -> bytes:
        """Return what would be the key's."""
        assert hash_function().digest_size == len(self._thumbprint) == 32
        return self._thumbprint


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of this machine's own has no part in it."""
    monkeypatch.setenv("NO_PROXY", "*")


def verifies(session: Session, port: int, asked: Session, meant: int, domain: str) -> bool:
    """Let acme ask for the token of `asked` at `port`, and compare with the answer that `session` owes."""
    token = asked.token(3, meant)
    response = challenges.HTTP01Response(key_authorization=session.key_authorization(token))
    challenge = challenges.HTTP01(token=bytes_of(token))
    assert challenge.encode("token") == token
    verified: bool = response.simple_verify(challenge, domain, Account(session, token), port, timeout=5)
    return verified


@pytest.mark.parametrize("domain", ["127.0.0.1", "[::1]", "localhost"])
def test_the_answer_satisfies_them(listen: t.Any, free_ports: t.Any, row: t.Any, session: Session, domain: str) -> None:
    (port,) = free_ports(1)
    listen(row("tcp", [port], "acme", "http"))
    assert verifies(session, port, session, port, domain)


def test_a_question_that_was_meant_for_another_port_satisfies_nobody(
    listen: t.Any, free_ports: t.Any, row: t.Any, session: Session
) -> None:
    (port,) = free_ports(1)
    listen(row("tcp", [port], "acme", "http"))
    assert not verifies(session, port, session, port + 1, "127.0.0.1")


def test_a_strangers_challenge_satisfies_nobody(
    listen: t.Any, free_ports: t.Any, row: t.Any, session: Session, stranger: Session
) -> None:
    (port,) = free_ports(1)
    listen(row("tcp", [port], "acme", "http"))
    assert not verifies(session, port, stranger, port, "127.0.0.1")


def test_another_sessions_answer_does_not_satisfy_them(
    listen: t.Any, free_ports: t.Any, row: t.Any, session: Session, stranger: Session
) -> None:
    (port,) = free_ports(1)
    listen(row("tcp", [port], "acme", "http"))
    assert not verifies(stranger, port, session, port, "127.0.0.1")
