# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a browser with the page of a visit sends."""

from __future__ import annotations

import hashlib
import hmac
import json
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils import _stun
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

TRANSACTION = b"\x00ransaction1"  # a browser's ids say nothing


def check(session: Session, visitor: str, key: str, transaction: bytes = TRANSACTION) -> bytes:
    """The connectivity check of a browser."""
    attributes = (
        (_stun.USERNAME, f"{session.id}/{visitor}:Br0w".encode("ascii")),
        (0xC057, bytes(4)),  # GOOG-NETWORK-INFO
        (_stun.ICE_CONTROLLED, bytes(8)),
        (_stun.PRIORITY, bytes(4)),
    )
    return _stun.build(_stun.BINDING_REQUEST, transaction, attributes, key.encode("ascii"))


def signed(session: Session, body: str) -> str:
    """A result as its page hands it over."""
    key = session.visit_secret.encode("ascii")
    return f"{hmac.new(key, b'result ' + body.encode('utf-8'), hashlib.sha256).hexdigest()}:{body}"


def result(session: Session, visitor: str, **more: t.Any) -> str:
    """The result of a visitor, signed."""
    return signed(session, json.dumps({"visitor": visitor, **more}))
