// Copyright: (c) 2026, plugnmeet.server contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What tells closed ports from a way that takes no more connections, and from the end of the test: those silence ports that
// answered before, too.

const KNOWN = 16; // open UDP ports of an address that are asked again
const KNOWN_TCP = 4; // and TCP ports
const DOUBTED = 8; // and silent UDP ports
const AGAIN = 4000; // ms for that

function sample(list, most) {
  return shuffled(list).slice(0, most);
}

// Those that answer a new connection, whatever is known of them.
async function again(prober, targets) {
  if (!targets.length) return [];
  await prober.pace();
  const copies = targets.map((target) => ({ ...target, open: false }));
  const until = performance.now() + AGAIN;
  await prober.connect(copies, () => performance.now() > until);
  return targets.filter((target, index) => copies[index].open);
}

// Whether any port answers, asking only a few.
async function isAnybodyThere(prober) {
  const of = (protocol, most) => sample(prober.targets.filter((target) => target.protocol === protocol), most);
  return (await again(prober, [...of("tcp", KNOWN_TCP), ...of("udp", KNOWN)])).length > 0;
}

async function control(prober, family, silent) {
  const own = (targets, protocol) => targets.filter((target) => target.family === family && target.protocol === protocol);
  const open = prober.targets.filter((target) => target.open);
  const udp = sample(own(open, "udp"), KNOWN);
  const known = [...udp, ...sample(own(open, "tcp"), KNOWN_TCP)];
  const answered = await again(prober, [...known, ...sample(own(silent, "udp"), DOUBTED)]);
  const heard = known.filter((target) => answered.includes(target));
  return {
    family,
    known: known.length,
    heard: answered.length,
    full: 2 * own(heard, "udp").length < udp.length,
    late: answered.filter((target) => !target.open),
  };
}

// Hold nothing against ports whose silence is not their own. If silent ones answer now, the way was closed for a while only:
// returns whether all others are to be asked anew.
async function findMore(prober, targets) {
  const missing = targets.filter((target) => !target.open);
  const silent = missing.filter((target) => prober.wasAsked(target));
  // What was not asked often enough may be so since nobody listens any more. Firefox has no time to see to that.
  if (!silent.length && (PACED || !missing.length)) return false;
  prober.doing = "Asking open ports once more";
  const families = Object.keys(prober.session.addresses);
  const controls = await Promise.all(families.map((family) => control(prober, family, silent)));
  prober.ended = controls.some(({ known }) => known) && !controls.some(({ heard }) => heard);
  for (const { family, full, late } of controls) {
    for (const target of silent.filter((each) => each.family === family)) {
      const udp = target.protocol === "udp";
      if (prober.ended || (udp && full)) target.limited = true;
      else if (udp && late.length) target.sent = 0;
    }
    for (const target of late) {
      target.open = true;
      prober.hopeless.delete(target.peers);
    }
  }
  return controls.some(({ full, late }) => !full && late.length);
}
