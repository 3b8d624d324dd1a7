# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""What speaks against an install: mistakes in its variables, and what the installer would trip over on the server."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import os
import re
import typing as t

from ansible_collections.plugnmeet.server.plugins.module_utils._errors import as_given

# What the official installer is and does.
DIRECTORY = "/opt/plugNmeet"
UNITS = ("plugnmeet", "haproxy")
DISTRIBUTIONS = {"debian": "Debian", "ubuntu": "Ubuntu"}

PROOF_SECONDS = 3600
_SKEW_SECONDS = 300  # a report may come from another controller, with another clock
_GIB = 1 << 30
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"(?=.{{4,253}}$)(?:{_LABEL}\.)+(?=[A-Za-z]){_LABEL}", re.ASCII)
_MAIL = re.compile(r"[^@\s\"<>,;:\\]{1,64}@(.+)")
_CHECKSUM = re.compile(r"sha256:[0-9a-fA-F]{64}|sha384:[0-9a-fA-F]{96}|sha512:[0-9a-fA-F]{128}")

Facts = t.Mapping[str, t.Any]


def mistakes(given: Facts) -> list[str]:
    """One sentence for each of the role's variables (`install_…`) with which nothing can be installed."""
    domain, turn = str(given["install_domain"]), str(given["install_turn_domain"])
    found = [
        *_name_mistakes(
            "install_domain", domain, "the name under which people reach plugNmeet, such as meet.example.com"
        ),
        *_name_mistakes("install_turn_domain", turn, "another name of the same server, such as turn.example.com"),
    ]
    if domain and domain.lower() == turn.lower():
        found.append(
            f"install_turn_domain is {as_given(turn)}, as install_domain; the server needs two names, such as "
            "turn.example.com for this one."
        )
    mail = _MAIL.fullmatch(str(given["install_email"]))
    if not mail or not _HOST_NAME.fullmatch(mail[1]):
        found.append(
            f"install_email is {as_given(given['install_email'])}, which is no mail address; "
            "give one that Let's Encrypt can write to."
        )
    script, checksum = str(given["install_script"]), str(given["install_script_checksum"])
    if checksum and not _CHECKSUM.fullmatch(checksum):
        found.append(
            f"install_script_checksum is {as_given(checksum)}; write it as sha256: and the 64 hexadecimal digits that "
            "sha256sum prints."
        )
    if script.startswith("http:") and not checksum:
        found.append(
            f"install_script is {as_given(script)}, which anybody on the way can change; take https, or name its "
            "install_script_checksum."
        )
    if not is_url(script) and not os.path.isfile(os.path.expanduser(script)):
        found.append(
            f"install_script is {as_given(script)}, which is no file on the controller; give its path, or a URL."
        )
    elif not is_url(script):
        found += _file_mistakes(os.path.expanduser(script), checksum)
    if _number(given["install_timeout"]) < 60:
        found.append(
            f"install_timeout is {given['install_timeout']}; the installer needs minutes, give it 60 seconds or more."
        )
    found += [
        f"{variable} is {as_given(given[variable])}, which is no number; give the GiB that the server has to have."
        for variable in ("install_disk_gib", "install_memory_gib")
        if _number(given[variable]) < 0
    ]
    if not os.path.isabs(str(given["install_log"])):
        found.append(f"install_log is {as_given(given['install_log'])}; give a path on the target that begins with /.")
    return found


def _number(value: t.Any) -> float:
    """What a variable counts, -1 for what is no number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return -1
    return number if number >= 0 else -1  # and not NaN


def is_url(script: str) -> bool:
    """Tell whether the target fetches the installer by itself."""
    return script.startswith(("http:", "https:"))


def is_installed(state: Facts) -> bool:
    """Tell whether plugNmeet is on a server of which `server_state_info` has told this."""
    return bool(state["directory"]) and all(_is_there(state, unit) for unit in UNITS)


def obstacles(state: Facts, names: t.Sequence[Facts], given: Facts) -> list[str]:
    """One sentence for each thing on the server, and in its names, that the installer would trip over.

    `state` is the result of `server_state_info`, `names` what `name_addresses_info` says of install_domain and
    install_turn_domain, and of the address that is tested.
    """
    return [
        *(_remains(state, str(given["install_log"])) or _packages(state)),
        *_system(state["distribution"]),
        *_names(names),
        *_place(state, given),
    ]


def proves(report: t.Any, host: str, names: t.Sequence[Facts], now: float) -> bool:
    """Tell whether a preflight's report still proves that this host is open at each address of the two names."""
    if not isinstance(report, dict) or not report.get("passed") or report.get("host") != host:
        return False
    try:
        begun = datetime.datetime.strptime(report["started"], "%Y-%m-%dT%H:%M:%S%z")
        age = now - begun.timestamp()
        proven = {ip for vantage in report["vantages"] for ip in vantage["address"].values()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    wanted = {ip for name in names[:2] for ip in (*name["ipv4"], *name["ipv6"])}
    return -_SKEW_SECONDS <= age <= PROOF_SECONDS and bool(wanted) and wanted <= proven


def _file_mistakes(script: str, checksum: str) -> list[str]:
    try:
        with open(script, "rb") as file:
            content = file.read()
    except OSError as error:
        return [
            (
                f"install_script is {as_given(script)}, which the controller cannot read: {error.strerror}; "
                "mend that, or give another path."
            )
        ]
    if not _CHECKSUM.fullmatch(checksum):
        return []
    algorithm, dummy, wanted = checksum.partition(":")
    there = hashlib.new(algorithm, content).hexdigest()
    if there == wanted.lower():
        return []
    return [
        (
            f"The checksum of {script} is {algorithm}:{there}, and install_script_checksum is {checksum}; "
            "read the script before you take the new one."
        )
    ]


def _name_mistakes(variable: str, name: str, instead: str) -> list[str]:
    if _HOST_NAME.fullmatch(name):
        return []
    if not name:
        return [f"{variable} is not set; give {instead}."]
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return [f"{variable} is {as_given(name)}, which is no host name; give {instead}."]
    return [f"{variable} is {as_given(name)}, an address, and Let's Encrypt certifies names; give {instead}."]


def _is_there(state: Facts, unit: str) -> bool:
    return state["units"].get(unit) not in (None, "not-found", "no systemd")


def _remains(state: Facts, log: str) -> list[str]:
    traces = [DIRECTORY] if state["directory"] else []
    traces += [f"the unit {UNITS[0]}"] if _is_there(state, UNITS[0]) else []
    if not traces:
        return []
    return [
        (
            f"An installer has been here and did not finish: there is {' and '.join(traces)}, and not the rest. "
            "It cannot be run again on what it left. Take a fresh server, or a snapshot from before; "
            f"{log} on this one may say why it did not finish."
        )
    ]


def _system(distribution: Facts) -> list[str]:
    if distribution["id"] in DISTRIBUTIONS:
        return []
    name = " ".join(filter(None, (distribution["name"], distribution["version"]))) or "an unknown system"
    return [f"It runs {name}, and the installer takes {' and '.join(DISTRIBUTIONS.values())} only; take one of these."]


def _packages(state: Facts) -> list[str]:
    packages = state["packages"]
    if not packages:
        return []
    return [
        (
            f"The installer refuses a server with {' and '.join(packages)} on it; if nothing there needs that, "
            f"run on it: apt-get purge {' '.join(packages)}"
        )
    ]


def _names(names: t.Sequence[Facts]) -> list[str]:
    """What is wrong with the two names; the last one is the address that is tested, and says which are the server's."""
    found = [
        f"{name['name']} does not resolve: {name['reason']}; add it to your DNS." for name in names if name["reason"]
    ]
    right = {*names[-1]["ipv4"], *names[-1]["ipv6"]}
    for name in names[:2]:
        for record, addresses in (("A", name["ipv4"]), ("AAAA", name["ipv6"])):
            wrong = [ip for ip in addresses if ip not in right]
            if wrong and right:
                found.append(
                    f"{name['name']} has the {record} record {' and '.join(wrong)}, and the server is known as "
                    f"{' and '.join(sorted(right))} ({names[-1]['name']}); Let's Encrypt may ask there. "
                    "Mend the record, take a proxy or CDN out of the way, or set preflight_address to the server's own."
                )
    return found


def _place(state: Facts, given: Facts) -> list[str]:
    found = []
    for what, variable, there in (
        (f"free disk for {DIRECTORY}", "install_disk_gib", state["disk_free"]),
        ("memory", "install_memory_gib", state["memory"]),
    ):
        if there < float(given[variable]) * _GIB:
            found.append(
                f"It has {there / _GIB:.1f} GiB of {what}, and {variable} is {given[variable]}; take a bigger server, "
                f"or set {variable} if you know that it suffices."
            )
    return found
