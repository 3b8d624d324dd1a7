#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# nginx serves its welcome page on 80/tcp, where haproxy shall be.
# A server that somebody tried something else on before.

systemctl stop haproxy.service
systemctl start nginx.service
