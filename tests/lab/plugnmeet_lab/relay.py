# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The relay: takes packets out of a tun device and puts each of them back a fixed time later, in the same order.

It is a program of its own, which nothing else imports: `relay.py DEVICE SECONDS`. It says `ready` when the device has
its carrier, and goes on until it is killed.
"""

from __future__ import annotations

import fcntl
import gc
import os
import select
import struct
import sys
import time
from collections import deque
from contextlib import suppress

# include/uapi/linux/if_tun.h
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
LONGEST_PACKET = 2048
# After so many packets a look at what is due, so that a burst going in does not hold up the one coming out.
BATCH = 64
# A machine that sleeps wakes up late; so the last stretch before a packet is due is spent awake.
AWAKE = 0.0002


def attach(device: str) -> int:
    """Open the device, which is there already."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", device.encode("ascii"), IFF_TUN | IFF_NO_PI))
    return tun


def relay(tun: int, delay: float) -> None:
    """Do it for ever."""
    on_the_way: deque[tuple[float, list[bytes]]] = deque()
    while True:
        wait = on_the_way[0][0] - time.monotonic() if on_the_way else None
        if wait is None or wait > AWAKE:
            select.select([tun], (), (), wait and wait - AWAKE)
        arrived = take(tun)
        now = time.monotonic()
        if arrived:
            on_the_way.append((now + delay, arrived))
        while on_the_way and on_the_way[0][0] <= now:
            for packet in on_the_way.popleft()[1]:
                os.write(tun, packet)


def take(tun: int) -> list[bytes]:
    """What has arrived, up to a batch."""
    packets: list[bytes] = []
    with suppress(BlockingIOError):
        while len(packets) < BATCH:
            packets.append(os.read(tun, LONGEST_PACKET))
    return packets


if __name__ == "__main__":
    gc.disable()  # nothing here is garbage, and a collection would be a hiccup
    device, seconds = sys.argv[1:]
    descriptor = attach(device)
    print("ready", flush=True)
    relay(descriptor, float(seconds))
