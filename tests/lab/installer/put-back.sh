#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Makes the lab's server what it was before make-bare.sh, whatever an installer has done to it since.
set -eu
aside=/var/lib/lab-aside
[ -e "$aside" ] || exit 0

systemctl stop plugnmeet haproxy 2>/dev/null || :
systemctl --quiet disable plugnmeet 2>/dev/null || :
if ufw status | grep -q 'Status: active'; then
    ufw --force reset
    rm -f /etc/ufw/*.rules.2*
    nft flush ruleset  # its empty chains would stay, and go on counting
fi >/dev/null
rm -rf /etc/haproxy /opt/plugNmeet /etc/systemd/system/plugnmeet.service /usr/local/sbin/apt /usr/local/bin/certbot
rm -f /root/plugnmeet-install.sh /var/log/plugnmeet-install.log /run/plugnmeet-unattended.json /run/go-on
userdel --remove admin 2>/dev/null || :
rm -f /etc/sudoers.d/admin
mv "$aside/etc-haproxy" /etc/haproxy
mv "$aside/usr-sbin-haproxy" /usr/sbin/haproxy
mv "$aside/haproxy.service" /lib/systemd/system/
mv "$aside/plugnmeet.service" /etc/systemd/system/
mv "$aside/plugnmeet" /opt/
mv "$aside/dpkg-status" /var/lib/dpkg/status
rm -r "$aside"
systemctl daemon-reload
systemctl --quiet enable plugnmeet
systemctl start haproxy plugnmeet
