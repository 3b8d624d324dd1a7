# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._firewall import system
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.ruleset import (
    IPTABLES_LEGACY,
    IPTABLES_NFT,
    NFTABLES,
)
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.system import (
    Output,
    Reader,
    Route,
    asking,
    route,
)
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils._firewall import samples
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils._firewall.target import (
    LISTING,
    MISSING,
    NFT,
    Target,
)

NO_IPTABLES = "iptables does not list its rules, and nft knows less of them: "
REFUSED = Output(1, "", "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed\n")


@pytest.fixture(autouse=True)
def legacy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The kernel's list of legacy tables of IPv4: there is none; nor of IPv6."""
    names = tmp_path / "ip_tables_names"
    monkeypatch.setattr(system, "_LEGACY_TABLES", {"ip": str(names), "ip6": str(tmp_path / "none")})
    return names


def read(target: Target) -> tuple[list[tuple[str, str]], list[str], bool]:
    """Tools and titles of the tables, the complaints, and whether anything could be read."""
    reader = Reader(target)
    return [(table.tool, table.title) for table in reader.tables()], reader.complaints, reader.answered


def test_an_empty_target_is_no_complaint() -> None:
    target = Target().nft()
    assert read(target) == ([], [], True)
    assert target.asked == [NFT, LISTING]


def test_iptables_own_tables_come_in_its_own_words() -> None:
    target = Target(**{"iptables-nft-save": samples.REJECT_SAVED}).nft(samples.REJECT_JSON)
    reader = Reader(target)
    (table,) = reader.tables()
    assert (table.tool, table.title, reader.complaints) == (IPTABLES_NFT, "filter", [])
    assert table.chains["INPUT"][4].text == "-A INPUT -j REJECT --reject-with icmp-host-prohibited"
    assert target.asked == [NFT, LISTING, "iptables-nft-save"]


@pytest.mark.parametrize(
    ("saved", "complaints"),
    [
        (MISSING, [NO_IPTABLES + "it is not installed"]),
        (REFUSED, [NO_IPTABLES + "Operation not permitted (you must be root)"]),
        ("# Table `filter' is incompatible, use 'nft' tool.\n", []),
        ("", []),
    ],
)
def test_where_iptables_cannot_say_nft_is_believed(saved: str | Output, complaints: list[str]) -> None:
    target = Target(**{"iptables-nft-save": saved}).nft(samples.REJECT_JSON)
    assert read(target) == ([(NFTABLES, "ip filter")], complaints, True)


def test_a_table_of_nftables_own_is_not_iptables() -> None:
    target = Target().nft(samples.NFT_JSON, samples.NFT_LISTING)
    assert read(target) == ([(NFTABLES, "inet filter"), (NFTABLES, "netdev early")], [], True)


def test_without_nft_iptables_says_what_it_knows() -> None:
    target = Target(**{"iptables-nft-save": samples.REJECT_SAVED, "ip6tables-nft-save": ""})
    missing = "nft is not installed, so rules that only nftables has were not read"
    assert read(target) == ([(IPTABLES_NFT, "filter")], [missing], True)


@pytest.mark.parametrize(
    ("version", "expected"), [("iptables v1.8.4 (nf_tables)", IPTABLES_NFT), ("iptables v1.8.4 (legacy)", None)]
)
def test_one_iptables_alone_tells_its_kind(version: str, expected: str | None) -> None:
    target = Target(**{"iptables": version, "iptables-save": samples.REJECT_SAVED})
    assert [tool for tool, dummy in read(target)[0]] == ([expected] if expected else [])


def test_legacy_tables_are_read_if_there_are_any(legacy: Path) -> None:
    target = Target(**{"iptables-legacy-save": samples.REJECT_SAVED}).nft()
    legacy.write_text("", encoding="ascii")
    assert read(target)[0] == []
    legacy.write_text("filter\n", encoding="ascii")
    assert read(target) == ([(IPTABLES_LEGACY, "filter")], [], True)


def test_legacy_tables_that_nobody_lists_are_a_complaint(legacy: Path) -> None:
    legacy.write_text("filter\n", encoding="ascii")
    target = Target(iptables="iptables v1.8.9 (nf_tables)").nft()
    assert read(target)[1] == ["there are legacy tables of iptables, which it does not list: it is not installed"]
    legacy.unlink()
    legacy.mkdir()
    assert read(target)[1] == ["the legacy tables of iptables cannot be read: Is a directory"]


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (REFUSED, "nft does not list its rules: Operation not permitted (you must be root)"),
        (Output(1, "", ""), "nft does not list its rules: it gives no reason"),
        ("{", "what nft lists is not understood: JSONDecodeError: "),
        ("[]", "what nft lists is not understood: TypeError: "),
        ('{"nftables": [1]}', "what nft lists is not understood: AttributeError: "),
        ('{"nftables": [{"rule": {}}]}', "what nft lists is not understood: KeyError: 'family'"),
        (MISSING, "nft is not installed, so rules that only nftables has were not read"),
    ],
)
def test_what_nft_does_not_tell_is_a_complaint(said: str | Output, complaint: str) -> None:
    tables, complaints, answered = read(Target(**{NFT: said}))
    assert (tables, answered) == ([], False)
    assert len(complaints) == 1
    assert complaints[0].startswith(complaint)


def test_an_older_nft_knows_nothing_of_terse() -> None:
    older = {NFT: samples.NFT_JSON, "nft --stateless --handle list ruleset": samples.NFT_LISTING}
    tables = Reader(Target(**older, nft=Output(1, "", "unrecognized option"))).tables()
    assert tables[0].chains["input"][-1].text == "udp dport { 443, 50000-60000 } accept"


def test_a_rule_that_is_odd_hides_no_other() -> None:
    odd = samples.NFT_JSON.replace('{"accept": null}]}},', '{"accept": null, "more": 1}]}},', 1)
    assert odd != samples.NFT_JSON
    reader = Reader(Target().nft(odd))
    assert len(reader.tables()) == 2
    assert reader.complaints == []


def test_the_way_outside_is_an_interface_and_its_addresses() -> None:
    target = Target().ways()
    assert route("ipv4", "", "", target) == Route("eth0", ("203.0.113.10",))
    assert route("ipv6", "", "", target) == Route("eth0", ("2001:db8:113::10",))
    target.answers["ip -json route get 2001:db8:100::2"] = '[{"dev": "wg0"}]'
    assert route("ipv6", "eth0", "2001:db8:100::2", target) == Route("eth0", ("2001:db8:113::10",))


def test_no_way_is_none_and_no_tool_is_unknown() -> None:
    unreachable = Output(2, "", "RTNETLINK answers: Network is unreachable\n")
    assert route("ipv6", "", "", Target(ip=unreachable)) is None
    assert route("ipv4", "", "", Target()) == Route("", ())
    assert route("ipv4", "eth0", "", Target()) == Route("eth0", ())
    assert route("ipv4", "", "", Target(ip="nonsense")) == Route("", ())


def test_a_command_is_run_for_a_while_and_one_that_is_missing_is_not() -> None:
    ran: list[list[str]] = []

    def note(command: list[str]) -> tuple[int, str, str]:
        ran.append(command)
        return 3, "out", "error"

    assert asking(note)(["sh", "-c", "x"]) == Output(3, "out", "error")
    assert asking(note)(["plugnmeet-no-such-command"]) == Output(None, "", "plugnmeet-no-such-command is not installed")
    ((timeout, seconds, shell, *rest),) = ran
    assert (timeout.rpartition("/")[2], seconds, shell.rpartition("/")[2], rest) == ("timeout", "5", "sh", ["-c", "x"])


def test_a_command_that_hangs_is_left() -> None:
    assert asking(lambda dummy: (124, "half", ""))(["sh"]) == Output(124, "", "it takes longer than 5 seconds")
