# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.

"""The cloud that a machine runs in, from what its firmware says of itself (DMI, in sysfs): nobody is asked for it.

The values are those by which cloud-init (tools/ds-identify) and the providers' own documents tell their machines.
"""

from __future__ import annotations

import os

DMI = "/sys/class/dmi/id"

# File, how its text begins, cloud. The first one that fits counts.
_SIGNS = (
    ("sys_vendor", "Amazon EC2", "aws"),
    ("bios_vendor", "Amazon EC2", "aws"),
    ("chassis_asset_tag", "Amazon EC2", "aws"),
    ("product_uuid", "ec2", "aws"),  # on Xen
    ("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77", "azure"),
    ("product_name", "Google Compute Engine", "gcp"),
    ("product_serial", "GoogleCloud-", "gcp"),
    ("chassis_asset_tag", "OracleCloud.com", "oracle"),
    ("sys_vendor", "Hetzner", "hetzner"),
    ("sys_vendor", "DigitalOcean", "digitalocean"),
    ("sys_vendor", "Vultr", "vultr"),
    ("sys_vendor", "Linode", "akamai"),
    ("sys_vendor", "Akamai", "akamai"),
    ("sys_vendor", "Scaleway", "scaleway"),
    ("sys_vendor", "UpCloud", "upcloud"),
    ("sys_vendor", "OVH", "ovh"),
    ("chassis_vendor", "OVH", "ovh"),
    ("board_vendor", "OVH", "ovh"),
    ("chassis_vendor", "IBM:Cloud", "ibm"),
    ("sys_vendor", "IBM:Cloud", "ibm"),
    ("product_name", "Alibaba Cloud ECS", "alibaba"),
    ("sys_vendor", "Alibaba Cloud", "alibaba"),
    ("sys_vendor", "Tencent Cloud", "tencent"),
    ("product_name", "Exoscale", "exoscale"),
    ("chassis_asset_tag", "HUAWEICLOUD", "huawei"),
    ("chassis_asset_tag", "OpenTelekomCloud", "otc"),
    ("bios_version", "amazon", "aws"),
    ("product_name", "OpenStack", "openstack"),
    ("chassis_asset_tag", "OpenStack", "openstack"),
    ("sys_vendor", "OpenStack", "openstack"),
)
_ANYWHERE = ("bios_version",)  # where the sign is not the beginning: 4.11.amazon


def cloud(folder: str = DMI) -> str:
    """The name of the cloud, empty for none that is known here."""
    for name, sign, found in _SIGNS:
        text = _read(os.path.join(folder, name)).lower()
        if sign.lower() in text if name in _ANYWHERE else text.startswith(sign.lower()):
            return found
    return ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:  # no DMI, or root's only
        return ""
