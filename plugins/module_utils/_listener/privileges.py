# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the listener gives up before it serves anybody: it can do nothing but use the sockets that it has."""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import struct

from .._errors import PreflightError

COMM = b"plugnmeet-check"
MOST_GROWTH = 192 << 20  # bytes of memory beyond what a listener has that nobody has talked to yet

# include/uapi/linux/prctl.h, capability.h
PR_SET_DUMPABLE, PR_SET_NAME, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 4, 15, 24, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522
_MOST_CAPABILITIES = 64  # in the sets of that version


def take_name() -> None:
    """Be called what a listener is called (comm, proc(5)): by that it is found and ended before services start."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, COMM, 0, 0, 0)


def drop_privileges() -> None:
    """Become the user nobody, without capabilities (capabilities(7)) and a way to get any, in bounded memory.

    What is running as another user keeps that one. Raises PreflightError if the host does not let us become nobody.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _bound(resource.RLIMIT_AS, _memory() + MOST_GROWTH)
    _bound(resource.RLIMIT_CORE, 0)  # where the secret would be in
    for capability in range(_MOST_CAPABILITIES):  # those that this kernel does not have fail
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    if os.geteuid() == 0:
        try:
            nobody = pwd.getpwnam("nobody")
            os.setgroups([])
            os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
            os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)
        except (KeyError, OSError) as error:
            raise PreflightError(f"the listener cannot become the user nobody on this target: {error}") from error
    # The change of user has left the inheritable set alone; giving up is allowed to everybody.
    libc.capset(struct.pack("Ii", _CAPABILITY_VERSION_3, 0), bytes(24))
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def _memory() -> int:
    """The size of this process's address space in bytes (proc(5), statm)."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _bound(limit: int, most: int) -> None:
    hard = resource.getrlimit(limit)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(limit, (most, most))
