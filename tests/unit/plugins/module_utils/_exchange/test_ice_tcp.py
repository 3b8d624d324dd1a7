# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import ice_tcp
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import foreign
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

messages = st.binary(min_size=20, max_size=ice_tcp.LONGEST)


@given(messages, st.binary(max_size=20))
def test_a_frame_is_found_at_the_beginning_of_a_stream(message: bytes, more: bytes) -> None:
    assert ice_tcp.unframe(ice_tcp.frame(message) + more) == message


@given(messages, st.data())
def test_a_frame_that_is_not_complete_is_waited_for(message: bytes, draw: st.DataObject) -> None:
    framed = ice_tcp.frame(message)
    assert ice_tcp.unframe(framed[: draw.draw(st.integers(0, len(framed) - 1))]) is None


@pytest.mark.parametrize("length", [0, 19, ice_tcp.LONGEST + 1, 65535])
def test_a_length_that_no_check_has_is_refused_at_once(length: int) -> None:
    with pytest.raises(ValueError, match="no connectivity check"):
        ice_tcp.unframe(length.to_bytes(2, "big"))


@pytest.mark.parametrize("greeting", [b"GET / HTTP/1.1\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x01\x02\x00\x01"])
def test_other_protocols_are_recognised_by_their_first_bytes(greeting: bytes) -> None:
    with pytest.raises(ValueError, match="no connectivity check"):
        ice_tcp.unframe(greeting)


@pytest.mark.parametrize(
    ("said", "what"),
    [(b"", "the end of the connection"), (b"\0", "1 bytes"), (b"\0\x40 half a message", '"?@ half a message"')],
)
def test_a_connection_that_ends_before_its_answer_is_told(said: bytes, what: str) -> None:
    asking = ice_tcp.Asking(Session("3YbqWm0c8PdTzVnA", "x" * 32), 0, 7881)
    if said:
        assert asking.receive(said) == (b"", None)
    assert asking.receive(b"") == (b"", foreign(what))
