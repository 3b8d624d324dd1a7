#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Another program holds 7881/tcp and a port of the media range.
# Another conference server, or one of plugNmeet's own that was started by hand.

systemctl stop plugnmeet.service
systemctl start other-conference.service
