# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.plugnmeet.server.plugins.module_utils._firewall.cloud import cloud


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"sys_vendor": "Amazon EC2\n", "product_name": "t3.small\n"}, "aws"),
        ({"sys_vendor": "Xen", "bios_version": "4.11.amazon", "product_name": "HVM domU"}, "aws"),
        ({"sys_vendor": "Xen", "product_uuid": "EC2F58AF-2DAD-C57E-88C0-A81CB6084290"}, "aws"),
        ({"sys_vendor": "Microsoft Corporation", "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77"}, "azure"),
        ({"sys_vendor": "Microsoft Corporation", "product_name": "Virtual Machine"}, ""),
        ({"sys_vendor": "Google", "product_name": "Google Compute Engine"}, "gcp"),
        ({"sys_vendor": "QEMU", "chassis_asset_tag": "OracleCloud.com"}, "oracle"),
        ({"sys_vendor": "Hetzner", "product_name": "vServer"}, "hetzner"),
        ({"sys_vendor": "DigitalOcean", "product_name": "Droplet"}, "digitalocean"),
        ({"sys_vendor": "Vultr"}, "vultr"),
        ({"sys_vendor": "Linode"}, "akamai"),
        ({"sys_vendor": "Akamai"}, "akamai"),
        ({"sys_vendor": "Scaleway", "product_name": "SCW-DEV1-S"}, "scaleway"),
        ({"sys_vendor": "QEMU", "chassis_vendor": "IBM:Cloud Compute Server 1.0:bx2-2x8"}, "ibm"),
        ({"sys_vendor": "Alibaba Cloud", "product_name": "Alibaba Cloud ECS"}, "alibaba"),
        ({"sys_vendor": "OpenStack Foundation", "product_name": "OpenStack Nova"}, "openstack"),
        ({"sys_vendor": "OVH", "product_name": "OpenStack Nova"}, "ovh"),
        ({"sys_vendor": "QEMU", "product_name": "Standard PC (Q35 + ICH9, 2009)"}, ""),
        ({"sys_vendor": ""}, ""),
        ({}, ""),
    ],
)
def test_the_firmware_names_the_cloud(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert cloud(str(tmp_path)) == expected


def test_a_machine_without_dmi_is_nowhere(tmp_path: Path) -> None:
    assert cloud(str(tmp_path / "none")) == ""
