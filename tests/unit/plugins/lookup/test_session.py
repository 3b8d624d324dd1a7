# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

import pytest
from ansible.errors import AnsibleError

from ansible_collections.plugnmeet.server.plugins.lookup.session import LookupModule
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session


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


@pytest.mark.parametrize(("terms", "options"), [(["x"], {}), ([], {"length": 5})])
def test_terms_and_options_are_refused(terms: list[str], options: dict[str, int]) -> None:
    with pytest.raises(AnsibleError, match="takes no terms and no options"):
        lookup(*terms, **options)
