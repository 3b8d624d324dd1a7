# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listener against curl, as a person would look at a web port."""

from __future__ import annotations

import shutil
import subprocess
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
    pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed"),
]

NOTHING = 52  # CURLE_GOT_NOTHING
NO_TLS = 35  # CURLE_SSL_CONNECT_ERROR
RESET = 56  # CURLE_RECV_ERROR: the other end hung up with something unread


def curl(*arguments: str) -> tuple[int, bytes]:
    """Run curl; return its exit code and what it prints."""
    command = ["curl", "--silent", "--max-time", "5", "--noproxy", "*", "--disable", *arguments]
    # --disable, which leaves out the user's own settings, has to come first.
    command.insert(1, command.pop(command.index("--disable")))
    result = subprocess.run(command, capture_output=True, check=False, timeout=20)
    return result.returncode, result.stdout


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "meet.example.com"])
@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", "--http2"])
def test_the_right_address_gets_exactly_the_proof(
    listen: t.Any, free_ports: t.Any, row: t.Any, session: Session, host: str, version: str
) -> None:
    (port,) = free_ports(1)
    listen(row("tcp", [port]))
    token = session.token(3, port)
    known = ["--resolve", f"meet.example.com:{port}:127.0.0.1"]
    url = f"http://{host}:{port}/.well-known/acme-challenge/{token}"
    code, answer = curl("--include", version, *known, url)
    assert code == 0
    head, dummy, body = answer.partition(b"\r\n\r\n")
    assert body == session.key_authorization(token).encode("ascii")
    status, *headers = head.decode("ascii").split("\r\n")
    assert status == "HTTP/1.1 200 OK"
    assert sorted(headers) == [
        "Connection: close",
        f"Content-Length: {len(body)}",
        "Content-Type: application/octet-stream",
    ]


@pytest.mark.parametrize("path", ["", ".well-known/acme-challenge/", ".well-known/acme-challenge/test"])
def test_another_address_gets_nothing(
    listen: t.Any, free_ports: t.Any, row: t.Any, session: Session, path: str
) -> None:
    (port,) = free_ports(1)
    listen(row("tcp", [port]))
    code, answer = curl("--include", f"http://127.0.0.1:{port}/{path}")
    assert (code, answer) in {(NOTHING, b""), (RESET, b"")}
    assert session.id


@pytest.mark.parametrize("version", [["--tls-max", "1.2"], ["--tlsv1.3"], ["--http1.1"], ["--no-alpn"]])
def test_without_the_token_tls_gets_not_one_byte(
    listen: t.Any, free_ports: t.Any, row: t.Any, session: Session, version: list[str]
) -> None:
    (port,) = free_ports(1)
    listen(row("tcp", [port], "https", "https"))
    url = f"https://127.0.0.1:{port}/.well-known/acme-challenge/{session.token(3, port)}"
    code, trace = curl("--insecure", *version, "--trace-ascii", "-", url)
    assert code == NO_TLS
    assert b"=> Send SSL data" in trace
    assert b"<= Recv" not in trace


def test_plain_http_is_answered_on_a_port_that_speaks_tls_too(
    listen: t.Any, free_ports: t.Any, row: t.Any, session: Session
) -> None:
    (port,) = free_ports(1)
    listen(row("tcp", [port], "https", "https"))
    token = session.token(3, port)
    code, answer = curl(f"http://127.0.0.1:{port}/.well-known/acme-challenge/{token}")
    assert (code, answer) == (0, session.key_authorization(token).encode("ascii"))
