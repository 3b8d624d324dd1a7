# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listener against OpenSSL's own client, which can be told the application protocols to offer."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import time
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._exchange import http, https
from ansible_collections.plugnmeet.server.plugins.module_utils._exchange.shapes import Reply
from ansible_collections.plugnmeet.server.plugins.module_utils._session import Session

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
    pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed"),
]

versions = pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])


def s_client(port: int, *arguments: str, said: bytes = b"", until: str = "") -> str:
    """Run openssl s_client, let it say this, and return what it prints, until this if it does not end by itself."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments]
    told = b""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    ) as client:
        assert client.stdin
        assert client.stdout
        client.stdin.write(said)
        while not until or until.encode("ascii") not in told:
            data = client.stdout.read(65536)
            if not data:
                break
            told += data
    return told.decode("utf-8", "replace")


@versions
def test_who_offers_the_token_gets_the_certificate_and_the_proof(
    listen: t.Any, free_ports: t.Any, row: t.Any, session: Session, version: str
) -> None:
    (port,) = free_ports(1)
    listen(row("tcp", [port], "https", "https"))
    question = http.Asking(session, 3, port, "meet.example.com").start()
    offer = ["-alpn", f"http/1.1,{session.token(3, port)}", "-servername", "meet.example.com"]
    proof = session.key_authorization(session.token(3, port))
    told = s_client(port, version, *offer, said=question, until=proof)
    assert "ALPN protocol: http/1.1" in told
    assert proof in told
    found = re.search("-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----", told, re.DOTALL)
    assert found
    assert ssl.PEM_cert_to_DER_cert(found[0]) == ssl.PEM_cert_to_DER_cert(session.certificate)


@versions
@pytest.mark.parametrize("offer", ["none", "usual", "another secret", "another port"])
def test_who_does_not_gets_not_one_byte(
    listen: t.Any, free_ports: t.Any, row: t.Any, session: Session, version: str, offer: str
) -> None:
    (port,) = free_ports(1)
    listen(row("tcp", [port], "https", "https"))
    arguments = {
        "none": [],
        "usual": ["-alpn", "h2,http/1.1"],
        "another secret": ["-alpn", session._replace(secret="0" * 32).token(3, port)],
        "another port": ["-alpn", session.token(3, port + 1)],
    }[offer]
    told = s_client(port, version, *arguments)
    assert re.search(r"SSL handshake has read 0 bytes and written \d{3,} bytes", told)
    assert "no peer certificate available" in told


@versions
def test_the_prober_knows_their_server_for_a_strangers(
    free_ports: t.Any, session: Session, stranger: Session, tmp_path: t.Any, version: str
) -> None:
    (port,) = free_ports(1)
    pem = tmp_path / "server.pem"
    pem.write_text(stranger.certificate + stranger.private_key, encoding="ascii")
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(pem), "-www", version]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            reply = _ask(session, port)
        finally:
            server.terminate()
    assert reply.about["kind"] == "certificate"
    assert reply.certificate == ssl.PEM_cert_to_DER_cert(stranger.certificate)


def _ask(session: Session, port: int) -> Reply:
    """Ask as the prober does, as soon as somebody listens."""
    for dummy in range(100):
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=5)
        except ConnectionRefusedError:
            time.sleep(0.05)
            continue
        with connection:
            asking = https.Asking(session, 3, port, "meet.example.com")
            to_send, reply = asking.start(), None
            while reply is None:
                connection.sendall(to_send)
                to_send, reply = asking.receive(connection.recv(65536))
            return reply
    raise AssertionError("their server does not listen")
