#!/usr/bin/python
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_firewall_info
short_description: Tell which packet filter a server has, and which of its rules stop the required ports
description:
  - Reads the rules of the target's packet filters, and follows a question from outside to every port of O(ports), and
    the answer to it, through the chains on their way. Each rule or policy that stops some of them is returned with
    its chain and place, and with the rule further on that would have let them in, where there is one.
  - Knows nftables, iptables of either kind (nf_tables and legacy), and ufw and firewalld, which write their rules
    with these.
  - Says also in which cloud the target runs, from what its firmware tells (DMI). Nobody is asked for it.
  - Changes nothing, and sends nothing.
  - A tool that is missing, refuses or prints something odd is no error. It is in RV(complaints).
  - What a rule asks that cannot be told beforehand, such as a rate, a mark or an extension that is not known here,
    makes what depends on it uncertain (RV(rules[].certain)), and is never taken for a yes or a no.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
requirements:
  - Python 3.8 or newer on the target
  - root
  - nft, or iptables where there are rules of the legacy kind; ip (iproute2) to find the interface
extends_documentation_fragment:
  - plugnmeet.server.attributes
  - plugnmeet.server.attributes.target
  - plugnmeet.server.port_table
options:
  interface:
    description:
      - The interface by which the questions come in.
      - By default the one that leads to O(sources), or else to the internet, in each address family.
    type: str
    default: ''
  sources:
    description:
      - The addresses from which the questions come, such as RV(plugnmeet.server.port_probe_info#module:source).
      - Without one of an address family, a rule that asks for it is uncertain, unless it is about addresses that nobody
        outside has.
    type: list
    elements: str
    default: []
  destinations:
    description:
      - The target's own addresses to which the questions come, as it sees them itself, such as
        RV(plugnmeet.server.port_probe_info#module:destination).
      - By default all of the interface.
    type: list
    elements: str
    default: []
  dmi:
    description: The folder that says what the firmware tells.
    type: path
    default: /sys/class/dmi/id
notes:
  - Not looked at are tc, XDP and BPF programs, SELinux's packet labels, bridges, IPsec, what a program does that gets
    the packets in a queue, and where a translated port or address leads.
  - An uncertain row does not say that its ports are stopped, but that they may be.
seealso:
  - module: plugnmeet.server.port_probe_info
"""

EXAMPLES = r"""
- name: Ask the server's own firewall
  plugnmeet.server.host_firewall_info:
    sources: "{{ probed.source.values() | list }}"
    ports:
      - name: media
        protocol: udp
        ports: 50000-60000
  register: firewall
"""

RETURN = r"""
in_force:
  description:
    - The one to talk to for a change. V(ufw) or V(firewalld) if it is active, else the tool whose rules stop something,
      else the one whose rules could, else V(none).
    - V(unknown) if the rules could not be read; RV(complaints) says why.
  returned: always
  type: str
  sample: iptables-nft
managers:
  description: All that are installed or have rules.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: One of V(ufw), V(firewalld), V(nftables), V(iptables-nft), V(iptables-legacy).
      type: str
    active:
      description: Whether it has rules in force that could stop a question or an answer.
      type: bool
    detail:
      description: What is known of it.
      type: str
  sample:
    - {name: ufw, active: false, detail: not enabled}
    - {name: iptables-nft, active: true, detail: 8 rules in filter}
rules:
  description:
    - The rules and policies that stop required ports, each with the ports that it stops. A port is in one row at most
      for each protocol, address family, source and RV(rules[].packet), that of the rule which ends its way.
  returned: always
  type: list
  elements: dict
  contains:
    protocol:
      description: V(tcp) or V(udp).
      type: str
    family:
      description: V(ipv4) or V(ipv6).
      type: str
    ports:
      description: The server's ports. Of an answer they are the source.
      type: str
    action:
      description:
        - V(drop), V(reject), or V(queue) where a program decides.
        - V(translate) where the rule sends them to another port or address, as Docker's do. They never come to a
          program that listens on the port itself.
      type: str
    certain:
      description: Whether they are stopped in any case. If not, it depends on something that cannot be told beforehand.
      type: bool
    packet:
      description:
        - What is stopped. V(question) is the first packet from outside, V(answer) what the server sends back, and
          V(later) what comes from outside after that, where the question itself gets through.
      type: str
    hook:
      description:
        - Where on the way, V(ingress), V(prerouting) or V(input) for what comes in, V(output), V(postrouting) or
          V(egress) for an answer.
      type: str
    manager:
      description: Whose rule it is, as in RV(managers[].name).
      type: str
    zone:
      description: The zone, if it is firewalld's. Empty if it cannot be told.
      type: str
    setting:
      description: The setting of the manager's by which it stops all of an address family. Empty if there is none.
      type: str
      sample: IPV6=no in /etc/default/ufw
    table:
      description: The table as its tool calls it, for nftables with its family.
      type: str
    chain:
      description: The chain.
      type: str
    rule:
      description: The rule or policy as its tool prints it.
      type: str
    policy:
      description: Whether it is the chain's policy and no rule.
      type: bool
    position:
      description: The place of the rule in its chain, counted from 1. V(0) for a policy.
      type: int
    handle:
      description: The handle of a rule of nftables' own, V(0) for others.
      type: int
    before:
      description: The rule further on that would have let these ports through, empty if there is none.
      type: str
    sources:
      description: Those of O(sources) of which it is true. Empty if none were given.
      type: list
      elements: str
  sample:
    - protocol: udp
      family: ipv4
      ports: '50000-60000'
      action: reject
      certain: true
      packet: question
      hook: input
      manager: iptables-nft
      zone: ''
      setting: ''
      table: filter
      chain: INPUT
      rule: '-A INPUT -j REJECT --reject-with icmp-host-prohibited'
      policy: false
      position: 5
      handle: 0
      before: '-A INPUT -p udp -m udp --dport 50000:60000 -j ACCEPT'
      sources: [198.51.100.2]
interfaces:
  description: The interface that was looked at, for each address family in which the target has a way outside.
  returned: always
  type: dict
  sample: {ipv4: eth0, ipv6: eth0}
cloud:
  description:
    - The cloud, one of V(aws), V(azure), V(gcp), V(oracle), V(hetzner), V(digitalocean), V(vultr), V(akamai) (Linode),
      V(scaleway), V(upcloud), V(ovh), V(ibm), V(alibaba), V(tencent), V(huawei), V(otc), V(exoscale), V(openstack) for
      any that does not say more. Empty if unknown.
  returned: always
  type: str
  sample: oracle
complaints:
  description: One sentence for each thing that could not be read, and why. Then RV(rules) may be incomplete.
  returned: always
  type: list
  elements: str
  sample: []
"""

import socket

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.plugnmeet.server.plugins.module_utils import _arguments
from ansible_collections.plugnmeet.server.plugins.module_utils._errors import PreflightError, as_given
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall import system
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.cloud import DMI
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.look import Ends, look
from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.packet import number
from ansible_collections.plugnmeet.server.plugins.module_utils._requirement import parse_requirements


def inform(module: AnsibleModule) -> _arguments.Result:
    """Look; check mode is no different."""
    params = module.params
    interface = params["interface"]
    if interface and interface not in {name for dummy, name in socket.if_nameindex()}:
        raise PreflightError(f"interface is {as_given(interface)}, which is not there; leave it out to have it found")
    requirements = parse_requirements(params["ports"])
    sources, destinations = (_addresses(params[name], name) for name in ("sources", "destinations"))
    return look(requirements, Ends(interface, sources, destinations), params["dmi"], system.asking(_runner(module)))


def _runner(module: AnsibleModule) -> system.RunCommand:
    def run(command: list[str]) -> tuple[int, str, str]:
        code, output, error = module.run_command(command, environ_update={"LC_ALL": "C"})
        return code, output, error

    return run


def _addresses(texts: list[str], option: str) -> list[str]:
    for text in texts:
        try:
            number(text)
        except ValueError:
            raise PreflightError(f"{option} has {as_given(text)}, which is no address; take IP addresses") from None
    return texts


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "ports": _arguments.PORTS,
            "interface": {"type": "str", "default": ""},
            "sources": {"type": "list", "elements": "str", "default": []},
            "destinations": {"type": "list", "elements": "str", "default": []},
            "dmi": {"type": "path", "default": DMI},
        },
        supports_check_mode=True,
    )
    _arguments.run(module, inform)


if __name__ == "__main__":
    main()
