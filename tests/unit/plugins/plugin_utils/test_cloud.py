# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.plugnmeet.server.plugins.plugin_utils import _cloud

MEDIA = [("udp", "50000-60000"), ("tcp", "443")]


@pytest.mark.parametrize(
    ("cloud", "first"),
    [
        (
            "aws",
            (
                "aws ec2 authorize-security-group-ingress --group-id GROUP --ip-permissions "
                "'IpProtocol=udp,FromPort=50000,"
                "ToPort=60000,IpRanges=[{CidrIp=0.0.0.0/0}],Ipv6Ranges=[{CidrIpv6=::/0}]'"
            ),
        ),
        (
            "gcp",
            (
                "gcloud compute firewall-rules create plugnmeet-udp-50000 --network NETWORK --direction INGRESS "
                "--allow udp:50000-60000"
            ),
        ),
        (
            "oracle",
            (
                'oci network nsg rules add --nsg-id NSG --security-rules \'[{"direction": "INGRESS", "protocol": "17", '
                '"source": "0.0.0.0/0", "udpOptions": {"destinationPortRange": {"min": 50000, "max": 60000}}}]\''
            ),
        ),
    ],
)
def test_a_cloud_has_its_own_command(cloud: str, first: str) -> None:
    made = _cloud.commands(cloud, MEDIA)
    assert made[0] == first
    assert len(made) == 2
    assert "443" in made[1]


@pytest.mark.parametrize("cloud", _cloud._CLOUDS)
def test_each_cloud_has_a_word_and_a_command_that_can_be_made(cloud: str) -> None:
    assert _cloud.firewall_of(cloud)
    assert not any("{" in command and cloud not in ("aws", "oracle") for command in _cloud.commands(cloud, MEDIA))


def test_what_is_not_known_has_none() -> None:
    assert (_cloud.firewall_of("mine"), _cloud.commands("mine", MEDIA), _cloud.commands("", MEDIA)) == ("", [], [])


def test_more_ranges_than_anybody_would_paste_have_none() -> None:
    assert _cloud.commands("aws", [("udp", "1,3,5,7,9")]) == []
