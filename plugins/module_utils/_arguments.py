# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What the modules have in common at their edge: two options, the host's commands, and how an error gets out."""

from __future__ import annotations

import typing as t

from ._errors import PreflightError
from ._requirement import EXPECT, SPEAKS, Requirement, parse_requirements
from ._services import Run, Units
from ._session import MAKE_ONE, Session

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

_NOT_FOUND = 127  # exit code of a shell
_LONGEST_PATIENCE = 600  # seconds

Result = t.Dict[str, t.Any]

SESSION: dict[str, t.Any] = {
    "type": "dict",
    "required": True,
    # As a whole: of a text with lines in it, such as the key, Ansible does not find the parts in what it logs.
    "no_log": True,
    "options": {
        "id": {"type": "str", "required": True},
        "secret": {"type": "str", "required": True, "no_log": True},
        "certificate": {"type": "str", "default": ""},
        "private_key": {"type": "str", "default": "", "no_log": True},
        "started": {"type": "float"},
    },
}

PORTS: dict[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "required": True,
    "options": {
        "name": {"type": "str", "required": True},
        "protocol": {"type": "str", "choices": ["tcp", "udp"], "required": True},
        "ports": {"type": "str", "required": True},
        "speaks": {"type": "str", "choices": list(SPEAKS)},
        "required": {"type": "bool", "default": True},
        "purpose": {"type": "str", "default": ""},
        "expect": {"type": "str", "choices": list(EXPECT), "default": "open"},
    },
}


def session_and_table(params: t.Mapping[str, t.Any]) -> tuple[Session, list[Requirement]]:
    """Take those two options; raises PreflightError for a mistake in either, or if they do not fit together."""
    session, requirements = Session.from_params(params["session"]), parse_requirements(params["ports"])
    if any(row.speaks == "https" for row in requirements) and not session.certificate:
        raise PreflightError(f"session.certificate is missing, and a port that speaks https needs it; {MAKE_ONE}")
    return session, requirements


def patience(params: t.Mapping[str, t.Any]) -> float:
    """Take that option, in seconds; raises PreflightError for what nobody can wait."""
    seconds: float = params["patience"]
    if not 0 < seconds <= _LONGEST_PATIENCE:
        raise PreflightError(f"patience is {seconds:g}; take seconds above 0, up to {_LONGEST_PATIENCE}")
    return seconds


def runner(module: AnsibleModule) -> Run:
    """What runs a command on the module's host; a program that is not there ends as in a shell."""

    def run_command(command: list[str]) -> tuple[int, str, str]:
        try:
            code, output, error = module.run_command(command, handle_exceptions=False)
        except OSError as error:
            return _NOT_FOUND, "", f"{command[0]}: {error.strerror}"
        return code, output, error

    return run_command


def system(module: AnsibleModule) -> Units:
    """The units of the module's host."""
    return Units(runner(module))


def run(module: AnsibleModule, job: t.Callable[[AnsibleModule], Result]) -> None:
    """Do `job` and leave with its result, or with the one sentence of what went wrong."""
    try:
        result = job(module)
    except PreflightError as error:
        module.fail_json(msg=f"{error}.")
    module.exit_json(**result)
