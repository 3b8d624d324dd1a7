# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What a TLS certificate says of who came with it."""

from __future__ import annotations

import datetime
import typing as t
import warnings

from ansible_collections.plugnmeet.server.plugins.module_utils._evidence import printable

if t.TYPE_CHECKING:
    from cryptography import x509

_LONGEST = 16384
_UNREADABLE = {"subject": "somebody unknown", "issuer": "somebody unknown", "expires": "an unknown time"}


def read_certificate(pem: str) -> dict[str, str]:
    """Return subject, issuer and the time of expiry of a certificate of whatever origin, safe to print."""
    from cryptography import x509  # noqa: PLC0415 - ansible-core brings it, but ansible-test imports us without

    if len(pem) > _LONGEST:
        return {**_UNREADABLE}
    try:
        with warnings.catch_warnings():  # the user can do nothing about what is odd in it
            warnings.simplefilter("ignore")
            certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
            return {
                "subject": _name(certificate.subject),
                "issuer": _name(certificate.issuer),
                "expires": f"{_expires(certificate):%Y-%m-%d %H:%M} UTC",
            }
    except Exception:  # noqa: BLE001 - anybody may have made it, and the library has many words for what is wrong
        return {**_UNREADABLE}


def _name(name: x509.Name) -> str:
    return printable(name.rfc4514_string()) or "nobody"


def _expires(certificate: x509.Certificate) -> datetime.datetime:
    try:
        return certificate.not_valid_after_utc
    except AttributeError:  # cryptography before 42
        return certificate.not_valid_after
