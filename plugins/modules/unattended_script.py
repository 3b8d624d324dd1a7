#!/usr/bin/python
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: unattended_script
short_description: Run a script that asks questions on a terminal, with nobody there
description:
  - Runs a script on the target in a terminal of its own and types the answers to its questions, each when it is asked.
  - The questions are known and come in their order. At one that is not known the script is ended, and nothing is typed.
  - Whatever it says goes into O(log). While it runs, the time and the last line are shown every few seconds.
  - It runs in the background of the target, and goes on if the connection or the controller is lost. A task that comes
    while it does so follows the run that is under way, and starts no second one.
  - If it takes longer than O(timeout), or the process that drives it is told to end, the script is ended with all that
    it has started in its session.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
requirements:
  - Python 3.8 or newer on the target
  - bash on the target
  - root
extends_documentation_fragment:
  - plugnmeet.server.attributes
  - plugnmeet.server.attributes.target
attributes:
  action:
    description: An action plugin follows the run from the controller.
    support: full
  diff_mode:
    details: Shows what O(creates) would be there for.
    support: full
options:
  script:
    description: The path on the target of a script, which begins with C(#!). It is run with bash.
    type: path
    required: true
  questions:
    description: The questions, in the order in which they are asked.
    type: list
    elements: dict
    required: true
    suboptions:
      question:
        description: A regular expression that is found in the question, whatever the case of its letters.
        type: str
        required: true
      answer:
        description: What to type.
        type: str
        required: true
  creates:
    description: Paths that are there when the script is done. If they all are, it is not run.
    type: list
    elements: path
    default: []
  log:
    description:
      - A file on the target, for its owner only, to which what the script says is added.
      - It may hold secrets, if the script shows any. What is returned has them blotted out.
    type: path
    required: true
  timeout:
    description: The seconds after which the script is ended.
    type: int
    default: 3600
  follow:
    description:
      - Start nothing, and only follow the run that is under way, or say how the last one ended.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Run the installer
  plugnmeet.server.unattended_script:
    script: /root/install.sh
    questions:
      - question: server domain
        answer: meet.example.com
      - question: y/n
        answer: "n"
    creates:
      - /opt/plugNmeet
    log: /var/log/install.log
"""

RETURN = r"""
running:
  description: Whether it is under way. The action returns only when it is not.
  returned: always
  type: bool
  sample: false
answered:
  description: How many questions were answered.
  returned: if it was run
  type: int
  sample: 5
code:
  description: The script's exit code, or minus the number of the signal that ended it.
  returned: if it was run
  type: int
  sample: 0
reason:
  description: Why it was ended before its time, empty if it ended by itself.
  returned: if it was run
  type: str
  sample: ''
seconds:
  description: How long it took.
  returned: if it was run
  type: float
  sample: 412.3
last:
  description: The last line that it said.
  returned: if it was run
  type: str
  sample: Installation completed!
log:
  description: Where to read all of it, on the target.
  returned: if it was run
  type: str
  sample: /var/log/install.log
tail:
  description: Its last lines, without secrets.
  returned: if it was run
  type: list
  elements: str
  sample: [Installation completed!]
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError, as_given
from ansible_collections.plugnmeet.server.plugins.module_utils._unattended import run
from ansible_collections.plugnmeet.server.plugins.module_utils._unattended.dialogue import parse_questions

_MOST_LINE = 80


def follow(module: AnsibleModule) -> _arguments.Result:
    """Say how far the run is."""
    known = run.look()
    if known is None:
        raise PreflightError(f"nothing is known of a run on the target; it was restarted, see {module.params['log']}")
    return {"changed": True, **known}


def start(module: AnsibleModule) -> _arguments.Result:
    """Start the run if it is not done, or in check mode say that it would be."""
    questions = parse_questions(module.params["questions"])
    if module.params["timeout"] < 1:
        raise PreflightError(f"timeout is {module.params['timeout']}; take at least a second")
    known = run.look()
    if known is not None and known["running"]:
        return {"changed": True, **known}
    creates = module.params["creates"]
    missing = [path for path in creates if not os.path.exists(path)]
    result: dict[str, t.Any] = {"changed": bool(missing or not creates), "running": False}
    if module._diff:  # noqa: SLF001 - there is no other way to know
        result["diff"] = {
            "before_header": "there",
            "after_header": "there",
            "before": "".join(f"{path}\n" for path in creates if path not in missing),
            "after": "".join(f"{path}\n" for path in creates),
        }
    if not result["changed"] or module.check_mode:
        return result
    if os.geteuid() != 0:
        raise PreflightError("running a script unattended needs root on the target; run with become: true")
    if not os.path.isfile(module.params["script"]):
        raise PreflightError(
            f"script is {as_given(module.params['script'])}, which is no file on the target; copy it there"
        )
    _refuse_other_text(module.params["script"])
    run.start(module.params["script"], questions, module.params["log"], module.params["timeout"])
    return {**result, **(run.look() or {})}


def _refuse_other_text(script: str) -> None:
    """Raise PreflightError for what bash would read and not understand, such as the page of a web server."""
    with open(script, "rb") as file:
        first = file.readline(_MOST_LINE).decode("utf-8", "replace").strip()
    if not first.startswith("#!"):
        raise PreflightError(
            f"script is {as_given(script)}, which begins with {as_given(first)} and not with #!, and so is no script; "
            "see what it is, and where it came from"
        )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "script": {"type": "path", "required": True},
            "questions": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "question": {"type": "str", "required": True},
                    "answer": {"type": "str", "required": True},
                },
            },
            "creates": {"type": "list", "elements": "path", "default": []},
            "log": {"type": "path", "required": True},
            "timeout": {"type": "int", "default": 3600},
            "follow": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    _arguments.run(module, follow if module.params["follow"] else start)


if __name__ == "__main__":
    main()
