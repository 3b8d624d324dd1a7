# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventories: how Ansible reaches the machines, from either place where a play may run."""

from __future__ import annotations

from . import ssh
from .layout import CROWD, OUTSIDE, SERVER, Instance

SSH = """\
      ansible_user: root
      ansible_ssh_private_key_file: {key}
      ansible_ssh_args: {options} -o ControlMaster=auto -o ControlPersist=60s
      ansible_control_path_dir: {state}/ssh
      ansible_pipelining: true
      ansible_python_interpreter: /usr/bin/python3
"""
FROM_CONTROLLER = """\
# For a play that runs in the controller, which reaches both machines past the firewall.
plugnmeet:
  hosts:
    {server.hostname}:
      ansible_host: {server.management}
      preflight_address: meet.example.com
  vars: &ssh
{ssh}
preflight_probers:
  hosts:
    {outside.hostname}:
      ansible_host: {outside.management}
  vars: *ssh
"""
OF_CROWD = """\
# The same for ten other servers.
plugnmeet:
  hosts:
{targets}
  vars: &ssh
{ssh}
preflight_probers:
  hosts:
    {outside.hostname}:
      ansible_host: {outside.management}
  vars: *ssh
"""
ONE_OF_CROWD = "    {0.hostname}: {{ansible_host: {0.management}, preflight_address: {0.address4}}}"
FROM_OUTSIDE = """\
# For a play that runs in the outside host's network: the control node is the prober, and its SSH goes through the
# firewall. Nobody there knows the server by a name.
plugnmeet:
  hosts:
    {server.hostname}:
      ansible_host: {server.address4}
      preflight_address: {server.address4}
  vars:
{ssh}
preflight_probers:
  hosts:
    localhost:
      ansible_connection: local
      ansible_python_interpreter: '{{{{ ansible_playbook_python }}}}'
"""


def write(lab: Instance) -> None:
    """Write the inventories, each into its own file."""
    for place, text in {"controller": FROM_CONTROLLER, "outside": FROM_OUTSIDE}.items():
        content = text.format(server=SERVER, outside=OUTSIDE, ssh=access(lab))
        lab.inventory(place).write_text(content, encoding="utf-8")


def write_crowd(lab: Instance) -> None:
    """Write the inventory of the crowd."""
    targets = "\n".join(map(ONE_OF_CROWD.format, CROWD))
    content = OF_CROWD.format(targets=targets, outside=OUTSIDE, ssh=access(lab))
    lab.inventory("crowd").write_text(content, encoding="utf-8")


def access(lab: Instance) -> str:
    """The variables by which Ansible gets into the machines."""
    return SSH.format(key=lab.key, options=" ".join(ssh.options(lab)), state=lab.state)
