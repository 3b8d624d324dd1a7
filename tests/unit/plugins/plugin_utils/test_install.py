# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import pathlib
import typing as t

import pytest

from ansible_collections.plugnmeet.server.plugins.plugin_utils._install import is_installed, mistakes, obstacles, proves

Facts = dict[str, t.Any]

NOW = 1_795_363_200.0  # 2026-11-22T16:00:00Z
ADDRESSES = {"ipv4": ["203.0.113.10"], "ipv6": ["2001:db8:113::10"], "reason": ""}
NAMES = [{"name": name, **ADDRESSES} for name in ("meet.example.com", "turn.example.com", "meet.example.com")]
BARE = {
    "distribution": {"id": "debian", "name": "Debian GNU/Linux", "version": "12"},
    "packages": [],
    "units": {"plugnmeet": "not-found", "haproxy": "not-found"},
    "directory": False,
    "installing": False,
    "disk_free": 40 << 30,
    "memory": 4 << 30,
}
DONE = {**BARE, "packages": ["haproxy"], "units": {"plugnmeet": "active", "haproxy": "inactive"}, "directory": True}
REPORT: Facts = {
    "host": "meet1",
    "passed": True,
    "started": "2026-11-22T15:58:05Z",
    "vantages": [{"address": {"ipv4": "203.0.113.10", "ipv6": "2001:db8:113::10"}}],
}


@pytest.fixture
def given(tmp_path: pathlib.Path) -> Facts:
    """The role's variables, with which there is nothing wrong."""
    script = tmp_path / "install.sh"
    script.write_text("true\n")
    return {
        "install_domain": "meet.example.com",
        "install_turn_domain": "turn.example.com",
        "install_email": "you@example.com",
        "install_script": str(script),
        "install_script_checksum": "",
        "install_timeout": 3600,
        "install_log": "/var/log/plugnmeet-install.log",
        "install_disk_gib": 10,
        "install_memory_gib": 1.8,
    }


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"install_domain": "a-1.B.xn--p1ai"},
        {"install_script": "https://example.com/install.sh"},
        {"install_script": "http://example.com/install.sh", "install_script_checksum": "sha256:" + 64 * "a"},
        {"install_email": "first.last+tag@mail.example.com"},
        {"install_timeout": "60"},
    ],
)
def test_what_is_right_is_no_mistake(given: Facts, more: Facts) -> None:
    assert mistakes({**given, **more}) == []


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"install_domain": ""}, "install_domain is not set; give the name under which people reach plugNmeet"),
        (
            {"install_domain": "203.0.113.10"},
            'install_domain is "203.0.113.10", an address, and Let\'s Encrypt certifies',
        ),
        ({"install_domain": "2001:db8::1"}, 'install_domain is "2001:db8::1", an address'),
        ({"install_domain": "[2001:db8::1]"}, "an address"),
        ({"install_domain": "localhost"}, 'install_domain is "localhost", which is no host name'),
        ({"install_domain": "https://meet.example.com"}, "which is no host name"),
        ({"install_domain": "meet_1.example.com"}, "which is no host name"),
        ({"install_domain": "-meet.example.com"}, "which is no host name"),
        ({"install_domain": "meet.example.com\n"}, "which is no host name"),
        ({"install_domain": "meet.example.com; rm -r /"}, "which is no host name"),
        ({"install_domain": "a." * 130 + "com"}, "which is no host name"),
        ({"install_turn_domain": ""}, "install_turn_domain is not set; give another name of the same server"),
        ({"install_turn_domain": "MEET.example.com"}, 'install_turn_domain is "MEET.example.com", as install_domain'),
        ({"install_email": ""}, 'install_email is "", which is no mail address'),
        ({"install_email": "you"}, 'install_email is "you", which is no mail address'),
        ({"install_email": "you@localhost"}, "which is no mail address"),
        ({"install_email": "a b@example.com"}, "which is no mail address"),
        ({"install_email": "you@example.com\ny"}, "which is no mail address"),
        ({"install_script": "/nowhere/install.sh"}, 'install_script is "/nowhere/install.sh", which is no file'),
        ({"install_script": "http://example.com/i"}, "which anybody on the way can change; take https"),
        ({"install_script_checksum": "abc"}, 'install_script_checksum is "abc"; write it as sha256:'),
        ({"install_script_checksum": "md5:" + 32 * "a"}, "write it as sha256:"),
        ({"install_script_checksum": "sha256:" + 63 * "a"}, "write it as sha256:"),
        ({"install_timeout": 59}, "install_timeout is 59; the installer needs minutes"),
        ({"install_timeout": "an hour"}, "install_timeout is an hour; the installer needs minutes"),
        ({"install_timeout": "nan"}, "install_timeout is nan; the installer needs minutes"),
        ({"install_disk_gib": "10G"}, 'install_disk_gib is "10G", which is no number; give the GiB'),
        ({"install_memory_gib": None}, 'install_memory_gib is "None", which is no number; give the GiB'),
        ({"install_log": "install.log"}, 'install_log is "install.log"; give a path on the target that begins with /'),
    ],
)
def test_each_mistake_is_one_sentence(given: Facts, more: Facts, complaint: str) -> None:
    found = mistakes({**given, **more})
    assert len(found) == 1
    assert complaint in found[0]
    assert found[0].endswith(".")


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_copy_is_compared_with_its_checksum(given: Facts, algorithm: str) -> None:
    right = hashlib.new(algorithm, b"true\n").hexdigest()
    assert mistakes({**given, "install_script_checksum": f"{algorithm}:{right.upper()}"}) == []
    (found,) = mistakes({**given, "install_script_checksum": f"{algorithm}:{'0' * len(right)}"})
    assert f"install.sh is {algorithm}:{right}, and install_script_checksum is {algorithm}:000" in found


def test_a_copy_that_cannot_be_read_is_a_mistake(given: Facts) -> None:
    # Root may read every file, but not this one, of which nothing is mapped at its beginning.
    (found,) = mistakes({**given, "install_script": "/proc/self/mem"})
    assert 'install_script is "/proc/self/mem", which the controller cannot read: Input/output error; mend' in found


def test_all_mistakes_are_told_at_once(given: Facts) -> None:
    assert len(mistakes({**given, "install_domain": "", "install_turn_domain": "", "install_email": ""})) == 3


def test_plugnmeet_is_there_when_all_of_it_is(given: Facts) -> None:
    assert is_installed(DONE)
    for lacks in ({"directory": False}, {"units": {**DONE["units"], "haproxy": "not-found"}}, {"units": {}}):
        assert not is_installed({**DONE, **lacks})
    assert not is_installed(BARE)
    assert obstacles(BARE, NAMES, given) == []


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        (
            {"distribution": {"id": "fedora", "name": "Fedora Linux", "version": "41"}},
            "It runs Fedora Linux 41, and the installer takes Debian and Ubuntu only",
        ),
        ({"distribution": {"id": "", "name": "", "version": ""}}, "It runs an unknown system"),
        ({"packages": ["apache2", "nginx"]}, "The installer refuses a server with apache2 and nginx on it"),
        ({"packages": ["nginx"]}, "run on it: apt-get purge nginx"),
        (
            {"directory": True},
            "An installer has been here and did not finish: there is /opt/plugNmeet, and not the rest",
        ),
        ({"directory": True, "packages": ["haproxy"]}, "/var/log/plugnmeet-install.log on this one may say why"),
        ({"units": {"plugnmeet": "failed"}}, "there is the unit plugnmeet, and not the rest"),
        ({"disk_free": 9 << 30}, "It has 9.0 GiB of free disk for /opt/plugNmeet, and install_disk_gib is 10"),
        ({"memory": 1 << 30}, "It has 1.0 GiB of memory, and install_memory_gib is 1.8; take a bigger server"),
    ],
)
def test_each_obstacle_on_the_server_is_told(given: Facts, state: Facts, complaint: str) -> None:
    found = obstacles({**BARE, **state}, NAMES, given)
    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(
    ("number", "more", "complaint"),
    [
        (
            1,
            {"ipv4": [], "ipv6": [], "reason": "no such name"},
            "turn.example.com does not resolve: no such name; add it",
        ),
        (1, {"ipv4": ["198.51.100.77"]}, "turn.example.com has the A record 198.51.100.77, and the server is known as"),
        (
            0,
            {"ipv6": ["2001:db8::bad"]},
            "meet.example.com has the AAAA record 2001:db8::bad, and the server is known as",
        ),
        (1, {"ipv4": ["203.0.113.10", "198.51.100.77"]}, "has the A record 198.51.100.77, and"),
    ],
)
def test_names_that_lead_elsewhere_are_told(given: Facts, number: int, more: Facts, complaint: str) -> None:
    names = [{**name, **more} if at == number else name for at, name in enumerate(NAMES)]
    found = obstacles(BARE, names, given)
    assert len(found) == 1
    assert complaint in found[0]


def test_a_name_without_one_family_is_right(given: Facts) -> None:
    assert obstacles(BARE, [NAMES[0], {**NAMES[1], "ipv6": []}, NAMES[2]], given) == []


def test_a_report_proves_for_an_hour() -> None:
    assert proves(REPORT, "meet1", NAMES, NOW)
    assert proves(REPORT, "meet1", NAMES, NOW + 3400)
    assert not proves(REPORT, "meet1", NAMES, NOW + 3600)
    assert not proves(REPORT, "meet1", NAMES, NOW - 3600)  # whoever wrote that had another clock


@pytest.mark.parametrize(
    "more",
    [
        {"host": "meet2"},
        {"passed": False},
        {"started": "yesterday"},
        {"started": None},
        {"vantages": [{"address": {"ipv4": "203.0.113.10"}}]},
        {"vantages": []},
        {"vantages": None},
    ],
)
def test_a_report_of_something_else_proves_nothing(more: Facts) -> None:
    assert not proves({**REPORT, **more}, "meet1", NAMES, NOW)


@pytest.mark.parametrize("report", [None, {}, "passed", []])
def test_what_is_no_report_proves_nothing(report: t.Any) -> None:
    assert not proves(report, "meet1", NAMES, NOW)


def test_names_without_addresses_are_not_proven() -> None:
    assert not proves(REPORT, "meet1", [{**name, "ipv4": [], "ipv6": []} for name in NAMES], NOW)
