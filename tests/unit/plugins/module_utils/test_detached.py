# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._detached import detach
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError


def test_what_was_written_comes_back_from_a_process_of_its_own_session() -> None:
    def live(pipe: t.BinaryIO) -> None:
        with pipe:
            pipe.write(f"{os.getsid(0)} {os.readlink('/proc/self/fd/1')} {os.getcwd()}".encode())

    session, output, folder = detach(live).split()
    assert int(session) != os.getsid(0)
    assert (output, folder) == (os.devnull, "/")


def test_one_that_ends_first_wrote_nothing() -> None:
    assert detach(t.BinaryIO.close) == ""


def test_one_that_fails_wrote_nothing_and_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    def fail(pipe: t.BinaryIO) -> None:
        raise RuntimeError(pipe)

    assert detach(fail) == ""
    assert capfd.readouterr() == ("", "")


def test_a_host_that_allows_no_more_processes_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(PreflightError, match="does not allow one more process: Resource temporarily unavailable; see"):
        detach(t.BinaryIO.close)
    assert len(os.listdir("/proc/self/fd")) == before
