# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.iptables import is_incompatible, tables
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.packet import IN, OUT, Packet
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.ruleset import IPTABLES_NFT
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.truth import bits_of, ports_of
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.walk import Stop, walk
from ansible_collections.plugnmeet.server.tests.unit.plugins.module_utils._firewall import samples

UDP = Packet(IN, False, "udp", "ipv4", "eth0", "198.51.100.2", ("203.0.113.10",))
TCP = UDP._replace(protocol="tcp")
ANSWER = TCP._replace(direction=OUT, established=True)
PORTS = bits_of([(22, 22), (80, 80), (443, 443), (7881, 7881), (50000, 60000)])


def met(saved: str, packet: Packet, ports: int = PORTS, family: str = "ip") -> list[Stop]:
    return walk(tables(saved, IPTABLES_NFT, family), packet, ports)


def test_ufw_stops_by_its_policy_what_it_does_not_allow() -> None:
    (tcp,) = met(samples.UFW_SAVED, TCP)
    assert (tcp.base.text, tcp.rule, tcp.certain, list(ports_of(tcp.ports))[:2]) == (
        "-P INPUT DROP",
        None,
        True,
        [7881, 50000],
    )
    (udp,) = met(samples.UFW_SAVED, UDP)
    assert (udp.rule, udp.certain, udp.ports) == (None, True, PORTS)
    for packet in (ANSWER, TCP._replace(established=True)):
        assert met(samples.UFW_SAVED, packet) == []


def test_ufw_drops_what_is_sent_to_another_address() -> None:
    saved = samples.UFW_SAVED.replace(
        "-m addrtype --dst-type LOCAL -j RETURN", "-m addrtype --dst-type ANYCAST -j RETURN"
    )
    stops = met(saved, TCP)
    assert {(stop.rule.text if stop.rule else "", stop.certain) for stop in stops} == {
        ("-A ufw-not-local -j DROP", True)
    }
    assert [stop.before for stop in stops] == [
        "-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT",
        "-A ufw-user-input -p tcp -m multiport --dports 80,443 -j ACCEPT",
        "",
    ]


def test_a_reject_before_the_accept_is_told_with_both() -> None:
    stops = met(samples.REJECT_SAVED, UDP)
    assert [stop.rule.position for stop in stops if stop.rule] == [5, 5]
    (accept,) = (line for line in samples.REJECT_SAVED.splitlines() if "--dports 443,50000:60000" in line)
    assert {stop.before: stop.ports for stop in stops} == {
        accept: bits_of([(443, 443), (50000, 60000)]),
        "": bits_of([(22, 22), (80, 80), (7881, 7881)]),
    }


def verdict_of(packet: Packet, options: str, family: str = "ip", port: int = 443) -> bool | None:
    """Whether a rule with these options and a DROP stops the port; None if that cannot be told."""
    saved = f"*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT {options} -j DROP\nCOMMIT\n"
    found = met(saved, packet, 1 << port, family)
    return False if not found else True if found[0].certain else None


@pytest.mark.parametrize(
    ("options", "tcp", "udp"),
    [
        ("", True, True),
        ("-p tcp", True, False),
        ("! -p tcp", False, True),
        ("-p udp -m udp --dport 400:500", False, True),
        ("-p udp -m udp ! --dport 443", False, False),
        ("-p udp -m udp --dport 400:", False, True),
        ("-p tcp -m tcp --sport 1024:65535", True, False),
        ("-p tcp -m tcp --sport 53", False, False),
        ("-p tcp -m multiport --dports 80,440:450", True, False),
        ("-p tcp -m multiport ! --dports 80,440:450", False, False),
        ("-p tcp -m multiport --ports 443", True, False),
        ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", True, False),
        ("-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN", False, False),
        ("-p tcp -m tcp --tcp-flags ALL NONE", False, False),
        ("-p tcp -m tcp ! --syn", False, False),
        ("-s 198.51.100.0/24", True, True),
        ("! -s 198.51.100.0/24", False, False),
        ("-s 203.0.113.10/32", False, False),
        ("-d 203.0.113.10/32 -i eth0", True, True),
        ("-m iprange --src-range 198.51.100.1-198.51.100.9", True, True),
        ("-i eth+", True, True),
        ("! -i eth0", False, False),
        ("-i lo", False, False),
        ("-m state --state NEW", True, True),
        ("-m conntrack --ctstate RELATED,ESTABLISHED", False, False),
        ("-m conntrack ! --ctstate RELATED,ESTABLISHED", True, True),
        ("-m conntrack --ctstate DNAT", False, False),
        ("-m conntrack --ctdir REPLY", False, False),
        ("-m conntrack --ctstatus SEEN_REPLY", False, False),
        ("-m conntrack --ctorigdstport 443", None, None),
        ("-m addrtype --dst-type LOCAL", True, True),
        ("-m addrtype ! --dst-type LOCAL", False, False),
        ("-m pkttype --pkt-type multicast", False, False),
        ("-m rpfilter --validmark --invert", False, False),
        ("-m rpfilter --loose", True, True),
        ("-f", False, False),
        ("-m limit --limit 3/min --limit-burst 10", None, None),
        ("-p udp -m limit --limit 3/min", False, None),
        ("-m hashlimit --hashlimit-above 10/sec --hashlimit-mode srcip --hashlimit-name x", None, None),
        ("-m set --match-set banned src", None, None),
        ("-m set ! --match-set banned src -p tcp -m tcp --dport 443", None, False),
        ("-m mark ! --mark 0x1/0x1", None, None),
        ('-m comment --comment "-p udp ! -j ACCEPT"', True, True),
        ('-m comment --comment "lonely \\" quote"', True, True),
        ("-m rt --rt-type 0", False, False),
        ("-m icmp --icmp-type 8", False, False),
        ("--new-option 1", None, None),
        ("-s nonsense", None, None),
    ],
)
def test_an_option_is_true_false_or_unknown(options: str, tcp: bool | None, udp: bool | None) -> None:
    assert (verdict_of(TCP, options), verdict_of(UDP, options)) == (tcp, udp)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("-j DROP", True),
        ("-j REJECT --reject-with icmp-port-unreachable", True),
        ("-j NFQUEUE --queue-num 0", None),
        ('-j LOG --log-prefix "-j DROP "', False),
        ("-j MARK --set-xmark 0x1/0xffffffff", False),
        ("-j mine", True),
        ("-g mine", True),
        ("-j RETURN", False),
        ("", False),
        ("-j TARPIT", True),
    ],
)
def test_a_target_stops_or_not(target: str, expected: bool | None) -> None:
    saved = f"*filter\n:INPUT ACCEPT [0:0]\n:mine - [0:0]\n-A INPUT {target}\n-A mine -j DROP\nCOMMIT\n"
    found = met(saved, TCP, 1)
    assert (False if not found else True if found[0].certain else None) is expected


def test_behind_an_unknown_target_nothing_is_certain() -> None:
    (found,) = met("*filter\n:INPUT DROP [0:0]\n-A INPUT -j SOMETHING --new\nCOMMIT\n", TCP, 1)
    assert not found.certain


DOCKER = """*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 172.17.0.2:443
COMMIT
"""


def test_a_port_that_docker_publishes_is_told_with_the_rule_that_translates_it() -> None:
    (found,) = met(DOCKER, TCP)
    assert (found.action, found.via, found.rule and found.rule.position) == ("translate", ("PREROUTING", "DOCKER"), 2)
    assert (list(ports_of(found.ports)), found.certain) == ([443], True)
    assert met(DOCKER, UDP) == []


@pytest.mark.parametrize(("target", "moved"), [("REDIRECT --to-ports 22", True), ("REDIRECT", False)])
def test_a_redirection_without_a_port_leaves_the_port_with_the_server(target: str, moved: bool) -> None:
    assert bool(met(f"*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j {target}\nCOMMIT\n", TCP)) is moved


@pytest.mark.parametrize("target", ["CT --notrack", "NOTRACK"])
def test_what_conntrack_does_not_see_is_untracked_and_not_new(target: str) -> None:
    raw = f"*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -j {target}\nCOMMIT\n"
    for state, stopped in (("NEW", True), ("UNTRACKED", False), ("NEW,UNTRACKED", False)):
        saved = f"{raw}*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate {state} -j ACCEPT\nCOMMIT\n"
        found = met(saved, UDP, 1 << 443)
        assert [(stop.rule, stop.certain) for stop in found] == ([(None, True)] if stopped else [])


def test_where_it_may_be_that_conntrack_does_not_see_it_nothing_is_certain() -> None:
    raw = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m mark --mark 1 -j CT --notrack\nCOMMIT\n"
    saved = f"{raw}*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n"
    (found,) = met(saved, TCP, 1 << 443)
    assert (found.rule, found.certain) == (None, False)


def test_all_tables_are_read_and_nat_sees_questions_only() -> None:
    saved = "*raw\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n*nat\n:PREROUTING DROP [0:0]\n:INPUT ACCEPT [0:0]\nCOMMIT\n"
    found = tables(saved, IPTABLES_NFT, "ip")
    assert [(table.name, table.title, [base.priority for base in table.bases]) for table in found] == [
        ("raw", "raw", [-300]),
        ("nat", "nat", [-100, 100]),
    ]
    assert walk(found, TCP, 1)
    assert walk(found, TCP._replace(established=True), 1) == []


def test_the_family_is_the_commands() -> None:
    saved = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"
    six = TCP._replace(family="ipv6")
    assert [bool(met(saved, packet, 1, family)) for family in ("ip", "ip6") for packet in (TCP, six)] == [
        *(True, False),
        *(False, True),
    ]


def test_what_only_nft_can_print_is_noticed() -> None:
    assert is_incompatible("# Table `filter' contains incompatible base-chains, use 'nft' tool.\n")
    assert is_incompatible("*filter\n-A INPUT [unsupported revision]\n")
    assert not is_incompatible(samples.REJECT_SAVED)


HALVES = ("-A", "-A ", "-A INPUT -j", "-A INPUT !", "-A INPUT -m", "-A INPUT -p", ":", "*", "-A X -s", "COMMIT")


@pytest.mark.parametrize("start", ["", "*filter\n", "*filter\n:INPUT ACCEPT\n"])
@pytest.mark.parametrize("half", HALVES)
def test_half_a_line_is_no_error(start: str, half: str) -> None:
    met(f"{start}{half}\n", TCP)
