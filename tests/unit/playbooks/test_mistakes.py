# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbooks refuse before they speak to any host, as a user sees it."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARIES = {"newest": pathlib.Path(sys.executable).parent, "oldest": ROOT / ".cache/venv/oldest/bin"}
NO_INVENTORY = "There is no inventory; give one, or a server's name with a comma behind it: -i 'meet.example.com,'"
NO_HOST = "put it into the group plugnmeet, or name it with -e preflight_hosts=NAME"


def refused(
    folder: pathlib.Path, name: str, *arguments: str, core: str = "newest", **variables: str
) -> tuple[int, str]:
    """Run a playbook, of the collection unless it is a file; return the exit code and what was said."""
    playbook = BINARIES[core] / "ansible-playbook"
    if not playbook.exists():
        pytest.skip("the oldest core is not there: tests/tools/venv oldest")
    environment = {
        **{name: value for name, value in os.environ.items() if name != "ANSIBLE_INVENTORY"},
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache/collections"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_NOCOLOR": "1",
        **variables,
    }
    command = [str(playbook), name if name.endswith(".yml") else f"plugnmeet.server.{name}", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, (done.stdout + done.stderr).replace('\\"', '"')


@pytest.mark.parametrize(
    ("name", "core"),
    [(name, "newest") for name in ("preflight", "visit", "verify", "install")] + [("preflight", "oldest")],
)
def test_without_an_inventory_it_fails_and_says_how_to_name_a_server(
    tmp_path: pathlib.Path, name: str, core: str
) -> None:
    code, said = refused(tmp_path, name, "-i", "meet.example.com", core=core)
    assert code == 2
    assert NO_INVENTORY in said


@pytest.mark.parametrize("core", ["newest", "oldest"])
def test_an_empty_group_is_not_replaced_by_a_host_of_another(tmp_path: pathlib.Path, core: str) -> None:
    (tmp_path / "inventory").write_text("[plugnmeet]\n[web]\nother\n", encoding="utf-8")
    code, said = refused(tmp_path, "preflight", "-i", "inventory", core=core)
    assert code == 4
    assert NO_HOST in said


@pytest.mark.parametrize("core", ["newest", "oldest"])
@pytest.mark.parametrize("name", ["preflight", "install"])
def test_a_limit_that_leaves_nobody_is_an_error(tmp_path: pathlib.Path, name: str, core: str) -> None:
    (tmp_path / "inventory").write_text("[plugnmeet]\nmeet1\nmeet2\n[web]\nother\n", encoding="utf-8")
    code, said = refused(tmp_path, name, "-i", "inventory", "--limit", "other", core=core)
    assert code == 4
    assert "--limit leaves none" in said
    code, said = refused(tmp_path, name, "-i", "inventory", "--limit", "nobody", core=core)
    assert code == 1  # Ansible's own
    code, said = refused(tmp_path, name, "-i", "inventory", "--limit", "meet2,other", "--list-hosts", core=core)
    assert code == 0
    assert "meet2" in said
    assert "hosts (1):" in said


@pytest.mark.parametrize("core", ["newest", "oldest"])
def test_a_name_that_nobody_has_is_an_error_beside_others_too(tmp_path: pathlib.Path, core: str) -> None:
    (tmp_path / "inventory").write_text("[plugnmeet]\nmeet1\nmeet2\n[web]\n", encoding="utf-8")
    for wanted in ("meet1,meat2,meat3", "meat2,meat3", '{"preflight_hosts": ["meet1", "meat2,meat3"]}'):
        variable = wanted if wanted.startswith("{") else f"preflight_hosts={wanted}"
        code, said = refused(tmp_path, "preflight", "-i", "inventory", "-e", variable, core=core)
        assert code == 4
        assert "preflight_hosts has meat2, meat3, which no host or group of the inventory is called" in said
    for wanted, count in (("plugnmeet,!meet2", 1), ("meet1, web", 1), ("meet*", 2), ("plugnmeet:&meet1", 1)):
        about = json.dumps({"preflight_hosts": wanted})
        code, said = refused(tmp_path, "preflight", "-i", "inventory", "--list-hosts", "-e", about, core=core)
        assert (code, f"hosts ({count}):" in said) == (0, True)


@pytest.mark.parametrize("core", ["newest", "oldest"])
def test_a_name_may_have_whatever_an_inventory_takes(tmp_path: pathlib.Path, core: str) -> None:
    (tmp_path / "inventory.yml").write_text(
        "plugnmeet: {hosts: {meet one: , a/b: , '2001:db8::1': }}\n", encoding="utf-8"
    )
    code, said = refused(tmp_path, "preflight", "-i", "inventory.yml", "--list-hosts", core=core)
    assert code == 0
    assert "hosts (3):" in said
    hosts = '{"preflight_hosts": ["meet one", "a/b"]}'
    said = refused(tmp_path, "preflight", "-i", "inventory.yml", "--list-hosts", "-e", hosts, core=core)[1]
    assert "hosts (2):" in said


@pytest.mark.parametrize("core", ["newest", "oldest"])
def test_a_play_that_ignores_errors_goes_on_with_nothing_that_cannot_be(tmp_path: pathlib.Path, core: str) -> None:
    (tmp_path / "play.yml").write_text(
        """
- hosts: all
  gather_facts: false
  ignore_errors: true
  tasks:
    - include_role: {name: "{{ role }}", tasks_from: "{{ begin }}"}
    - debug: {msg: went on}
""",
        encoding="utf-8",
    )
    for role, begin in (("preflight", "main"), ("install", "mistakes")):
        about = json.dumps({"role": f"plugnmeet.server.{role}", "begin": begin, "preflight_ttl": 5})
        code, said = refused(tmp_path, "play.yml", "-i", "meet1,", "-e", about, core=core)
        assert code == 2
        assert "went on" not in said


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("verify_domain=", "verify_domain is empty; give the name by which people reach the server."),
        ("verify_turn_domain=a.example:443", "verify_turn_domain is no name alone; give it without https:// and port."),
        ("verify_ice_tcp_port=70000", "verify_ice_tcp_port is no port; take one up to 65535, or 0 to leave it out."),
        ("verify_turn_udp_port=-1", "verify_turn_udp_port is no port; take one up to 65535, or 0 to leave it out."),
        ("verify_domain=https://a.example/", "verify_domain is no name alone; give it without https:// and port."),
        ("preflight_probers=nosuch.example", 'preflight_probers has "nosuch.example", which is not in the inventory'),
    ],
)
def test_what_cannot_be_verified_is_refused_in_a_sentence(tmp_path: pathlib.Path, given: str, sentence: str) -> None:
    code, said = refused(tmp_path, "verify", "-i", "meet1,", "-e", given)
    assert code == 2
    assert sentence in " ".join(said.split())


def test_nothing_that_could_be_proven_is_no_success(tmp_path: pathlib.Path) -> None:
    nothing = json.dumps({"verify_domain": "127.0.0.1", "verify_media_ports": ""})
    code, said = refused(tmp_path, "verify", "-i", "meet1,", "-c", "local", "-e", nothing)
    assert code == 2
    assert "Nothing of meet1 could be proven; it is said above, with what to do." in " ".join(said.split())
    assert "but localhost has that address itself" in " ".join(said.split())


def other_role(folder: pathlib.Path, core: str) -> tuple[str, ...]:
    """The arguments of an install by a role of somebody else, of which only the second play runs."""
    tasks = folder / "roles/their/tasks"
    tasks.mkdir(parents=True)
    (tasks / "main.yml").write_text("- debug: {msg: their role runs}\n", encoding="utf-8")
    begin = ("--start-at-task", "Install as plugnmeet_install_role does")
    return (*on_this_host(core), "-e", "plugnmeet_install_role=their", "--tags", "install", *begin)


def on_this_host(core: str) -> tuple[str, ...]:
    """The arguments that make this host the server, with a Python that is there."""
    return ("-i", "meet1,", "-c", "local", "-e", f"ansible_python_interpreter={BINARIES[core] / 'python'}")


@pytest.mark.parametrize("core", ["newest", "oldest"])
def test_a_report_that_a_cache_has_of_an_earlier_run_installs_nothing(tmp_path: pathlib.Path, core: str) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    for name in ("meet1", "s1_meet1"):  # as either core names the file
        (cache / name).write_text(json.dumps({"preflight_report": {"passed": True}}), encoding="utf-8")
    known = {
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(cache),
        "ANSIBLE_ROLES_PATH": str(tmp_path / "roles"),
    }
    arguments = other_role(tmp_path, core)
    code, said = refused(tmp_path, "install", *arguments, core=core, **known)
    assert (code, "their role runs" in said) == (0, False)
    proof = json.dumps({"_preflight_proof": {"passed": True}})
    code, said = refused(tmp_path, "install", *arguments, "-e", proof, core=core, **known)
    assert (code, "their role runs" in said) == (0, True)  # all of its tasks, whatever their tags


def test_a_prober_that_cannot_be_used_is_not_said_to_be_the_server(tmp_path: pathlib.Path) -> None:
    script = tmp_path / "install.sh"
    script.write_text("true\n", encoding="utf-8")
    (tmp_path / "inventory").write_text(
        "[plugnmeet]\nmeet1 ansible_connection=local\n[preflight_probers]\next ansible_host=127.0.0.1 ansible_port=1\n",
        encoding="utf-8",
    )
    names = {"install_domain": "a.example.com", "install_turn_domain": "b.example.com"}
    given = json.dumps({**names, "install_email": "you@example.com", "install_script": str(script)})
    code, said = refused(tmp_path, "install", "-i", "inventory", "--tags", "preflight", "-e", given)
    assert code == 2
    assert "ext could not be used: " in said
    assert "or name another in preflight_probers." in " ".join(said.split())


@pytest.mark.parametrize("core", ["newest", "oldest"])
def test_media_ports_may_be_a_number(tmp_path: pathlib.Path, core: str) -> None:
    given = json.dumps({"verify_domain": "127.0.0.1", "verify_media_ports": 20100})
    assert refused(tmp_path, "verify", *on_this_host(core), "--check", "-e", given, core=core)[0] == 0


@pytest.mark.parametrize("core", ["newest", "oldest"])
def test_a_prober_needs_no_privilege_whatever_the_inventory_says(tmp_path: pathlib.Path, core: str) -> None:
    about = json.dumps({"verify_domain": "127.0.0.1", "verify_media_ports": ""})
    (tmp_path / "inventory").write_text(
        "meet1\n[all:vars]\nansible_become=true\nansible_become_exe=/nowhere/sudo\nansible_connection=local\n",
        encoding="utf-8",
    )
    said = refused(tmp_path, "verify", "-i", "inventory", "-e", about, core=core)[1]
    assert "but localhost has that address itself" in " ".join(said.split())


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("preflight_profiles=sipp", 'preflight_profiles has "sipp", which is none; take base, sip or ingress.'),
        (
            "preflight_address=https://a.example",
            'preflight_address is "https://a.example"; give the name or address alone',
        ),
        ("preflight_address=a.example:443", 'preflight_address is "a.example:443"; give the name or address alone'),
        ('{"preflight_address": null}', "preflight_address is empty; give the name or address"),
        (
            "preflight_pace=5",
            "one question to each of 10002 UDP ports takes 2000 s, and preflight_ttl is 120; take a higher pace",
        ),
        (
            "preflight_report_dir=/dev/null/x",
            'preflight_report_dir "/dev/null/x" cannot be written to; name another one.',
        ),
        (
            '{"preflight_ports": [{"name": "x", "protocol": "udp", "ports": "443", "required": false}]}',
            "preflight_ports has no entry that is required, so that nothing would be proven; make one required: true.",
        ),
    ],
)
def test_what_cannot_be_tested_is_refused_in_a_sentence(tmp_path: pathlib.Path, variable: str, sentence: str) -> None:
    code, said = refused(tmp_path, "preflight", "-i", "meet1,", "-e", variable)
    assert code == 2
    assert sentence in " ".join(said.split())


def test_an_empty_text_is_an_empty_list(tmp_path: pathlib.Path) -> None:
    names = ("domains", "services", "stun_servers")
    files = [f"@{ROOT}/roles/preflight/vars/main/main.yml", json.dumps({f"preflight_{name}": "" for name in names})]
    lists = ["_preflight_name_list", "_preflight_unit_list", "_preflight_stun_list"]
    words = [word for file in files for word in ("-e", file)]
    shown = "{{ [" + ", ".join(lists) + "] }}"
    command = [str(BINARIES["newest"] / "ansible"), "localhost", "-m", "debug", "-a", f"msg='{shown}'", *words]
    environment = {**os.environ, "ANSIBLE_HOME": str(tmp_path / "home"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout.partition(" => ")[2])["msg"] == [[], [], []]


@pytest.mark.parametrize("core", ["newest", "oldest"])
@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([{"name": "turn-udp", "ports": 443}, {"name": "media", "ports": "40000-41000"}], "40000-41000"),
        ([{"name": "media", "ports": 7882}], "7882"),
        ([{"name": "sip-udp", "ports": "5060"}], "the default"),
    ],
)
def test_a_server_tries_to_reach_itself_at_the_ports_that_are_tested(
    tmp_path: pathlib.Path, table: list[dict[str, str | int]], expected: str, core: str
) -> None:
    tasks = yaml.safe_load((ROOT / "roles/preflight/tasks/main.yml").read_text(encoding="utf-8"))
    module = "plugnmeet.server.server_outlook_info"
    (given,) = [task[module] for task in tasks if module in task]
    told = {"ansible.builtin.set_fact": {"ports": given["media_ports"], "other": 1}}
    shown = {"ansible.builtin.debug": {"msg": "tried at {{ ports }}."}}
    play = {"hosts": "all", "gather_facts": False, "vars": {"ports": "the default"}, "tasks": [told, shown]}
    (tmp_path / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    about = json.dumps({"_preflight_table": table})
    code, said = refused(tmp_path, "play.yml", "-i", "meet1,", "-e", about, core=core)
    assert code == 0
    assert f"tried at {expected}." in said


def test_a_page_that_cannot_be_written_is_refused_before_a_visit(tmp_path: pathlib.Path) -> None:
    code, said = refused(tmp_path, "visit", "-i", "meet1,", "-e", "visit_page_dir=/dev/null/x preflight_pace=5")
    assert code == 2
    assert 'visit_page_dir "/dev/null/x" cannot be written to; name another one.' in said
    assert "preflight_pace" not in said.partition("cannot be written to")[2]


def test_a_check_of_what_runs_says_that_nothing_was_asked(tmp_path: pathlib.Path) -> None:
    about = "ansible_connection=local verify_domain=meet.example.com verify_media_ports="
    code, said = refused(tmp_path, "verify", "-i", "meet1,", "--check", "-e", about)
    assert code == 0
    assert "Check mode, so that nothing was asked of meet1, and nothing is proven." in said


@pytest.mark.parametrize("address", ["127.0.1.1", "::1", "169.254.0.9", "fe80::1"])
def test_a_name_of_the_controllers_own_is_refused_before_a_visit(tmp_path: pathlib.Path, address: str) -> None:
    code, said = refused(tmp_path, "visit", "-i", "meet1,", "-e", f"preflight_address={address}")
    assert code == 2
    assert (
        f"{address} has the address {address} on the controller, which leads nowhere from outside; take the name out "
        "of /etc/hosts there, or set preflight_address to the address by which outsiders reach the server."
    ) in " ".join(said.split())
    assert "before anything is stopped" not in said


@pytest.mark.parametrize(
    ("role", "name", "expected"),
    [("verify", "_verify_prober_list", ["ext1", "ext2"]), ("install", "_install_prober", "ext1")],
)
def test_probers_on_the_command_line_may_have_spaces_between(
    tmp_path: pathlib.Path, role: str, name: str, expected: str | list[str]
) -> None:
    said = ["-e", f"@{ROOT}/roles/{role}/vars/main.yml", "-e", json.dumps({"preflight_probers": " ext1, ext2"})]
    command = [str(BINARIES["newest"] / "ansible"), "localhost", "-m", "debug", "-a", f"var={name}", *said]
    environment = {**os.environ, "ANSIBLE_HOME": str(tmp_path / "home"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout.partition(" => ")[2])[name] == expected
