# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module says to its host's journal, and to the controller, of the session that it was given."""

from __future__ import annotations

import json
import types
import typing as t

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.plugnmeet.server.plugins.modules import port_listener, port_probe_info
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.certificates import CERTIFICATE, PRIVATE_KEY


@pytest.mark.parametrize("module", [port_listener, port_probe_info])
def test_no_line_of_a_secret_gets_out(
    run_module: t.Any, session: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch, module: types.ModuleType
) -> None:
    journal: list[str] = []
    monkeypatch.setattr(AnsibleModule, "log", lambda dummy, text, **more: journal.append(f"{text} {more}"))
    whole = {**session, "certificate": CERTIFICATE, "private_key": PRIVATE_KEY}
    more = {"state": "started"} if module is port_listener else {"address": "meet.example.com"}
    result = run_module(module, check=True, session=whole, ports=[{"name": "x", "protocol": "udp", "ports": 1}], **more)
    assert journal  # that it was called is told
    lines = [session["secret"], *(line for line in PRIVATE_KEY.splitlines() if line)]
    for told in (*journal, json.dumps(result)):
        assert not [line for line in lines if line in told]
