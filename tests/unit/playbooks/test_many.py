# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role preflight does with many servers and probers, of which some do not work; its modules are stand-ins."""

from __future__ import annotations

import pathlib
import re
import shutil

import pytest

from ansible_collections.plugnmeet.server.tests.unit.playbooks.test_mistakes import BINARIES, ROOT, refused

# A module that knows no server, and notes what it was asked to do. It cannot listen where the server's TTL is 77.
STAND_IN = """#!/usr/bin/python
# WANT_JSON
import json, sys
given = json.load(open(sys.argv[1]))
here, there = {"ipv4": "198.51.100.2"}, {"ipv4": "203.0.113.10"}
seen = {"ports": "80,443,7881,50000-60000", "family": "ipv4", "seen": "open", "vantage": 0, "detail": {}}
seen = [{**seen, "protocol": protocol} for protocol in ("tcp", "udp")]
results = {
    "port_probe_info": {"local": here, "source": here, "addresses": there, "destination": there, "evidence": seen},
    "port_listener": {"bound": {}},
    "service_quiesce": {"armed": ["haproxy"], "deadline": 1.0, "complaints": []},
}
result = results.get("NAME", {})
if not given["_ansible_check_mode"]:
    open("LOG", "a").write("NAME %s\\n" % given.get("state", ""))
    if given.get("ttl") == 77 and "NAME" == "port_listener":
        result = {"failed": True, "msg": "no room for a listener."}
print(json.dumps(result))
"""
ROLE = "plugnmeet.server.preflight"


@pytest.fixture(name="log")
def stand_ins(tmp_path: pathlib.Path) -> pathlib.Path:
    """The collection with stand-ins for its modules; where they note what they did."""
    collection = tmp_path / "collections/ansible_collections/plugnmeet/server"
    shutil.copytree(ROOT / ".cache/collections/ansible_collections/plugnmeet/server", collection)
    (collection / "plugins/action/service_quiesce.py").unlink()
    log = tmp_path / "log"
    for name in ("port_probe_info", "port_listener", "service_quiesce", "host_firewall_info"):
        text = STAND_IN.replace("NAME", name).replace("LOG", str(log))
        (collection / f"plugins/modules/{name}.py").write_text(text, encoding="utf-8")
    return log


def played(folder: pathlib.Path, inventory: str, keywords: str, core: str) -> tuple[int, str]:
    """Run the role with an inventory and with more keywords of the play."""
    (folder / "inventory").write_text(inventory, encoding="utf-8")
    play = f"- hosts: plugnmeet\n  gather_facts: false\n  roles: [{ROLE}]\n{keywords}"
    (folder / "play.yml").write_text(play, encoding="utf-8")
    where = {"ANSIBLE_COLLECTIONS_PATH": str(folder / "collections")}
    python = f"ansible_python_interpreter={BINARIES[core] / 'python'}"
    return refused(folder, "play.yml", "-i", "inventory", "-e", python, core=core, **where)


@pytest.mark.parametrize("core", ["newest", "oldest"])
@pytest.mark.parametrize("keywords", ["", "  any_errors_fatal: true\n  max_fail_percentage: 0\n"])
def test_one_that_cannot_listen_keeps_no_other_from_being_as_it_was(
    tmp_path: pathlib.Path, log: pathlib.Path, keywords: str, core: str
) -> None:
    hosts = "[plugnmeet]\nmeet1\nmeet2 preflight_ttl=77\n[all:vars]\nansible_connection=local\n"
    code, said = played(tmp_path, hosts, keywords, core)
    done = log.read_text(encoding="utf-8").splitlines()
    assert done.count("port_listener started") == 2
    assert done.count("service_quiesce restored") == 2
    assert "no room for a listener." in said
    assert code == 2
    assert re.search(r"meet2 +: .*failed=1", said)


@pytest.mark.parametrize("core", ["newest", "oldest"])
@pytest.mark.parametrize("keywords", ["", "  any_errors_fatal: true\n"])
def test_a_prober_that_cannot_be_reached_is_not_tried_again_while_services_are_down(
    tmp_path: pathlib.Path, log: pathlib.Path, keywords: str, core: str
) -> None:
    dead = "ansible_host=127.0.0.1 ansible_port=1 ansible_ssh_retries=0"
    hosts = f"[plugnmeet]\nmeet1 ansible_connection=local\n[preflight_probers]\ndead {dead}\n"
    code, said = played(tmp_path, f"{hosts}ext ansible_connection=local\n", keywords, core)
    assert log.read_text(encoding="utf-8").count("port_probe_info") == 1
    assert len(re.findall(r"failed: \[meet1 -> dead", said)) == 1
    assert "dead could not be used: " in said
    assert code == 2
