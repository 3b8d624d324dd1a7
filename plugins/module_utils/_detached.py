# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""A process in the background that outlives the module which started it, and the connection that the module came by."""

from __future__ import annotations

import os
import typing as t

from ._errors import PreflightError


def detach(live: t.Callable[[t.BinaryIO], None]) -> str:
    """Run `live` in a process that is nobody's child, and return what it wrote before it closed the file it is given.

    Nothing if it died before. Raises PreflightError if the host allows no more processes.
    """
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError as error:
        os.close(reader)
        os.close(writer)
        raise PreflightError(
            f"the target does not allow one more process: {error.strerror}; see ulimit -u and TasksMax there"
        ) from error
    if child == 0:
        # This one ends at once, so that the next is nobody's child.
        try:
            os.close(reader)
            os.setsid()
            if os.fork() == 0:
                let_go(keep=writer)
                live(os.fdopen(writer, "wb"))
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as pipe:
        return pipe.read().decode("utf-8")


def let_go(keep: int) -> None:
    """Close whatever came with the module but `keep`: Ansible waits until nobody holds its output any more."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.closerange(3, keep)
    os.closerange(keep + 1, 1024)
    os.chdir("/")
