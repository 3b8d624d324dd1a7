#!/bin/bash
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# disturb.sh WORDS DISTURBANCE COMMAND...
#
# Runs COMMAND, shows what it said when it has ended, and exits as it did. As soon as it says WORDS, the shell command
# DISTURBANCE is run, once; $run is the process group of COMMAND in it.
set -eum
words=$1 disturbance=$2
shift 2
said=$(mktemp)
"$@" >"$said" 2>&1 </dev/null &
run=$!
(
    until grep -qF -e "$words" "$said"; do
        kill -0 "$run" || exit 0
        sleep 0.2
    done
    export run
    sh -c "$disturbance"
) &
code=0
wait "$run" 2>/dev/null || code=$?
cat "$said"
rm "$said"
exit "$code"
