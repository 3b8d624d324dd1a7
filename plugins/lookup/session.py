# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: session
short_description: A new session of port tests
description:
  - Makes the credentials of one run, at random and new at every call. Keep it in a fact for the run, with C(no_log),
    and drop it after.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
options:
  _terms:
    description: None are taken.
seealso:
  - module: plugnmeet.server.port_listener
  - module: plugnmeet.server.port_probe_info
"""

EXAMPLES = r"""
- name: Make a session
  ansible.builtin.set_fact:
    session: "{{ lookup('plugnmeet.server.session') }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: The session.
  type: list
  elements: dict
  contains:
    id:
      description: The public half. It shows in messages and on the wire.
      type: str
      sample: 3YbqWm0c8PdTzVnA
    secret:
      description: The secret half, 190 bits of it.
      type: str
      sample: QpN4vX7k2LsWc9RfTz1BdYh6MgJ8aEuK
    certificate:
      description: The session's own certificate in PEM, by which the prober knows a TLS port.
      type: str
      sample: "-----BEGIN CERTIFICATE-----\n..."
    private_key:
      description: The private key of that certificate in PEM.
      type: str
      sample: "-----BEGIN PRIVATE KEY-----\n..."
    started:
      description: When the session was made, in seconds since the epoch.
      type: float
      sample: 1767182400.0
"""

import datetime
import secrets
import string
import time
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.plugnmeet.server.plugins.module_utils._session import ID_LENGTH, SECRET_LENGTH

# They need no thought in any place where an id may stand.
_CHARACTERS = string.ascii_letters + string.digits


def _random(length: int) -> str:
    return "".join(secrets.choice(_CHARACTERS) for dummy in range(length))


def _certificate(session_id: str) -> tuple[str, str]:
    """Return a certificate that is its own issuer, and its private key, both in PEM.

    It is valid for longer than any session, since it is pinned, and clocks may differ.
    """
    # ansible-core brings it, but ansible-test imports us without.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"plugNmeet preflight {session_id}")])
    now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
    ).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"), private.decode("ascii")


class LookupModule(LookupBase):
    """Make a session."""

    def run(
        self,
        terms: list[t.Any],
        variables: t.Any = None,  # noqa: ARG002 - Ansible gives it
        **kwargs: t.Any,
    ) -> list[dict[str, t.Any]]:
        """Return one new session; raises AnsibleError if given terms or options."""
        if terms or kwargs:
            raise AnsibleError("lookup plugnmeet.server.session takes no terms and no options")
        session_id = _random(ID_LENGTH)
        certificate, private_key = _certificate(session_id)
        return [
            {
                "id": session_id,
                "secret": _random(SECRET_LENGTH),
                "certificate": certificate,
                "private_key": private_key,
                "started": time.time(),
            }
        ]
