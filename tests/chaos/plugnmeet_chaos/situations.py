# Copyright: (c) 2026, plugnmeet.server contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations in which nothing may be lost, and something has to be said: one preflight each, and what it comes to."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .machines import LAB, ROOT, Look, difference, lab, look, say, shell
from .run import CORE, Run
from .secret import REPORTS, SESSION, look_for_it, make_session

MOMENT = 4  # seconds in which systemd and sshd have done what they still had to do
BEGAN = "systemctl show --property=Id,ActiveEnterTimestampMonotonic plugnmeet haproxy"
TRACE = ("Traceback", "MODULE FAILURE", "Unexpected Exception")

# A unit of the situation's own, which holds no port.
UNIT = """\
cat > /run/systemd/system/{name}.service <<END
[Unit]
{unit}
[Service]
ExecStart=/bin/sleep 1000
{service}
END
systemctl daemon-reload
systemctl start {name}
"""
NO_UNITS = """\
systemctl kill --signal=KILL slow long stubborn broken 2>/dev/null
systemctl stop 'odd*' leaf middle slow long stubborn broken 2>/dev/null
rm -f /run/systemd/system/*.service /run/broken
systemctl daemon-reload
systemctl reset-failed
systemctl start haproxy plugnmeet
"""
VISITOR = """\
systemd-run --quiet --unit=visitor python3 -c 'import socket, time
held = [socket.create_connection(("203.0.113.10", port)) for port in (443, 443, 7881)]
time.sleep(600)'
until [ "$(ss --no-header --numeric state established dst 203.0.113.10 | wc -l)" = 3 ]; do sleep 0.1; done
"""
HOUR = """\
import time
_time, _gmtime, _localtime = time.time, time.gmtime, time.localtime
time.time = lambda: _time() + SECONDS
time.gmtime = lambda *given: _gmtime(*(given or [time.time()]))
time.localtime = lambda *given: _localtime(*(given or [time.time()]))
"""
READ_ONLY = """\
for at in {places}; do
    mount --bind $at $at
    mount -o remount,bind,ro $at
    until systemctl is-active --quiet $(systemd-escape --path --suffix=mount $at); do sleep 0.1; done
done
! touch /root/writable
"""
FULL = """\
tar -c -C /root -f /run/home.tar .ssh
for at in /tmp /var/tmp /root; do
    mount -t tmpfs -o size=64k none $at
done
tar -x -C /root -f /run/home.tar
for at in /tmp /var/tmp /root; do head -c 65536 /dev/zero > $at/full 2>/dev/null || test -s $at/full; done
"""
CLOCK = f"""\
mv /etc/python3.11/sitecustomize.py /run/kept.py
cat > /etc/python3.11/sitecustomize.py <<'END'
{HOUR}END
"""
NO_CLOCK = "mv /run/kept.py /etc/python3.11/sitecustomize.py"
# Connections that are there already would go on under the old settings.
SSHD = """\
mkdir /run/systemd/system/ssh.service.d
printf '[Service]\\n{settings}\\n' > /run/systemd/system/ssh.service.d/odd.conf
systemctl daemon-reload
systemctl restart ssh
pkill -KILL -f '^sshd: .*@' || true
"""
SSHD_AS_IT_WAS = """\
rm -r /run/systemd/system/ssh.service.d
systemctl daemon-reload
systemctl restart ssh
pkill -KILL -f '^sshd: .*@' || true
"""
CONFINED = """\
echo '#!/bin/sh\nexec setpriv --bounding-set=-net_bind_service /usr/bin/python3 "$@"' > /run/confined
chmod +x /run/confined
/run/confined -c pass
"""
DROPPED = "nft 'add table inet odd; add chain inet odd in { type filter hook input priority 0; }; \
add rule inet odd in udp dport 55000-55009 drop'\n"
JUNK = int(os.environ.get("CHAOS_JUNK") or 50_000)  # datagrams a second
STRANGERS = (ROOT / "tests/chaos/strangers.py").read_text(encoding="utf-8")
FLOOD = f"cat > /run/strangers.py <<'END'\n{STRANGERS}END\n"
RECORDED = (ROOT / "tests/chaos/recorded.py").read_text(encoding="utf-8")
RECORD = f"""\
cat > /run/recorded.py <<'END'
{RECORDED}END
systemd-run --quiet --collect --unit=recorder python3 /run/recorded.py record /run/recorded.json
sleep 1
"""
LEAST_RECORDED = {"udp": 10_000, "tcp": 3}
FULL_FOLDER = ROOT / ".cache/chaos-full"
FULL_REPORTS = f"""\
mkdir -p {FULL_FOLDER}
mount -t tmpfs -o size=16k none {FULL_FOLDER}
head -c 16384 /dev/zero > {FULL_FOLDER}/full 2>/dev/null || test -s {FULL_FOLDER}/full
"""
PYTHON38 = "/opt/python3.8"
START38 = f'#!/bin/sh\\nLD_LIBRARY_PATH={PYTHON38}/lib exec {PYTHON38}/bin/python3.8 "$@"\\n'


def unit(name: str, service: str = "", unit: str = "") -> str:
    """A script that makes a unit and starts it."""
    return UNIT.format(name=name, service=service, unit=unit)


@dataclass
class Situation:
    """What server and prober are brought into, how the preflight is run, and what it comes to.

    The run ends with `code` and says all of `says` and none of `says_not`. While it runs, `meanwhile` may happen. Then
    server and prober are as before it, but for lines with one of `differs`; if `untouched`, no service was stopped in
    between.
    """

    purpose: str
    prepare: Callable[[], object] = lambda: None
    controller: str = ""
    server: str = "true"
    outside: str = "true"
    arguments: tuple[str, ...] = ()
    core: str = CORE
    environment: dict[str, str] = field(default_factory=dict)
    meanwhile: Callable[[Run], object] = Run.finish
    code: int = 0
    says: tuple[str, ...] = ()
    says_not: tuple[str, ...] = ()
    untouched: bool = False
    differs: tuple[str, ...] = ()
    clean_server: str = "true"
    clean_outside: str = "true"


def services(*names: str) -> tuple[str, str]:
    """The argument that names the units."""
    return "-e", f"preflight_services={','.join(names)}"


PROBER = "pids=$(pgrep -x python3) && kill -{signal} $pids && echo done"


def hold_prober(run: Run) -> None:
    """Stop the prober while it asks, so that the run goes on for as long as it is wanted; no other Python is there."""
    run.reach("Ask every port from outside")
    while run.process.poll() is None and not shell("outside", PROBER.format(signal="STOP")):
        time.sleep(0.05)


def second_run(run: Run) -> None:
    """Run another preflight while this one is under way; it has to be refused before it stops anything."""
    hold_prober(run)
    before = shell("server", BEGAN)
    other = Run()
    code = other.finish()
    said = " ".join("".join(other.said).split())
    ours = (
        "by root from 10.255.0.1, is under way on the target since 20" in said and ", and has haproxy.service" in said
    )
    if code != 2 or not ours or shell("server", BEGAN) != before:
        run.said.append(f"THE SECOND RUN ended with {code}: {said}")
    else:
        run.said.append("the second run was refused")
    shell("outside", PROBER.format(signal="CONT"))


def die_for_good(run: Run) -> None:
    """Kill the controller, and what waits beside it; then another run takes its place."""
    run.reach("Ask every port from outside")
    run.bury()
    other = Run("-e", "preflight_take_over=true")
    run.said.append(f"the second run ended with {other.finish()}: {' '.join(''.join(other.said).split())}")


def wait_for_ttl(run: Run) -> None:
    """Kill the controller, and what waits beside it, and wait as long as it is promised to take at most."""
    run.reach("Ask every port from outside")
    run.bury()
    run.said.append("stopped: " + " ".join(shell("server", "systemctl is-active plugnmeet haproxy").split()))
    time.sleep(10)


def reboot(run: Run) -> None:
    """The server reboots while its services are stopped."""
    run.reach("Ask every port from outside")
    shell("server", "systemctl reboot")


def reload(run: Run) -> None:
    """Systemd reads all of its files again while the services are stopped, as after a package's upgrade."""
    run.reach("Ask every port from outside")
    shell("server", "systemctl daemon-reload && systemctl daemon-reexec")


def freeze_listener(run: Run) -> None:
    """The listener hangs as soon as it is there."""
    run.reach("Ask every port from outside")
    shell("server", "kill -STOP $(pgrep -x plugnmeet-check)")


def flood(run: Run) -> None:
    """Strangers come as soon as the listener may be there, and go before it ends."""
    run.reach("Stop what holds the ports, and listen on every one")
    start = "systemd-run --quiet --collect --unit=strangers --property=LimitNOFILE=20000 --property=KillMode=mixed"
    shell("outside", f"{start} --property=StandardOutput=file:/run/strangers.json python3 /run/strangers.py {JUNK}")
    run.reach("End the listener, and learn what it saw")
    shell("outside", "systemctl stop strangers")
    told = shell("outside", "cat /run/strangers.json")
    run.said.append(told)
    say(f"    {told.strip()}")


def record_another() -> None:
    """Run a preflight of which all is recorded that the prober asks."""
    subprocess.run([LAB, "exec", "outside", "sh", "-ec", RECORD], check=True)
    Run().finish()
    shell("outside", "systemctl stop recorder")


def replay(run: Run) -> None:
    """Ask all that was recorded again, while a listener of another session is there."""
    hold_prober(run)
    told = shell("outside", "python3 /run/recorded.py replay /run/recorded.json")
    shell("outside", PROBER.format(signal="CONT"))
    counts = json.loads(told)
    enough = all(counts[protocol] >= least for protocol, least in LEAST_RECORDED.items())
    run.said.append(told if enough else f"TOO LITTLE RECORDED: {told}")
    say(f"    {told.strip()}")


def bring_python38() -> bool:
    """Copy this host's Python 3.8, if it has one, into both machines, without what no module needs."""
    found = subprocess.run([ROOT / "tests/tools/python", "3.8"], capture_output=True, text=True, check=False).stdout
    if not found or not (ROOT / ".cache/venv/oldest/bin/ansible-playbook").exists():
        return False
    home = Path(found.strip()).resolve().parents[1]
    leave = [f"--exclude={name}" for name in ("test", "site-packages", "config-*", "idlelib", "ensurepip", "*.a")]
    files: list[str | Path] = [
        "tar",
        "-c",
        "-C",
        home,
        *leave,
        "bin/python3.8",
        "lib/python3.8",
        "lib/libpython3.8.so.1.0",
    ]
    for machine in ("server", "outside"):
        shell(machine, f"mkdir {PYTHON38}")
        with subprocess.Popen(files, stdout=subprocess.PIPE) as packed:
            subprocess.run([LAB, "exec", machine, "tar", "-x", "-C", PYTHON38], stdin=packed.stdout, check=True)
        shell(machine, f"printf '{START38}' > {PYTHON38}/python; chmod +x {PYTHON38}/python")
    return True


SITUATIONS = {
    "clients": Situation(
        "clients are connected: nothing is stopped",
        outside=VISITOR,
        code=2,
        says=(
            "there are clients on the target (connections: 2 to 443/tcp and 1 to 7881/tcp), and nothing was stopped",
            "preflight_interrupt: true",
        ),
        untouched=True,
        clean_outside="systemctl stop visitor",
    ),
    "clients-check": Situation(
        "clients are connected, in check mode",
        outside=VISITOR,
        arguments=("--check",),
        says=("would stop nothing while there are clients (connections: 2 to 443/tcp and 1 to 7881/tcp)",),
        untouched=True,
        clean_outside="systemctl stop visitor",
    ),
    "clients-interrupt": Situation(
        "clients are connected, and shall be cut off",
        outside=VISITOR,
        arguments=("-e", "preflight_interrupt=true"),
        says=("meet1 passed",),
        clean_outside="systemctl stop visitor",
    ),
    "two-at-once": Situation(
        "a second preflight against the same server",
        meanwhile=second_run,
        says=("the second run was refused", "meet1 passed"),
    ),
    "take-over": Situation(
        "a killed run is taken over by the next one",
        arguments=("-e", "preflight_pace=1500"),
        meanwhile=die_for_good,
        code=-9,
        says=("the second run ended with 0", "meet1 passed"),
    ),
    "ttl": Situation(
        "the controller is killed with all that it left: preflight_ttl alone brings the services back",
        arguments=("-e", "preflight_pace=1500", "-e", "preflight_ttl=10"),
        meanwhile=wait_for_ttl,
        code=-9,
        says=("stopped: inactive inactive",),
    ),
    "expired": Situation(
        "the session's time is over before the last port was asked",
        # There would be time for one address family, and there are two.
        arguments=("-e", "preflight_pace=1100", "-e", "preflight_ttl=10"),
        code=2,
        says=("preflight_ttl was over", "and running again: plugnmeet and haproxy", "NOT PROVEN"),
    ),
    "slow": Situation(
        "a unit takes long to stop",
        server=unit("slow", f"ExecStop=/bin/sleep {os.environ.get('CHAOS_SLOW') or 6}\nTimeoutStopSec=100"),
        arguments=services("plugnmeet", "slow", "haproxy"),
        says=("running again: plugnmeet, slow and haproxy",),
        clean_server=NO_UNITS,
    ),
    "too-slow": Situation(
        "a unit takes longer to stop than there is time",
        server=unit("slow", "ExecStop=/bin/sleep 12"),
        arguments=(*services("plugnmeet", "slow", "haproxy"), "-e", "preflight_ttl=10"),
        code=2,
        says=("slow.service does not stop: it takes longer than preflight_ttl (ttl), 10 s, allows; give it more",),
        clean_server=NO_UNITS,
    ),
    "task-timeout": Situation(
        "Ansible gives a task up that stops a unit",
        server=unit("slow", "ExecStop=/bin/sleep 8"),
        arguments=services("plugnmeet", "slow", "haproxy"),
        environment={"ANSIBLE_TASK_TIMEOUT": "5"},
        code=2,
        clean_server=NO_UNITS,
    ),
    "stubborn": Situation(
        "a unit refuses to be stopped",
        server=unit("stubborn", unit="RefuseManualStop=yes"),
        arguments=services("plugnmeet", "stubborn", "haproxy"),
        code=2,
        says=("stubborn.service runs and refuses to be stopped by hand; take it out of preflight_services",),
        untouched=True,
        clean_server=NO_UNITS,
    ),
    "broken": Situation(
        "a unit does not start again; the others do",
        server=unit(
            "broken",
            "ExecStartPre=/bin/sh -c 'echo no luck today; ! test -e /run/broken'\nExecStopPost=/bin/touch /run/broken",
        ),
        arguments=services("plugnmeet", "broken", "haproxy"),
        code=2,
        says=(
            "broken was active before, and is failed now! ",  # the journal has its lines in any order after that
            " Starting broken.service... ",
            "no luck today / ",
            "broken.service does not start again, it is failed; its journal ends with: ",
            "running again: plugnmeet and haproxy",
        ),
        differs=("broken.service", " sleep"),
        clean_server=NO_UNITS,
    ),
    "dependents": Situation(
        "what stops together with a unit comes back, and what stops with that",
        server=unit("middle", unit="Requires=plugnmeet.service\nAfter=plugnmeet.service")
        + unit("leaf", unit="BindsTo=middle.service\nAfter=middle.service"),
        says=("meet1 passed",),
        clean_server=NO_UNITS,
    ),
    "reboot": Situation(
        "the server reboots in the middle",
        meanwhile=reboot,
        code=2,
        differs=("systemd-private",),
    ),
    "reload": Situation(
        "systemd is reloaded in the middle, which reads the armed return from its file again",
        server=unit(r"odd\\x2dname"),
        # JSON, for Ansible reads escapes in NAME=VALUE
        arguments=("-e", r'{"preflight_services": ["plugnmeet", "odd\\x2dname", "haproxy"]}'),
        meanwhile=reload,
        says=("meet1 passed", r"running again: plugnmeet, odd\x2dname and haproxy"),
        clean_server=NO_UNITS,
    ),
    "no-root": Situation(
        "no root, and no become",
        arguments=("-e", "ansible_become=true", "-e", "ansible_become_user=nobody", "-e", "ansible_remote_tmp=/tmp"),
        code=2,
        says=("needs root on the target; run with become: true",),
        untouched=True,
    ),
    "frozen": Situation(
        "the listener hangs",
        meanwhile=freeze_listener,
        code=2,
        says=("because the listener was gone before it could be asked", "running again: plugnmeet and haproxy"),
    ),
    "masked": Situation(
        "of the units one is masked, one is disabled and does not run, and one is disabled and runs",
        server=f"systemctl --quiet disable haproxy; systemctl --quiet mask nginx\n{unit('idle')}systemctl stop idle",
        arguments=services("plugnmeet", "haproxy", "nginx", "idle"),
        says=("and running again: plugnmeet and haproxy", "meet1 passed"),
        clean_server="systemctl --quiet enable haproxy; systemctl --quiet unmask nginx\n" + NO_UNITS,
    ),
    "confined": Situation(
        "the kernel does not let root listen on all ports, as a security module may",
        server=CONFINED,
        outside=CONFINED,
        arguments=("-e", "ansible_python_interpreter=/run/confined"),
        code=2,
        says=("does not let even root listen on 80/tcp (Permission denied); look at what SELinux, AppArmor or the",),
        clean_server="rm -f /run/confined",
        clean_outside="rm -f /run/confined",
    ),
    "no-such-unit": Situation(
        "a unit that does not exist",
        arguments=services("plugnmeet", "haproxy", "hapoxy"),
        says=("Not stopped, since meet1 has no such unit: hapoxy.", "meet1 passed"),
    ),
    "no-systemd": Situation(
        "a server without systemd",
        server="systemctl stop plugnmeet haproxy; mv /run/systemd/system /run/systemd/away",
        says=("Not stopped, since meet1 has no systemd: plugnmeet and haproxy.", "meet1 passed"),
        clean_server="mv /run/systemd/away /run/systemd/system; systemctl start haproxy plugnmeet",
    ),
    "noexec": Situation(
        "the temporary folders of both are mounted noexec",
        server="mount -t tmpfs -o noexec none /tmp",
        outside="mount -t tmpfs -o noexec none /tmp",
        says=("meet1 passed",),
        clean_server="umount /tmp",
        clean_outside="umount /tmp",
    ),
    "full-report": Situation(
        "the controller's disk is full where the report shall be written",
        controller=FULL_REPORTS,
        arguments=("-e", f"preflight_report_dir={FULL_FOLDER}"),
        code=2,
        says=(
            "meet1 passed",
            f'preflight_report_dir "{FULL_FOLDER}" cannot be written to: No space left on device; name another one',
        ),
    ),
    "full": Situation(
        "the server's disk is full",
        server=FULL,
        code=2,
        says=("No usable temporary directory found", "nothing was stopped", "with some room in it"),
        untouched=True,
        clean_server="umount /tmp /var/tmp /root; rm /run/home.tar",
    ),
    "read-only": Situation(
        "the server's disk is read-only, /tmp as well",
        server=READ_ONLY.format(places="/etc /opt /root /tmp /usr /var"),
        code=2,
        says=("temporary directory found", "nothing was stopped"),
        untouched=True,
        clean_server="umount /etc /opt /root /tmp /usr /var",
    ),
    "read-only-root": Situation(
        "the server's root is read-only, /tmp is not",
        server=READ_ONLY.format(places="/etc /opt /root /usr /var"),
        says=("meet1 passed",),
        clean_server="umount /etc /opt /root /usr /var",
    ),
    "clocks": Situation(
        "the clocks of server and prober are an hour fast and an hour slow",
        server=CLOCK.replace("SECONDS", "3600"),
        outside=CLOCK.replace("SECONDS", "-3600"),
        says=("meet1 passed",),
        clean_server=NO_CLOCK,
        clean_outside=NO_CLOCK,
    ),
    "no-packet-socket": Situation(
        "the server has no packet sockets to see what arrives, and drops ports itself",
        server=SSHD.format(settings="RestrictAddressFamilies=~AF_PACKET") + DROPPED,
        code=2,
        says=(
            "NOT PROVEN: blocked upstream",
            "because the target does not allow a look at its network card",
            'But meet1\'s own firewall would stop it. That is the rule "udp dport 55000-55009 drop" of chain in',
        ),
        clean_server=SSHD_AS_IT_WAS + "nft delete table inet odd",
    ),
    "few-files": Situation(
        "a process on the server may open 1,024 files, and root cannot change that",
        server=SSHD.format(settings="LimitNOFILE=1024\\nCapabilityBoundingSet=~CAP_SYS_RESOURCE"),
        says=("meet1 passed",),
        clean_server=SSHD_AS_IT_WAS,
    ),
    "little-memory": Situation(
        "a process on the server may have 512 MiB of addresses",
        server=SSHD.format(settings="LimitAS=512M"),
        says=("meet1 passed",),
        clean_server=SSHD_AS_IT_WAS,
    ),
    "flood": Situation(
        "10,000 idle and slow connections, junk, forged SYNs, and the session's own questions again, whole and spoilt",
        outside=FLOOD,
        meanwhile=flood,
        says=("meet1 passed", "Meanwhile strangers came to these ports with", '"bytes back": 0}'),
        says_not=('"replayed": 0,', '"truncated": 0,', '"wrong": 0,', '"SYNs": 0,'),
        clean_outside="systemctl kill --signal=KILL strangers 2>/dev/null; rm /run/strangers.*",
    ),
    "replay": Situation(
        "all that the prober of a session asked that is over is asked again in the next one",
        prepare=record_another,
        meanwhile=replay,
        says=("meet1 passed", '"bytes back": 0}'),
        says_not=("TOO LITTLE RECORDED",),
        clean_outside="rm -f /run/recorded.*",
    ),
    "secret": Situation(
        "somebody looks for the session's secret while it is used, and after",
        prepare=make_session,
        environment={"ANSIBLE_INJECT_INVOCATION": "1"},
        arguments=("-vvvv", "-e", f"@{SESSION}", "-e", f"preflight_report_dir={REPORTS}"),
        meanwhile=look_for_it,
        says=("meet1 passed", "looked for the secret often", "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"),
        says_not=("THE SECRET SHOWS",),
        clean_server="rm -f /run/secret",
        clean_outside="rm -f /run/secret",
    ),
    "many-targets": Situation(
        "31 targets share one prober, whose sshd takes ten sessions on a connection",
        arguments=("-i", str(ROOT / "tests/chaos/many-targets.yml")),
        environment={"ANSIBLE_FORKS": "31"},
        code=2,
        says=("meet1 passed", *(f"many{number:02} did not pass" for number in range(1, 31))),
        says_not=("UNREACHABLE",),
    ),
    "dead-prober": Situation(
        "one of two probers cannot be used, and is not waited for again while services are stopped",
        arguments=("-i", str(ROOT / "tests/chaos/dead-prober.yml"), "-e", "preflight_probers=ext,dead"),
        code=2,
        says=(
            "skipping: [meet1] => (item=dead)",
            "open (IPv4 and IPv6 from ext) NOT PROVEN: untested (from dead)",
            "every port, from dead: untested dead could not be used: ",
            "running again: plugnmeet and haproxy",
        ),
    ),
    "python38": Situation(
        "Python 3.8 on server and prober, which the newest core does not take",
        core="oldest",
        arguments=("-e", f"ansible_python_interpreter={PYTHON38}/python"),
        says=("meet1 passed",),
        clean_server=f"rm -rf {PYTHON38}",
        clean_outside=f"rm -rf {PYTHON38}",
    ),
}


# A run of all takes eight minutes. These are what happens most, or would be worst.
FEW = (
    *("clients", "two-at-once", "ttl", "expired", "broken", "dependents", "reload", "masked", "full", "secret"),
    "dead-prober",
)


def situations() -> int:
    """Those that were asked for; exits with 0 if each came to what it should."""
    asked = os.environ.get("CHAOS_SITUATIONS") or ",".join(FEW)
    wanted = list(SITUATIONS) if asked == "all" else asked.split(",")
    unknown = [name for name in wanted if name not in SITUATIONS]
    if unknown:
        say(f"CHAOS_SITUATIONS has {', '.join(unknown)}; take all, or some of {', '.join(SITUATIONS)}, with commas")
        return 2
    subprocess.run([ROOT / "tests/tools/collection"], check=True)
    lab("up")
    lab("firewall", "none")
    if "python38" in wanted and not bring_python38():
        say("python38: NOT tried, it takes that Python and the oldest core, which are not both on this machine")
        wanted.remove("python38")
    failed = [name for name in wanted if not one(name, SITUATIONS[name])]
    others = [name for name in SITUATIONS if name not in wanted]
    if others:
        say(f"NOT RUN, but with CHAOS_SITUATIONS=all: {', '.join(others)}")
    say(
        f"SITUATIONS: {len(wanted) - len(failed)} of {len(wanted)} came to what they should{': NOT ' if failed else ''}"
        + ", ".join(failed)
    )
    return 1 if failed else 0


def one(name: str, situation: Situation) -> bool:
    """Bring the lab into a situation, run the preflight, and clean up; tell whether it came to what it should."""
    situation.prepare()
    for machine, script in (("server", situation.server), ("outside", situation.outside)):
        # A situation that did not come about would be none that was seen.
        if subprocess.run([LAB, "exec", machine, "sh", "-ec", script], check=False).returncode:
            clean(situation)
            say(f"{name} ({situation.purpose}): NOT seen, it could not be brought about")
            return False
    before, began = look(), shell("server", BEGAN)
    options = {"core": situation.core, "controller": situation.controller, **situation.environment}
    run, started = Run(*situation.arguments, **options), time.monotonic()
    try:
        situation.meanwhile(run)
        code = run.finish()
        said = " ".join(" ".join(run.said).split())
        troubles = [f"it does not say: {words}" for words in situation.says if words not in said]
        troubles += [f"it shows {word}" for word in (*TRACE, *situation.says_not) if word in said]
        if code != situation.code:
            troubles.append(f"it ended with {code}")
        if situation.untouched and shell("server", BEGAN) != began:
            troubles.append("services were stopped")
        troubles += left(before, situation.differs)
    finally:
        run.bury()
        clean(situation)
    say(
        f"{name} ({situation.purpose}): {'; '.join(troubles) or 'as it should be'} ({time.monotonic() - started:.0f} s)"
    )
    if troubles:
        say("".join(run.said))
    return not troubles


def clean(situation: Situation) -> None:
    """Take the situation away."""
    for machine, script in (("server", situation.clean_server), ("outside", situation.clean_outside)):
        shell(machine, script)


def left(before: Look, differs: tuple[str, ...]) -> list[str]:
    """What is not as it was, after a moment."""
    patience = time.monotonic() + MOMENT * 4
    while True:
        now = look()
        gone = {machine: without(text, differs) for machine, text in now.items()}
        was = {machine: without(text, differs) for machine, text in before.items()}
        if gone == was:
            return []
        if time.monotonic() > patience:
            return [difference(was, gone)]
        time.sleep(0.3)


def without(text: str, words: tuple[str, ...]) -> str:
    """A look without the lines that are to differ."""
    return "\n".join(line for line in text.splitlines() if not any(word in line for word in words))
