#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# In iptables of the legacy kind the rules for plugNmeet stand after the REJECT that ends the chain. IPv6 is open.
# Oracle's images end so, and `iptables -A` appends.

sh -eu /opt/others/reject-before-accept.sh iptables-legacy
