# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.plugnmeet.server.plugins.plugin_utils import _cloud

MEDIA = [("udp", "50000-60000"), ("tcp", "443")]


BOTH = ["ipv4", "ipv6"]
EVERYBODY = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}


@pytest.mark.parametrize(
    ("cloud", "families", "first"),
    [
        (
            "aws",
            BOTH,
            (
                "aws ec2 authorize-security-group-ingress --group-id GROUP --ip-permissions "
                "'IpProtocol=udp,FromPort=50000,"
                "ToPort=60000,IpRanges=[{CidrIp=0.0.0.0/0}],Ipv6Ranges=[{CidrIpv6=::/0}]'"
            ),
        ),
        (
            "gcp",
            ["ipv6"],
            (
                "gcloud compute firewall-rules create plugnmeet-ipv6-udp-50000 --network NETWORK --target-tags TAG "
                "--direction INGRESS --source-ranges ::/0 --allow udp:50000-60000"
            ),
        ),
        (
            "oracle",
            ["ipv4"],
            (
                'oci network nsg rules add --nsg-id NSG --security-rules \'[{"direction": "INGRESS", "protocol": "17", '
                '"sourceType": "CIDR_BLOCK", "source": "0.0.0.0/0", '
                '"udpOptions": {"destinationPortRange": {"min": 50000, "max": 60000}}}]\''
            ),
        ),
        (
            "hetzner",
            BOTH,
            (
                "hcloud firewall add-rule FIREWALL --direction in --protocol udp --port 50000-60000 "
                "--source-ips 0.0.0.0/0 --source-ips ::/0"
            ),
        ),
    ],
)
def test_a_cloud_has_its_own_command(cloud: str, families: list[str], first: str) -> None:
    made = _cloud.commands(cloud, MEDIA, families)
    assert made[0] == first
    assert len(made) == 2
    assert "443" in made[1]


@pytest.mark.parametrize("cloud", ["gcp", "oracle"])
def test_where_a_rule_is_of_one_family_there_is_one_for_each(cloud: str) -> None:
    made = _cloud.commands(cloud, MEDIA[1:], BOTH)
    assert ["0.0.0.0/0" in command for command in made] == [True, False]
    assert ["::/0" in command for command in made] == [False, True]
    assert len(set(made)) == 2


@pytest.mark.parametrize("cloud", ["aws", "gcp", "oracle", "hetzner", "digitalocean"])
@pytest.mark.parametrize("family", BOTH)
def test_a_family_that_is_open_is_not_opened_again(cloud: str, family: str) -> None:
    (command,) = _cloud.commands(cloud, MEDIA[1:], [family])
    assert [each for each in BOTH if EVERYBODY[each] in command] == [family]


@pytest.mark.parametrize("cloud", _cloud._CLOUDS)
def test_each_cloud_has_a_word_and_a_command_that_can_be_made(cloud: str) -> None:
    assert _cloud.firewall_of(cloud)
    made = _cloud.commands(cloud, MEDIA, BOTH)
    assert not any("{" in command and cloud not in ("aws", "oracle") for command in made)


def test_what_is_not_known_has_none() -> None:
    assert _cloud.firewall_of("mine") == ""
    assert _cloud.commands("mine", MEDIA, BOTH) == _cloud.commands("", MEDIA, BOTH) == []


def test_more_ranges_than_anybody_would_paste_have_none() -> None:
    assert _cloud.commands("aws", [("udp", "1,3,5,7,9")], BOTH) == []
    assert _cloud.commands("gcp", [("udp", "1,3,5")], BOTH) == []
