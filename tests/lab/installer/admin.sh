#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Makes a machine of the lab have a user `admin`, who logs in as root does and has a password for sudo.
set -eu
id admin >/dev/null 2>&1 || useradd --create-home --shell /bin/bash admin
echo admin:lab-password | chpasswd
echo 'admin ALL=(ALL) ALL' >/etc/sudoers.d/admin
chmod 440 /etc/sudoers.d/admin
cp -r /root/.ssh /home/admin/
chown -R admin: /home/admin/.ssh
