#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ufw lets everything in, but denies the media range, in a rule of its own.
# A server whose open ports were closed one by one.

ufw default allow incoming
ufw deny 50000:60000/udp
ufw --force enable
