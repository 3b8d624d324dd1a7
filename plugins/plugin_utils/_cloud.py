# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The clouds: what each calls its firewall, and the command that opens ports there."""

from __future__ import annotations

import typing as t

from ansible_collections.plugnmeet.server.plugins.plugin_utils._step import Command

# The firewall in the cloud's own words, and a command with {protocol}, {Protocol}, {number}, {first},
# {last} and {ports}; words in capitals are the reader's. Empty where there is no one command.
_CLOUDS: dict[str, tuple[str, str]] = {
    "aws": (
        "the security group of the instance",
        (
            "aws ec2 authorize-security-group-ingress --group-id GROUP --ip-permissions "
            "'IpProtocol={protocol},FromPort={first},ToPort={last},IpRanges=[{{CidrIp=0.0.0.0/0}}],"
            "Ipv6Ranges=[{{CidrIpv6=::/0}}]'"
        ),
    ),
    "azure": (
        "the network security group (NSG)",
        (
            "az network nsg rule create --resource-group GROUP --nsg-name NSG --name plugnmeet-{protocol}-{first} "
            "--priority PRIORITY --direction Inbound --access Allow --protocol {Protocol} "
            "--destination-port-ranges {ports}"
        ),
    ),
    "gcp": (
        "a VPC firewall rule",
        (
            "gcloud compute firewall-rules create plugnmeet-{protocol}-{first} --network NETWORK --direction INGRESS "
            "--allow {protocol}:{ports}"
        ),
    ),
    "oracle": (
        "the security list or network security group (NSG)",
        (
            "oci network nsg rules add --nsg-id NSG --security-rules '["
            '{{"direction": "INGRESS", "protocol": "{number}", '
            '"source": "0.0.0.0/0", "{protocol}Options": {{"destinationPortRange": '
            '{{"min": {first}, "max": {last}}}}}}}]\''
        ),
    ),
    "hetzner": (
        "the Hetzner Cloud Firewall",
        (
            "hcloud firewall add-rule FIREWALL --direction in --protocol {protocol} --port {ports} "
            "--source-ips 0.0.0.0/0 --source-ips ::/0"
        ),
    ),
    "digitalocean": (
        "the DigitalOcean Cloud Firewall",
        (
            "doctl compute firewall add-rules FIREWALL --inbound-rules "
            "protocol:{protocol},ports:{ports},address:0.0.0.0/0,address:::/0"
        ),
    ),
    "vultr": ("the Vultr firewall group", ""),
    "akamai": ("the Linode Cloud Firewall", ""),
    "scaleway": ("the Scaleway security group", ""),
    "upcloud": ("the UpCloud firewall", ""),
    "ovh": ("the OVHcloud Edge Network Firewall", ""),
    "ibm": ("the VPC security group", ""),
    "alibaba": ("the ECS security group", ""),
    "tencent": ("the CVM security group", ""),
    "huawei": ("the ECS security group", ""),
    "otc": ("the ECS security group", ""),
    "exoscale": ("the Exoscale security group", ""),
    "openstack": ("the OpenStack security group", ""),
}
_NUMBERS = {"tcp": 6, "udp": 17}
_MOST_COMMANDS = 4


def firewall_of(cloud: str) -> str:
    """What `cloud` calls the firewall in front of a server, empty for one that is not known."""
    return _CLOUDS.get(cloud, ("", ""))[0]


def commands(cloud: str, port_sets: t.Iterable[tuple[str, str]]) -> list[str]:
    """The commands that open `port_sets` in `cloud`, a range each; none where they are not known, or too many."""
    template = _CLOUDS.get(cloud, ("", ""))[1]
    spans = [(protocol, span) for protocol, ports in port_sets for span in ports.split(",")]
    if not template or len(spans) > _MOST_COMMANDS:
        return []
    return [
        Command(
            template.format(
                protocol=protocol,
                Protocol=protocol.capitalize(),
                number=_NUMBERS[protocol],
                ports=span,
                first=span.partition("-")[0],
                last=span.rpartition("-")[2],
            )
        )
        for protocol, span in spans
    ]
