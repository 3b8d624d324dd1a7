#!/usr/bin/python
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: port_verdict
short_description: Say what both sides' evidence about ports means, and fail unless the required ones are proven open
description:
  - Takes what the listener on the target and the probers saw, decides for each port what happened to it, prints a table
    with the reasons and the remedies, writes the report, and fails if a required port is not proven open.
  - Runs on the controller alone.
version_added: 0.1.0
author:
  - plugnmeet.server contributors (@plugnmeet)
extends_documentation_fragment:
  - plugnmeet.server.attributes
  - plugnmeet.server.port_table
attributes:
  action:
    description: The work is done by an action plugin, on the controller.
    support: full
  check_mode:
    details: In check mode nothing was tested. It says what would be, writes no report, and does not fail.
  platform:
    description: Where the action can run.
    platforms: posix
    support: full
options:
  address:
    description: Name or address of the target as outsiders know it.
    type: str
    required: true
  probes:
    description:
      - The results of P(plugnmeet.server.port_probe_info#module), one for each prober, in the order of their vantage
        numbers.
      - As a task with a loop over the probers registers them in RV(ignore:results). Each has the prober's name as
        C(item).
    type: list
    elements: dict
    required: true
  listener:
    description:
      - The results of P(plugnmeet.server.port_listener#module) as C(started) and C(stopped).
    type: dict
    required: true
  firewall:
    description:
      - The result of M(plugnmeet.server.host_firewall_info), whatever became of it.
      - With it the rule that stops a port is named, and the remedy is for the firewall that is in charge.
    type: dict
    default: {}
  services:
    description: The results of P(plugnmeet.server.service_quiesce#module) as C(quiesced) and C(restored).
    type: dict
    default: {}
  outlook:
    description:
      - The result of M(plugnmeet.server.server_outlook_info), whatever became of it.
      - What it has seen that will trouble LiveKit becomes C(warnings) of the report. They never make it fail.
    type: dict
    default: {}
  started:
    description: When the run began, in seconds since the epoch, as the session has it.
    type: float
    required: true
  report_dir:
    description:
      - A directory on the controller. The report is written there as C(HOST.json), for its owner only.
      - Empty for no file.
    type: str
    default: ''
  vantage_check:
    description:
      - Whether a prober is refused as a witness that is the target itself, or that the target sees under an address
        which the internet does not have, or under one of its own or of its own network.
    type: bool
    default: true
notes:
  - "A port's state is one of these:"
  - "C(open): this session's proof came back."
  - "C(blocked_upstream): nothing of it reached the target's network card, and silence came back. C(last_hop) has the
    last router that still answered for it, with its number on the way, where one did."
  - "C(rejected_upstream): it never reached the target's network card, but someone answered with RST or ICMP (C(by)),
    C(from) whom as far as the kernel tells."
  - "C(blocked_on_host): it reached the target's network card and never the listener; silence. C(where) is V(ingress)
    where it did not get past tc or nftables' netdev tables."
  - "C(rejected_on_host): the same, and the target itself answered RST or ICMP (C(by))."
  - "C(return_blocked): the listener got it and the answer never arrived. C(where) is V(target) if the target itself
    stopped the answer, for a C(reason) where the kernel gave one, and V(beyond) if it left by the network card."
  - "C(port_in_use): something else holds the port on the target. C(holder) has its C(process), C(pid) and C(unit),
    and C(ephemeral) where the system picked the port for it."
  - "C(wrong_server): somebody answered, but not this session; C(what) came back, and C(certificate) or C(server), where
    there was one."
  - "C(intercepted): it passed through something that changed it. The port that it arrived at is C(to) where the port
    was translated, and C(what) came back where something on the way answered in the target's place."
  - "C(untested): the prober could not ask (C(reason)), its own network answered in the target's place (C(where) is
    V(near)), or a C(limit) on the way hides the answer."
  - "The C(verdict) of a check is V(passed), V(failed), V(warning) for an optional port that is not open, or
    V(inconclusive) for a required one that could not be tested honestly: the prober is not outside, it could not ask,
    or the evidence is incomplete, such as that of a target which lost frames while it looked at its network card. What
    incomplete evidence cannot tell is called not known in the C(explanation), and never fails a check."
  - An address that does not lead to the target is told with C(astray) in the results. It has the C(address) that was
    asked, the target's C(own) addresses of that family, C(beside), the address of the other family that was asked,
    C(ipv6_off), the setting by which IPv6 is switched off on the target, and whether questions C(arrived) at the
    target's network card all the same. It is told only if nothing came to an address of the target's, and if no NAT is
    to be expected, since the target has no private addresses of that family alone.
seealso:
  - module: plugnmeet.server.port_listener
  - module: plugnmeet.server.port_probe_info
"""

EXAMPLES = r"""
- name: Stop here unless every required port is proven open
  plugnmeet.server.port_verdict:
    address: meet.example.com
    ports: "{{ ports }}"
    probes: "{{ probed.results }}"
    listener:
      started: "{{ started }}"
      stopped: "{{ stopped }}"
    started: "{{ session.started }}"
    report_dir: reports
"""

RETURN = r"""
ansible_facts:
  description: The report, as a fact.
  returned: when there is a verdict, passed or not
  type: dict
  contains:
    preflight_report:
      description:
        - The report. The file has the same content.
        - Each result that is not open has an C(explanation) and a C(remedy), which is a list of lines. Those of them
          that are commands for a shell of root's on the target, and mend it there, are once more in C(commands); the
          key is missing where there are none. What a person must decide before, such as whether a program may be
          stopped, is not among them.
        - A result that is open has C(via) if a proxy on the way left its name on the proof.
        - An untested result of a visit (P(plugnmeet.server.visit#role)) has C(visit), which says who was there to test
          it. That is V(browser) where the browser did not ask or could not, V(left) where it left before the end,
          V(netcat) where words alone were typed, and V(nobody).
        - V(strangers) counts what came to the tested ports from somebody else, as the target saw it. None of it was
          answered. It is empty if the target could not be asked.
        - C(down_seconds) of a service is how long it was not active, by the target's own clock, null if it was not
          stopped or is not back. One that failed to come back has the last lines of its journal as C(journal).
      type: dict
      sample:
        schema: 1
        host: meet1
        address: meet.example.com
        passed: false
        started: '2026-11-22T15:58:05Z'
        seconds: 4.1
        vantages:
          - host: ext
            outside: true
            source: {ipv4: 198.51.100.2}
            address: {ipv4: 203.0.113.10}
            source_local: {ipv4: 198.51.100.2}
            source_port: {ipv4: 40123}
            address_local: {ipv4: 203.0.113.10}
        checks:
          - name: media
            protocol: udp
            ports: 50000-60000
            required: true
            speaks: stun
            purpose: sound and picture
            expect: open
            vantage: ext
            family: ipv4
            verdict: failed
            results:
              - {state: open, ports: '50000-54999,55003-60000', count: 9998}
              - state: blocked_upstream
                ports: 55000-55002
                count: 3
                explanation: Nothing of it reached meet1's network card, and nothing came back.
                remedy:
                  - Open 55000-55002/udp to 203.0.113.10 in the firewall in front of meet1
        services:
          - {unit: haproxy, was: active, now: active, down_seconds: 2.61}
        strangers: {datagrams: 3, connections: 1}
        warnings:
          - about: hairpin
            explanation: meet1 does not reach itself at 203.0.113.10.
            remedy:
              - Switch hairpin NAT (NAT loopback) on in the router
report_file:
  description: Where the report was written on the controller, empty if nowhere.
  returned: when there is a verdict
  type: str
  sample: reports/meet1.json
report_error:
  description: Why the report could not be written, empty if it could. The action fails then, too.
  returned: when there is a verdict
  type: str
  sample: ''
msg:
  description: The verdict in one sentence.
  returned: always
  type: str
  sample: 'meet1 passed: all 4 required entries are proven open from outside.'
"""
