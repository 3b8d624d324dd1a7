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
class _Cloud(t.NamedTuple):
    """A cloud: what it calls its firewall, and the command that opens ports there, empty if it is not known.

    `sources` are everybody's addresses in it, by family, with `between` two of them; None for a command each.
    """

    firewall: str
    command: str = ""
    sources: t.Mapping[str, str] = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}
    between: str | None = None


_CLOUDS = {
    "aws": _Cloud(
        "the security group of the instance",
        (
            "aws ec2 authorize-security-group-ingress --group-id GROUP --ip-permissions "
            "'IpProtocol={protocol},FromPort={first},ToPort={last},{sources}'"
        ),
        {"ipv4": "IpRanges=[{CidrIp=0.0.0.0/0}]", "ipv6": "Ipv6Ranges=[{CidrIpv6=::/0}]"},
        ",",
    ),
    "azure": _Cloud(
        "the network security group (NSG)",
        (
            "az network nsg rule create --resource-group GROUP --nsg-name NSG --name plugnmeet-{protocol}-{first} "
            "--priority PRIORITY --direction Inbound --access Allow --protocol {Protocol} "
            "--destination-port-ranges {ports}"
        ),
        {"ipv4": "", "ipv6": ""},  # from whatever address
        "",
    ),
    "gcp": _Cloud(
        "a VPC firewall rule",
        (
            "gcloud compute firewall-rules create plugnmeet-{family}-{protocol}-{first} --network NETWORK "
            "--target-tags TAG --direction INGRESS --source-ranges {sources} --allow {protocol}:{ports}"
        ),
    ),
    "oracle": _Cloud(
        "the security list or network security group (NSG)",
        (
            "oci network nsg rules add --nsg-id NSG --security-rules '["
            '{{"direction": "INGRESS", "protocol": "{number}", "sourceType": "CIDR_BLOCK", '
            '"source": "{sources}", "{protocol}Options": {{"destinationPortRange": '
            '{{"min": {first}, "max": {last}}}}}}}]\''
        ),
    ),
    "hetzner": _Cloud(
        "the Hetzner Cloud Firewall",
        "hcloud firewall add-rule FIREWALL --direction in --protocol {protocol} --port {ports} {sources}",
        {"ipv4": "--source-ips 0.0.0.0/0", "ipv6": "--source-ips ::/0"},
        " ",
    ),
    "digitalocean": _Cloud(
        "the DigitalOcean Cloud Firewall",
        "doctl compute firewall add-rules FIREWALL --inbound-rules protocol:{protocol},ports:{ports},{sources}",
        {"ipv4": "address:0.0.0.0/0", "ipv6": "address:::/0"},
        ",",
    ),
    "vultr": _Cloud("the Vultr firewall group"),
    "akamai": _Cloud("the Linode Cloud Firewall"),
    "scaleway": _Cloud("the Scaleway security group"),
    "upcloud": _Cloud("the UpCloud firewall"),
    "ovh": _Cloud("the OVHcloud Edge Network Firewall"),
    "ibm": _Cloud("the VPC security group"),
    "alibaba": _Cloud("the ECS security group"),
    "tencent": _Cloud("the CVM security group"),
    "huawei": _Cloud("the ECS security group"),
    "otc": _Cloud("the ECS security group"),
    "exoscale": _Cloud("the Exoscale security group"),
    "openstack": _Cloud("the OpenStack security group"),
}
_UNKNOWN = _Cloud("")
_NUMBERS = {"tcp": 6, "udp": 17}
_MOST_COMMANDS = 4


def firewall_of(cloud: str) -> str:
    """What `cloud` calls the firewall in front of a server, empty for one that is not known."""
    return _CLOUDS.get(cloud, _UNKNOWN).firewall


def commands(cloud: str, port_sets: t.Iterable[tuple[str, str]], families: t.Sequence[str]) -> list[str]:
    """The commands that open `port_sets` in `cloud` to everybody over `families`, a range each.

    There are none where they are not known, or would be too many.
    """
    known = _CLOUDS.get(cloud, _UNKNOWN)
    spans = [(protocol, span) for protocol, ports in port_sets for span in ports.split(",")]
    each = [(family, known.sources[family]) for family in families]
    if known.between is not None:
        each = [("", known.between.join(sources for dummy, sources in each))]
    if not known.command or len(spans) * len(each) > _MOST_COMMANDS:
        return []
    return [
        Command(
            known.command.format(
                protocol=protocol,
                Protocol=protocol.capitalize(),
                number=_NUMBERS[protocol],
                ports=span,
                first=span.partition("-")[0],
                last=span.rpartition("-")[2],
                family=family,
                sources=sources,
            )
        )
        for protocol, span in spans
        for family, sources in each
    ]
