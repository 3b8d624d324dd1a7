# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import pathlib
import re
import socket
import threading
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils import _live, _stun
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError
from ansible_collections.plugnmeet.server.plugins.module_utils._probe.resolve import way

PATIENCE = 2.0


@contextlib.contextmanager
def served(kind: socket.SocketKind, serve: t.Callable[[socket.socket], None]) -> t.Iterator[int]:
    """A port of this host at which `serve` does something, once."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        thread = threading.Thread(target=serve, args=[sock], daemon=True)
        thread.start()
        yield sock.getsockname()[1]


def say(text: bytes) -> t.Callable[[socket.socket], None]:
    def serve(sock: socket.socket) -> None:
        connection, dummy = sock.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(text)

    return serve


def ask(**ports: int) -> _live.Answer:
    asked = {"http": 0, "https": 0, "ice_tcp": 0, "turn_udp": 0, **ports}
    (answer,) = _live.ask(["127.0.0.1"], _live.services(**asked, ca_file="", patience=PATIENCE))
    return answer


@pytest.mark.parametrize(
    ("said", "proof", "reason"),
    [
        (b"HTTP/1.1 301 Moved\r\n\r\n", "answers with status 301", ""),
        (b"SSH-2.0-OpenSSH\r\n", "", "what answers speaks no HTTP"),
        (b"", "", "what answers speaks no HTTP"),
    ],
)
def test_http_is_what_speaks_http(said: bytes, proof: str, reason: str) -> None:
    with served(socket.SOCK_STREAM, say(said)) as port:
        answer = ask(http=port)
    assert (answer.proof, answer.reason, answer.port, answer.family) == (proof, reason, f"{port}/tcp", "ipv4")


def test_a_name_outside_ascii_is_asked_for_as_the_dns_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = []

    def serve(sock: socket.socket) -> None:
        connection, dummy = sock.accept()
        with connection:
            heard.append(connection.recv(4096))
            connection.sendall(b"HTTP/1.1 301 Moved\r\n\r\n")

    with served(socket.SOCK_STREAM, serve) as port:
        there = {"ipv4": ("127.0.0.1", port)}
        monkeypatch.setattr(_live, "_addresses", lambda name, service: there)  # noqa: ARG005 - no name is looked up
        (answer,) = _live.ask(["bücher.example"], _live.services(port, 0, 0, 0, "", PATIENCE))
    assert (answer.name, answer.proof) == ("bücher.example", "answers with status 301")
    assert b"\r\nHost: xn--bcher-kva.example\r\n" in heard[0]


def test_what_speaks_no_tls_is_told_as_that() -> None:
    with served(socket.SOCK_STREAM, say(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        answer = ask(https=port)
    assert not answer.proof
    assert answer.reason.startswith("no TLS: ")


def test_tcp_that_accepts_is_proven_and_what_refuses_is_not() -> None:
    with served(socket.SOCK_STREAM, lambda dummy: None) as port:
        assert ask(ice_tcp=port).proof == "accepts connections"
    assert ask(ice_tcp=port).reason == "Connection refused"


def stun(honest: bool) -> t.Callable[[socket.socket], None]:
    def serve(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, source = sock.recvfrom(1500)
                request = _stun.parse(data)
                mapped = _stun.xor_address(_stun.pack_address(source), request.transaction_id)
                known = request.transaction_id if honest else bytes(12)
                attributes = ((_stun.XOR_MAPPED_ADDRESS, mapped),)
                sock.sendto(_stun.build(_stun.BINDING_SUCCESS, known, attributes, b"any"), source)

    return serve


def test_stun_is_what_answers_this_question() -> None:
    with served(socket.SOCK_DGRAM, stun(True)) as port:
        assert ask(turn_udp=port).proof == "answers, and sees us as 127.0.0.1"
    with served(socket.SOCK_DGRAM, stun(False)) as port:
        assert ask(turn_udp=port).reason == "nobody answers"


def test_an_address_of_this_host_is_known_as_such() -> None:
    assert ask(ice_tcp=1).itself is True
    assert way(socket.AF_INET, ("192.0.2.1", 80))[0] != "192.0.2.1"  # which sends nothing


@pytest.mark.parametrize("name", [".example.com", "a..b", "x" * 64 + ".example.com"])
def test_what_is_no_name_at_all_is_an_answer(name: str) -> None:
    (answer,) = _live.ask([name], _live.services(80, 0, 0, 0, "", PATIENCE))
    assert (answer.proof, answer.reason) == ("", "it is no host name")


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), ("nothing\n", "there is no certificate in it")]
)
def test_a_file_that_holds_no_certificate_is_told(tmp_path: pathlib.Path, content: str | None, why: str) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(PreflightError, match=re.escape(f"which cannot be used: {why}")):
        _live.services(80, 443, 0, 0, str(file), PATIENCE)


def test_a_name_without_an_address_is_an_answer() -> None:
    (answer,) = _live.ask(["nowhere.invalid"], _live.services(80, 0, 0, 0, "", PATIENCE))
    assert answer.reason.startswith("it does not resolve: ")
