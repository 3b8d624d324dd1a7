#!/bin/sh
# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# boot-machine.sh FOLDER ROOT LAYER "CGROUP..." NSPAWN-OPTION...
#
# Runs one machine until it powers off. It is started in a mount namespace of its own: what it mounts is nobody else's
# business, and goes with the machine's last process, however that ends.
set -eu

folder=$1 root=$2 layer=$3 groups=$4
shift 4
for group in $groups; do
    echo $$ > "$group/keeper/cgroup.procs"
done

# systemd-nspawn would leave a folder of its own in there.
mkdir -p /run/systemd
mount -n -t tmpfs -o mode=755 none /run/systemd

# The machine's disk: the root, read only, below this machine's own files, below a memory disk for all that it writes.
# Bind mounts first, because overlayfs cannot be given just any path.
mount -n -t tmpfs -o mode=755 "$(basename "$folder")" "$folder"
cd "$folder"
mkdir root layer changes work disk
mount -n --bind "$root" root
mount -n --bind "$layer" layer
mount -n -t overlay -o lowerdir=layer:root,upperdir=changes,workdir=work overlay disk

# With a network namespace given by path, systemd-nspawn would withhold the rights over that network: hence the
# capabilities and the writable sysctls. Registering would need a systemd and a system bus on the host.
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network SYSTEMD_NSPAWN_LOCK=0
run() (
    for group in $groups; do
        echo 0 > "$group/machine/cgroup.procs"
    done
    exec systemd-nspawn --quiet --directory="$folder/disk" --register=no --keep-unit \
        --capability=CAP_NET_ADMIN,CAP_NET_RAW --console=passive --link-journal=no --resolv-conf=off --timezone=off "$@"
)

# With --keep-unit a machine that reboots ends in this exit code, for somebody else to start it again.
REBOOT=133
status=$REBOOT
while [ "$status" = "$REBOOT" ]; do
    status=0
    run "$@" || status=$?
done
exit "$status"
