// Copyright: (c) 2026, plugnmeet.server contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Which address families the visitor's network has: over any other nothing is asked.

const GATHERING = 5000; // ms that a browser has to know its own addresses
const SETTLING = 3000; // ms that a busy one has from then on to pair all it ever will

// Chromium makes pairs of a family without a route, too, and counts checks that it could not send; but their socket is not
// among its own candidates. Firefox makes no such pairs. Who hides its own candidates altogether is taken to have a route.
async function leaveOutFamilies(prober) {
  const samples = Object.keys(prober.session.addresses).flatMap((family) =>
    prober.targets.filter((target) => target.family === family && target.protocol === "udp").slice(0, 1));
  if (!samples.length) return;
  const families = new Map(samples.map((target) => [place(target), target.family]));
  const found = new Set();
  const own = new Set();
  const connection = await prober.connection();
  connection.onicecandidate = ({ candidate }) => { if (candidate && candidate.port) own.add(candidate.port); };
  try {
    await prober.answerOffer(connection, samples);
    let until = performance.now() + GATHERING;
    let complete = false;
    while (found.size < families.size && performance.now() < until) {
      await sleep(SETTLING / 5);
      if (!complete && connection.iceGatheringState === "complete") {
        complete = true;
        until = performance.now() + SETTLING;
      }
      for (const { local, remote } of pairsOf(await connection.getStats())) {
        const family = remote && families.get(place(remote));
        if (family && (!local || !local.port || own.has(local.port))) found.add(family);
      }
    }
    if (!complete || !own.size) return;
    for (const target of prober.targets) target.leftOut = !found.has(target.family);
  } finally {
    connection.close();
  }
}
