#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# firewalld on the server, with the web and 7881/tcp in its zone public, and no UDP.
# A server of the Red Hat family, or a hosting image.

firewall-offline-cmd --quiet --zone=trusted --add-interface=mgmt0
firewall-offline-cmd --quiet --zone=public --add-port=80/tcp --add-port=443/tcp --add-port=7881/tcp
systemctl start firewalld.service
