# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.plugnmeet.server.plugins.plugin_utils._certificate import read_certificate
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils.certificates import OTHER_CERTIFICATE
from ansible_collections.plugnmeet.server.tests.unit.plugins.plugin_utils.certificate_of import (
    certificate_of,
    der_certificate_of,
    der_to_pem,
)

UNREADABLE = {"subject": "somebody unknown", "issuer": "somebody unknown", "expires": "an unknown time"}
DER = der_certificate_of("a", "b")


def test_a_certificate_tells_whose_it_is_who_says_so_and_for_how_long() -> None:
    assert read_certificate(certificate_of("meet.example.com", "Middlebox Ltd")) == {
        "subject": "CN=meet.example.com",
        "issuer": "CN=Middlebox Ltd",
        "expires": "2020-01-02 03:04 UTC",
    }


def test_several_parts_of_a_name_are_all_told() -> None:
    assert read_certificate(OTHER_CERTIFICATE)["subject"] == "CN=inspected.example,O=Middlebox Ltd"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "nobody"),
        ("bücher.example", "CN=bücher.example"),
        ("{subject} {0} {{ 7 * 6 }} %s", "CN={subject} {0} {{ 7 * 6 }} %s"),
        ("a\x1b[2J\r\nb\u202e\u2066", "CN=a [2J  b  "),
        ("a,O=b", "CN=a\\,O=b"),
        ("x" * 5000, "CN=" + "x" * 297),
        ("*.example.com", "CN=*.example.com"),
    ],
)
def test_an_odd_name_is_safe_to_print(name: str, shown: str) -> None:
    assert read_certificate(certificate_of(name, "x"))["subject"] == shown
    assert read_certificate(certificate_of("x", name))["issuer"] == shown


@pytest.mark.parametrize("year", [1950, 2049, 2050, 9999])
def test_any_year_is_told(year: int) -> None:
    expires = datetime.datetime(year, 12, 31, 23, 59, tzinfo=datetime.UTC)
    assert read_certificate(certificate_of("x", "x", expires))["expires"] == f"{year}-12-31 23:59 UTC"


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "broken",
        "\0",
        "é",
        "\ud800",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        certificate_of("a", "b").replace("CERTIFICATE", "PRIVATE KEY"),
        certificate_of("a", "b")[:-30],
        certificate_of("a" * 20_000, "b"),
    ],
)
def test_what_is_no_certificate_is_somebody_unknowns(pem: str) -> None:
    assert read_certificate(pem) == UNREADABLE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a003020102", "a003020101"),  # version 2
        ("a003020102", "a00302017f"),  # version 128
        ("0c0161", "0c01ff"),  # no UTF-8
        ("0c0161", "1e0161"),  # half a character
        ("0c0161", "030161"),  # bits for a name
        ("0c0161", "020161"),  # a number for a name
        ("3230303130323033", "3939393939393939"),  # the 99th of a 99th month
    ],
)
def test_a_broken_certificate_is_somebody_unknowns(old: str, new: str) -> None:
    assert bytes.fromhex(old) in DER
    spoiled = DER.replace(bytes.fromhex(old), bytes.fromhex(new))
    assert read_certificate(der_to_pem(spoiled)) == UNREADABLE


def test_what_is_only_forbidden_is_told_all_the_same() -> None:
    assert bytes.fromhex("020105") in DER
    negative = DER.replace(bytes.fromhex("020105"), bytes.fromhex("0201ff"))
    assert read_certificate(der_to_pem(negative))["subject"] == "CN=a"


def test_what_is_said_of_one_is_not_said_of_another() -> None:
    read_certificate("broken")["subject"] = "changed"
    assert read_certificate("broken") == UNREADABLE


@given(st.text(max_size=200) | st.binary(max_size=200).map(der_to_pem))
def test_no_text_raises_anything(pem: str) -> None:
    assert read_certificate(pem) == UNREADABLE


@given(st.lists(st.tuples(st.integers(0, len(DER) - 1), st.integers(0, 255)), max_size=4))
def test_a_certificate_with_bytes_changed_raises_nothing_and_is_safe_to_print(changes: list[tuple[int, int]]) -> None:
    data = bytearray(DER)
    for place, byte in changes:
        data[place] = byte
    found = read_certificate(der_to_pem(bytes(data)))
    assert set(found) == set(UNREADABLE)
    assert all(text.isprintable() and 0 < len(text) <= 300 for text in found.values())
