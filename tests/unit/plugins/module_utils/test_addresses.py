# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._addresses import family_of, plain, plain_ip


@pytest.mark.parametrize(
    ("given", "expected", "family"),
    [
        ("192.0.2.1", "192.0.2.1", "ipv4"),
        ("::ffff:192.0.2.1", "192.0.2.1", "ipv4"),
        ("2001:db8::1", "2001:db8::1", "ipv6"),
        ("::1", "::1", "ipv6"),
        ("fe80::1%eth0", "fe80::1", "ipv6"),
        ("::ffff:0:1", "::ffff:0:1", "ipv6"),
    ],
)
def test_an_address_is_made_plain(given: str, expected: str, family: str) -> None:
    assert plain_ip(given) == expected
    assert family_of(plain_ip(given)) == family


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("::ffff:192.0.2.1", 80, 0, 0)])
def test_a_socket_address_becomes_host_and_port(address: tuple[object, ...]) -> None:
    assert plain(address) == ("192.0.2.1", 80)
