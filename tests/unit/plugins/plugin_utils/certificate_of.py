# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of anybody, for what the controller makes of them."""

from __future__ import annotations

import datetime
import functools
import ssl
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

EXPIRED = datetime.datetime(2020, 1, 2, 3, 4, tzinfo=datetime.UTC)

_key = functools.cache(lambda: ec.generate_private_key(ec.SECP256R1()))


def certificate_of(subject: str, issuer: str, expires: datetime.datetime = EXPIRED) -> str:
    """A certificate (PEM) that names these two, by their common name, or nobody where that is empty."""
    return der_to_pem(der_certificate_of(subject, issuer, expires))


def der_certificate_of(subject: str, issuer: str, expires: datetime.datetime = EXPIRED) -> bytes:
    """The same as DER, to be spoiled; its serial number is 5."""
    start = expires - datetime.timedelta(days=1)
    certificate = x509.CertificateBuilder(_name(issuer), _name(subject), _key().public_key(), 5, start, expires)
    return certificate.sign(_key(), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def der_to_pem(certificate: bytes) -> str:
    """As the prober sends it."""
    return ssl.DER_cert_to_PEM_cert(certificate)


def _name(common_name: str) -> x509.Name:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name may be longer than the standard wants it
        common = x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name or "x", _validate=False)
    return x509.Name([common] if common_name else [])
