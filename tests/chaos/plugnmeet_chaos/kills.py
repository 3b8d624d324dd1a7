# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill a part of a preflight at a random moment, and see that server and prober end as they were.

Each round runs the real playbook over SSH and kills one of: the controller (SIGKILL), the controller as Ctrl-C does it
(SIGINT to its group), its SSH connections to the server, the listener, the module on the prober. Then units, sockets,
processes, files, firewalls and sysctls of both machines must be as before, within preflight_ttl. A first run, to which
nothing happens, tells how long each task takes on this machine: the moments are spread over that.

What Ansible itself leaves of a module that is killed on the prober, its payload in /tmp (code, no session), is taken
away.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable

from .machines import ROOT, Look, difference, lab, look, say, shell
from .run import Run

TTL = 15  # seconds
GRACE = 3  # the services start, and a look takes its time
TIMER = "plugnmeet-preflight-restore.timer"
ARM, LISTEN = "Arm the return of what holds the ports", "Stop what holds the ports, and listen on every one"
ASK = "Ask every port from outside"
END, AFTER = "End the listener, and learn what it saw", "Say what it means"
BACK = """\
systemctl is-active --quiet plugnmeet && systemctl is-active --quiet haproxy && ! pgrep -x plugnmeet-check && echo back
"""
MOST_MISSED = 4  # tries for a round whose moment came too late


def kill_controller(run: Run) -> bool:
    """ansible-playbook alone, without a chance to do anything about it."""
    if run.process.poll() is None:
        run.process.send_signal(signal.SIGKILL)
        return True
    return False


def interrupt(run: Run) -> bool:
    """What Ctrl-C in a terminal does."""
    if run.process.poll() is None:
        os.killpg(run.process.pid, signal.SIGINT)
        return True
    return False


def inside(machine: str, find: str) -> bool:
    """Kill the processes of a machine that `find` prints; false if there are none."""
    script = f'pids=$({find}); [ -n "$pids" ] && kill -KILL $pids && echo killed'
    return shell(machine, script).strip() == "killed"


def cut_connection(run: Run) -> bool:
    """Every SSH connection to the server, at the server's end."""
    find = 'for pid in $(pgrep -x sshd); do [ "$(ps -o ppid= $pid | tr -d " ")" = 1 ] || echo $pid; done'
    return run.process.poll() is None and inside("server", find)


def kill_listener(run: Run) -> bool:
    """The listener on the server, as soon as it is there."""
    return persist(run, lambda: inside("server", "pgrep -x plugnmeet-check"))


def kill_prober(run: Run) -> bool:
    """The module on the prober, as soon as it is there; no other Python runs in that machine."""
    killed = persist(run, lambda: inside("outside", "pgrep -x python3"))
    shell("outside", "rm -rf /tmp/ansible_*_payload_*")
    return killed


def persist(run: Run, kill: Callable[[], bool]) -> bool:
    """Try until it works, or the run is over."""
    while run.process.poll() is None:
        run.mark()
        if kill():
            return True
    return False


# What is killed, and from the beginning of which task to that of which.
KILLS: dict[str, tuple[Callable[[Run], bool], str, str]] = {
    "controller": (kill_controller, ARM, AFTER),
    "Ctrl-C": (interrupt, ARM, AFTER),
    "connection": (cut_connection, ARM, AFTER),
    "listener": (kill_listener, LISTEN, END),
    "prober": (kill_prober, ASK, END),
}


def one_round(what: str, chance: random.Random, before: Look, usual: dict[str, float]) -> str:
    """Kill `what` in a run and wait until all is as it was; returns the trouble, or nothing.

    `usual` is when each task began in a run that was left alone.
    """
    kill, first, last = KILLS[what]
    for missed in range(MOST_MISSED):
        run = Run("-e", f"preflight_ttl={TTL}")
        # The machine may be less busy by now than in the usual run, and this one be over the sooner.
        delay = chance.uniform(0, usual[last] - usual[first]) / 2**missed
        if run.reach(first):
            time.sleep(delay)
        run.mark()
        if kill(run):
            moment, at = run.marked
            trouble = wait_until(before, run, moment)
            run.bury()
            say(f"{what}, {delay:.2f} s after the beginning of {first!r}, at {at!r}: the run ended with {run.finish()}")
            say(f"    {trouble or f'as it was {time.monotonic() - moment:.1f} s later'}")
            return trouble
        trouble = wait_until(before, run, time.monotonic())
        say(f"{what}, {delay:.2f} s after the beginning of {first!r}: came too late, once more")
        if trouble:
            return trouble
    return f"{what} was not killed in {MOST_MISSED} runs"


def wait_until(before: Look, run: Run, moment: float) -> str:
    """Wait until the run is over and both machines are as they were; returns what is not within preflight_ttl."""
    while run.process.poll() is None:
        if time.monotonic() > last_moment(moment):
            if shell("server", BACK).strip() != "back":
                return "the services are NOT back, and the run goes on"
            run.finish()
            moment = time.monotonic() - TTL
        time.sleep(0.1)
    while (now := look()) != before:
        if time.monotonic() > last_moment(moment):
            return difference(before, now)
        time.sleep(0.3)
    return ""


def last_moment(moment: float) -> float:
    """When preflight_ttl is over: it begins when the timer is armed, which the module may still do after `moment`.

    The machines have this host's monotonic clock.
    """
    show = ("systemctl", "show", "--property=ActiveEnterTimestampMonotonic", "--value", TIMER)
    armed = int(lab("exec", "server", *show) or 0) / 1e6 if time.monotonic() > moment + TTL + GRACE else 0
    return max(armed, moment) + TTL + GRACE


def kills() -> int:
    """All rounds; exits with 0 if each ended as it should."""
    rounds = int(os.environ.get("CHAOS_ROUNDS") or len(KILLS))
    seed = int(os.environ.get("CHAOS_SEED") or 0) or random.SystemRandom().randrange(1, 1_000_000)
    chance = random.Random(seed)
    say(f"chaos: {rounds} rounds, CHAOS_SEED={seed}")
    subprocess.run([ROOT / "tests/tools/collection"], check=True)
    lab("up")
    lab("firewall", "none")
    before = look()
    run = Run()
    code = run.finish()
    trouble = wait_until(before, run, time.monotonic())
    say(f"nothing killed: the playbook ended with {code}; {trouble or 'as it was'}")
    good = 0 if code or trouble else 1
    for number in range(1, rounds + 1):
        what = list(KILLS)[number % len(KILLS)] if number <= len(KILLS) else chance.choice(list(KILLS))
        say(f"round {number}:", end=" ")
        if good and not one_round(what, chance, before, run.began):
            good += 1
        else:
            break
    say(f"KILLS: {max(0, good - 1)} of {rounds} rounds ended as they should, seed {seed}")
    return 0 if good == rounds + 1 else 1
