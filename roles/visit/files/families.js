// Copyright: (c) 2026, plugnmeet.server contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Which address families the visitor's network has: over any other nothing is asked.

const TRIES = 3; // connections that are asked: the first of a page may come before its browser knows of IPv6
const GATHERING = 5000; // ms that a browser has to know its own addresses
const SETTLING = 1000; // ms that it has from then on to pair all it ever will

async function leaveOutFamilies(prober) {
  const samples = Object.keys(prober.session.addresses).flatMap((family) =>
    prober.targets.filter((target) => target.family === family && target.protocol === "udp").slice(0, 1));
  const missing = new Map(samples.map((target) => [place(target), target]));
  for (let left = TRIES; left && missing.size; left--) {
    if (!await findFamilies(prober, missing)) return;
  }
  const without = new Set([...missing.values()].map(({ family }) => family));
  for (const target of prober.targets) target.leftOut = without.has(target.family);
}

// Drop from `missing` what the browser pairs. Returns whether it told enough of itself to say that it does not pair the rest.
//
// Chromium makes pairs of a family without a route, too, and counts checks that it could not send; but their socket is not
// among its own candidates. Firefox makes no such pairs. Who hides its own candidates altogether is taken to have a route.
async function findFamilies(prober, missing) {
  const own = new Set();
  const connection = await prober.connection();
  connection.onicecandidate = ({ candidate }) => { if (candidate && candidate.port) own.add(candidate.port); };
  try {
    await prober.answerOffer(connection, [...missing.values()]);
    let until = performance.now() + GATHERING;
    let complete = false;
    while (missing.size && performance.now() < until) {
      await sleep(SETTLING / 10);
      if (!complete && connection.iceGatheringState === "complete") {
        complete = true;
        until = performance.now() + SETTLING;
      }
      for (const { local, remote } of pairsOf(await connection.getStats())) {
        if (remote && (!local || !local.port || own.has(local.port))) missing.delete(place(remote));
      }
    }
    return complete && own.size > 0;
  } finally {
    connection.close();
  }
}
