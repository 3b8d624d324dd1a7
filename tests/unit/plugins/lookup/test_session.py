# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import time
import typing as t

import pytest
from ansible.errors import AnsibleError
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ansible_collections.plugnmeet.server.plugins.lookup.session import LookupModule
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import https
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import Asked, Outcome, Reply
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.streams import talk


def lookup(*terms: str, **options: t.Any) -> list[dict[str, t.Any]]:
    found: list[dict[str, t.Any]] = LookupModule().run(list(terms), None, **options)
    return found


def test_a_session_is_one_that_the_modules_take() -> None:
    before = time.time()
    (made,) = lookup()
    assert set(made) == {"id", "secret", "certificate", "private_key", "started"}
    assert Session.from_params(made) == Session(**{key: value for key, value in made.items() if key != "started"})
    assert before <= made["started"] <= time.time()
    assert made["id"].isalnum()
    assert len(made["secret"]) == 32


def test_no_two_sessions_are_alike() -> None:
    made = [lookup()[0] for dummy in range(100)]
    assert len({session["id"] for session in made}) == 100
    assert len({session["secret"] for session in made}) == 100


def test_a_session_has_a_certificate_whose_key_fits() -> None:
    (made,) = lookup()
    session = Session.from_params(made)
    certificate = x509.load_pem_x509_certificate(session.certificate.encode("ascii"))
    key = serialization.load_pem_private_key(session.private_key.encode("ascii"), None)
    assert certificate.public_key() == key.public_key()
    certificate.verify_directly_issued_by(certificate)
    assert certificate.subject.rfc4514_string() == f"CN=plugNmeet preflight {session.id}"
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    assert abs(certificate.not_valid_before_utc - (now - day)) < datetime.timedelta(minutes=1)
    assert abs(certificate.not_valid_after_utc - (now + day)) < datetime.timedelta(minutes=1)


def test_both_ends_speak_tls_with_that_certificate() -> None:
    session = Session.from_params(lookup()[0])
    context = https.server_context(session)
    assert context is not None
    asking = https.Asking(session, 3, 443, "meet.example.com")
    reply, turns = talk(asking, https.Answering(session, 443, context))
    assert reply == Reply(Outcome.PROVEN)
    assert turns[-1].asked == Asked(3, 443)


def test_no_two_sessions_have_the_same_certificate() -> None:
    made = [lookup()[0] for dummy in range(20)]
    assert len({session["certificate"] for session in made}) == 20
    assert len({session["private_key"] for session in made}) == 20


@pytest.mark.parametrize(("terms", "options"), [(["x"], {}), ([], {"length": 5})])
def test_terms_and_options_are_refused(terms: list[str], options: dict[str, int]) -> None:
    with pytest.raises(AnsibleError, match="takes no terms and no options"):
        lookup(*terms, **options)
