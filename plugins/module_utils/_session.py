# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""One run's identity, as it shows on the wire.

To a STUN port a session is an ICE agent (RFC 8445, section 5.3): its id is the listener's username fragment, its secret
the listener's password. To a web port it is an ACME account (RFC 8555): only who has the secret can make a token, or
know the key authorization that answers it. Username and token both say which vantage asks and which port it means, and
since the secret protects them, a port that was changed on the way cannot hide.

A visitor, a browser with this session's page, has a secret that is made of the session's, and writes its name behind
the listener's username fragment: that is the part of the USERNAME that a page can choose.
"""

from __future__ import annotations

import base64
import hmac
import re
import string
import typing as t
import zlib

from ._errors import PreflightError, as_given

ID_LENGTH = 16
SECRET_LENGTH = 32
SHORTEST_SECRET = 22  # 128 bits (RFC 8445, section 5.3)
USERNAME_LENGTH = ID_LENGTH + len(":v00p00000")
ICE_CHARS = string.ascii_letters + string.digits + "+/"  # RFC 8839, section 5.4

MAKE_ONE = "take lookup('plugnmeet.server.session')"
_ID = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_ICE = re.compile(r"[A-Za-z0-9+/]+", re.ASCII)
_QUESTION = re.compile(rb"([A-Za-z0-9]{16}):v([0-9]{2})p([0-9]{5})")
_VISITOR_QUESTION = re.compile(rb"([A-Za-z0-9]{16})/([A-Za-z0-9]{8}):[A-Za-z0-9+/]{4,256}")

# The maximum segment size in a probe's SYN stands for session and vantage: a SYN has no room for more, scanners and
# browsers use larger ones, and middle boxes only ever lower those above some 1200. Linux lets any user set it; BSD and
# macOS take none above their default, so that their SYNs have no mark.
MARKS = range(600, 1200)
VANTAGES = 100

_MAC_LENGTH = 16
_LABEL_MAC_LENGTH = 12  # so that base32 needs no padding
_VISIT_SECRET_LENGTH = 24  # bytes, of which base64 makes 32 characters
_CLAIMS_LENGTH = ID_LENGTH + 3  # the id, a byte for the vantage, two for the port


class Session(t.NamedTuple):
    """The credentials of one run; `certificate` and `private_key` in PEM, empty where no port speaks TLS."""

    id: str
    secret: str
    certificate: str = ""
    private_key: str = ""

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> Session:
        """Take the `session` option of a module; raises PreflightError for what the lookup did not make."""
        session_id, secret = check_id(str(params["id"]), "session.id"), str(params["secret"])
        if len(secret) < SHORTEST_SECRET or not _ICE.fullmatch(secret):
            raise PreflightError(f"session.secret must be {SHORTEST_SECRET} ICE characters or more; {MAKE_ONE}")
        return cls(session_id, secret, str(params.get("certificate") or ""), str(params.get("private_key") or ""))

    @property
    def key(self) -> bytes:
        """The key of the short-term credential mechanism (RFC 8489, section 9.1.1)."""
        return self.secret.encode("ascii")

    def username(self, vantage: int, port: int) -> bytes:
        """The USERNAME of a question from `vantage` to `port`: listener's fragment, colon, prober's fragment."""
        return f"{self.id}:v{vantage:02d}p{port:05d}".encode("ascii")

    def read_username(self, username: bytes) -> tuple[int, int] | None:
        """Return vantage and intended port of a question to this session; None for a stranger's."""
        match = _QUESTION.fullmatch(username)
        if not match or match.group(1) != self.id.encode("ascii"):
            return None
        vantage, port = int(match.group(2)), int(match.group(3))
        return (vantage, port) if port <= 65535 else None

    @property
    def visit_secret(self) -> str:
        """The password (RFC 8445, section 5.3) that the page has; the session's secret does not follow from it."""
        return base64.b64encode(self._mac(b"visit", self.id.encode("ascii"))[:_VISIT_SECRET_LENGTH]).decode("ascii")

    @property
    def visit_path(self) -> str:
        """The path at which the listener has the page, and takes the results; nobody guesses it."""
        return "/" + _base64url(self._mac(b"path", self.id.encode("ascii"))[:_MAC_LENGTH])

    def read_visitor(self, username: bytes) -> str | None:
        """Return the name of the visitor who asks; None for everybody else."""
        match = _VISITOR_QUESTION.fullmatch(username)
        if not match or match.group(1) != self.id.encode("ascii"):
            return None
        return match.group(2).decode("ascii")

    def is_result(self, mac: str, body: bytes) -> bool:
        """Tell whether `body`, a visitor's result, was signed with the visitors' secret; `mac` in hexadecimal."""
        right = hmac.new(self.visit_secret.encode("ascii"), b"result " + body, "sha256").hexdigest()
        return hmac.compare_digest(mac.encode("ascii", "replace"), right.encode("ascii"))

    def token(self, vantage: int, port: int) -> str:
        """The challenge token (RFC 8555, section 8.3) of a question from `vantage` to `port`."""
        claims = self.id.encode("ascii") + bytes((vantage,)) + port.to_bytes(2, "big")
        return _base64url(claims + self._mac(b"token", claims)[:_MAC_LENGTH])

    def read_token(self, token: str) -> tuple[int, int] | None:
        """Return vantage and intended port of a token of this session; None for a stranger's."""
        try:
            packed = base64.b64decode(token + "=", altchars=b"-_", validate=True)
        except ValueError:
            return None
        claims, mac = packed[:_CLAIMS_LENGTH], packed[_CLAIMS_LENGTH:]
        right = self._mac(b"token", claims)[:_MAC_LENGTH]
        if _base64url(packed) != token or not hmac.compare_digest(mac, right):
            return None
        if claims[:-3] != self.id.encode("ascii"):
            return None
        return claims[-3], int.from_bytes(claims[-2:], "big")

    def label(self, vantage: int, port: int) -> str:
        """A label of a host name (RFC 1035, section 2.3.1), where case does not count, that says what a token says.

        It is short, for who opens TLS on the way makes a certificate for the name, and a common name has 64 characters
        at the most (RFC 5280, appendix A.1).
        """
        claims = bytes((vantage,)) + port.to_bytes(2, "big")
        return base64.b32encode(claims + self._label_mac(claims)).decode("ascii").lower()

    def read_label(self, label: bytes) -> tuple[int, int] | None:
        """Return vantage and intended port of a label of this session; None for a stranger's."""
        try:
            packed = base64.b32decode(label, casefold=True)
        except ValueError:
            return None
        claims, mac = packed[:3], packed[3:]
        if not hmac.compare_digest(mac, self._label_mac(claims)):
            return None
        return claims[0], int.from_bytes(claims[1:], "big")

    def _label_mac(self, claims: bytes) -> bytes:
        return self._mac(b"label", self.id.encode("ascii") + claims)[:_LABEL_MAC_LENGTH]

    def key_authorization(self, token: str) -> str:
        """What answers `token` (RFC 8555, section 8.1): behind the dot stands an account key's thumbprint, or ours."""
        return f"{token}.{_base64url(self._mac(b'thumbprint', token.encode('ascii')))}"

    def _mac(self, use: bytes, message: bytes) -> bytes:
        return hmac.digest(self.key, use + b" " + message, "sha256")

    def mark(self, vantage: int) -> int:
        """The TCP maximum segment size by which the SYNs of `vantage` are known."""
        return MARKS[(zlib.crc32(self.id.encode("ascii")) + vantage) % len(MARKS)]

    def read_mark(self, mark: int) -> int | None:
        """Return the vantage whose SYNs carry `mark`; None for a stranger's."""
        vantage = (mark - MARKS[0] - zlib.crc32(self.id.encode("ascii"))) % len(MARKS)
        return vantage if mark in MARKS and vantage < VANTAGES else None


def _base64url(data: bytes) -> str:
    """Base64url without padding, as ACME has it (RFC 8555, section 6.1)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def check_id(session_id: str, option: str) -> str:
    """Return `session_id`; raises PreflightError for what the lookup did not make."""
    if len(session_id) != ID_LENGTH or not _ID.fullmatch(session_id):
        raise PreflightError(f"{option} must be {ID_LENGTH} letters and digits, not {as_given(session_id)}; {MAKE_ONE}")
    return session_id
