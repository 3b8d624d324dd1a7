// Copyright: (c) 2026, plugnmeet.server contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Asks every port with the ICE connectivity checks of the browser's own WebRTC (RFC 8445), some dozen ports a connection.
// The page poses as the answering side of a call whose other side has a candidate at each port: then it never settles
// for the first port that answers. `responsesReceived` in the statistics of a pair is the proof: the browser counts only
// responses that were signed with the secret.

// Firefox lets 16 KB of checks through in a second, 7.2 KB on the average of 20 s, of all connections together (ShouldDrop
// in its nr_socket_prsock.cpp), and drops what is more without a word. A check has 112 bytes.
const PACED = /Firefox\//.test(navigator.userAgent);
const CONNECTIONS = PACED ? 2 : 201; // at a time; so many ask 10,002 ports in two turns
const CANDIDATES = PACED ? 30 : 25; // ports of a connection
const PACE = 60; // checks a second, where there is a limit
const AHEAD = 1100; // checks that may come before their time there
const ENOUGH = 1000; // ports of a row asked in vain, after which nobody asks them again
const PING = 48; // ms between two checks of a connection, as browsers have it
const POLL = 500; // ms between two looks at its statistics
const LATE = 1000; // ms that an answer may take
const LAST_LATE = 3000; // ms, where a port is to be called closed: a busy device may pause for as long
const PINGS = 3; // checks of a port before its browser slows down; then another connection asks again
const SLACK = 8000; // ms more that a busy browser has for them: less than another connection costs
const ROUNDS = 6;
const UDP_PATIENCE = PACED ? 600000 : 90000; // ms, after which a round that brought nothing is the last
const REST = 20000; // ms that are left to bring the result before the test ends
const SURE = 1e-6; // the chance, over all ports, that one is missing because each of its checks was lost
const LEAST_LOSS = PACED ? 0.1 : 0.02; // what a way is taken to lose at least; Firefox does not let it be seen
const FIRM = 100; // checks of ports that answer, with which their loss begins to count more than that
const FIRST_WAIT = 100; // ms after which Firefox repeats a check; each time it waits twice as long
const TCP_PATIENCE = 4000; // ms: a SYN that was lost is sent again after one and after three seconds (RFC 6298)
const LAST_TCP_PATIENCE = 2000; // ms, after all those rounds

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// "443,50000-60000" to [443, 50000, ...]
function readPorts(text) {
  return text.split(",").filter(Boolean).flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (unused, index) => first + index);
  });
}

// and back
function formatPorts(ports) {
  const found = [];
  for (const port of [...new Set(ports)].sort((one, other) => one - other)) {
    const last = found[found.length - 1];
    if (last && last[1] === port - 1) last[1] = port;
    else found.push([port, port]);
  }
  return found.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

// [[443, "o"], [50000, "o"], [50001, "s"], [50002, "s"]] to "443o,50000os2": it may have to be pasted into a terminal, which
// takes a thousand characters in a second.
function formatFates(fates) {
  const found = [];
  let before;
  for (const [port, fate] of fates.sort(([one], [other]) => one - other)) {
    if (port - 1 !== before) found.push({ first: port, runs: [] });
    const { runs } = found[found.length - 1];
    if (runs.length && runs[runs.length - 1].fate === fate) runs[runs.length - 1].times += 1;
    else runs.push({ fate, times: 1 });
    before = port;
  }
  return found.map(({ first, runs }) => first + runs.map(({ fate, times }) => fate + (times > 1 ? times : "")).join("")).join(",");
}

function shuffled(list) {
  const copy = [...list];
  for (let at = copy.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    [copy[at], copy[other]] = [copy[other], copy[at]];
  }
  return copy;
}

// The pairs of candidates that a browser made, with their two ends as far as it tells of them.
function pairsOf(statistics) {
  return [...statistics.values()].filter((entry) => entry.type === "candidate-pair").map((pair) =>
    ({ pair, local: statistics.get(pair.localCandidateId), remote: statistics.get(pair.remoteCandidateId) }));
}

// What a target, and a candidate of the other side, are known by. Browsers put IPv6 into brackets.
function place({ protocol, address, port }) {
  return `${protocol} ${(address || "").replace(/^\[|\]$/g, "")} ${port}`;
}

// How often a pair was asked, where the browser does not count it, by its state and for how long it is known to be asked.
function checks(pair, since) {
  if (pair.requestsSent !== undefined) return pair.requestsSent;
  if (pair.state === "frozen" || pair.state === "waiting") return 0;
  return pair.state === "succeeded" ? 1 : 1 + Math.floor(Math.log2((performance.now() - since) / FIRST_WAIT + 1));
}

// Every port at every address: `open` once it answered, `sent` how often it was asked; `paired` is whether the browser took
// it for a candidate, and `tried` whether it made anything of it. `peers` are those of the same row and address. It is not
// asked where it is `leftOut`, and its silence is nobody's where it is `limited`.
function targetsOf(session) {
  return Object.entries(session.addresses).flatMap(([family, address]) =>
    session.ports.flatMap((row) => {
      const peers = [];
      for (const port of readPorts(row.ports)) {
        peers.push({
          family, address, port, row, peers, protocol: row.protocol,
          open: false, paired: false, tried: false, sent: 0, leftOut: false, limited: false,
        });
      }
      return peers;
    }));
}

// What one connection asks: neighbours of a row, so that the result is short where the time is over before all are asked. They
// come by chance, but the small rows first, which then have their verdict all the same.
function groupsOf(targets) {
  const groups = [];
  for (const peers of new Set(targets.map((target) => target.peers))) {
    const own = targets.filter((target) => target.peers === peers);
    while (own.length) groups.push(own.splice(0, CANDIDATES));
  }
  return shuffled(groups).sort(([one], [other]) => one.peers.length - other.peers.length);
}

class Prober {
  constructor(session, visitor, seen) {
    this.session = session;
    this.visitor = visitor;
    this.seen = seen; // called when there is something new to show
    this.targets = targetsOf(session);
    this.sent = 0; // checks of ports that answer
    this.lost = 0; // and how many of them came to nothing
    this.all = 0; // UDP ports that are asked
    this.silent = 0; // and those without an answer, when the last round began
    this.doing = "";
    this.spent = 0; // checks of UDP ports, all in all
    this.hopeless = new Set(); // rows, each over one address, that are asked no more
    this.mute = false; // whether the browser does not say what became of its checks
    this.ended = false; // whether not even the ports that answered do so any more
    this.start = performance.now();
    // By a clock that is wrong the time may be over from the start.
    const left = session.expires * 1000 - REST - Date.now();
    this.end = this.start + (left > 0 ? Math.min(UDP_PATIENCE, left) : UDP_PATIENCE);
  }

  async run() {
    await leaveOutFamilies(this);
    const asked = this.targets.filter((target) => !target.leftOut);
    const tcp = asked.filter((target) => target.protocol === "tcp");
    const udp = asked.filter((target) => target.protocol === "udp");
    this.all = udp.length;
    await Promise.all([this.askTcp(tcp, 3, TCP_PATIENCE), this.askUdp(udp)]);
    await this.askTcp(tcp, 1, LAST_TCP_PATIENCE); // once more, for a slow device was busy with UDP
    while (await findMore(this, asked) && performance.now() < this.end) await this.askUdp(udp);
    this.doing = "";
    this.seen();
  }

  async askTcp(targets, rounds, patience) {
    for (let round = 0; round < rounds; round++) {
      const missing = targets.filter((target) => !target.open);
      const until = performance.now() + patience;
      if (missing.length) await this.connect(missing, () => performance.now() > until);
    }
  }

  async askUdp(targets) {
    for (let round = 1, before = Infinity; ; round++) {
      const silent = targets.filter((target) => !target.open);
      this.silent = silent.length;
      const missing = this.worthwhile(silent);
      const over = round > ROUNDS || performance.now() > this.end;
      if (!missing.length || (round > 1 && missing.every((target) => this.sure(target))) || (over && missing.length === before)) return;
      before = missing.length;
      this.doing = round === 1
        ? `Asking ${missing.length.toLocaleString("en")} UDP ports`
        : `Asking ${missing.length.toLocaleString("en")} silent UDP ports again, round ${round}`;
      if (PACED) this.doing += " (Firefox asks some 60 a second, which takes minutes; Chrome and Edge take seconds)";
      this.seen();
      const groups = groupsOf(missing);
      const work = async () => {
        while (groups.length) {
          await this.pace();
          if (PACED && performance.now() > this.end) return;
          const next = groups.shift() || [];
          const group = PACED ? this.worthwhile(next) : next;
          if (group.length) await this.connectUdp(group, round);
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, work));
      if (PACED && performance.now() > this.end) return;
    }
  }

  // Wait where the browser would drop what it is to send.
  async pace() {
    while (PACED && this.spent > AHEAD + (PACE * (performance.now() - this.start)) / 1000) await sleep(100);
  }

  // But for those of rows of which so many ports were asked without any answer that to ask them once more would be a waste of
  // time, and to ask the others slowly, too.
  worthwhile(targets) {
    for (const peers of new Set(targets.map((target) => target.peers))) {
      const asked = peers.filter((target) => target.sent >= PINGS).length;
      if (asked >= ENOUGH && !peers.some((target) => target.open)) this.hopeless.add(peers);
    }
    return targets.filter((target) => !this.hopeless.has(target.peers) || (!PACED && target.sent < PINGS));
  }

  // Whether more checks of a UDP port would tell no more: it answered, the browser does not ask it, or its silence is sure,
  // by the loss on the way, and by how often it was asked. Where few ports answer, few can be silent by chance; and where none
  // of a thousand do, none.
  sure(target) {
    if (target.open || target.tried === "in vain") return true;
    if (this.hopeless.has(target.peers)) return target.sent >= PINGS;
    const loss = (this.lost + LEAST_LOSS * FIRM) / (this.sent + FIRM);
    const byChance = Math.min(this.silent, this.all - this.silent) * Math.max(LEAST_LOSS, loss) ** target.sent;
    return target.sent > 0 && byChance < SURE;
  }

  async connectUdp(targets, round) {
    const before = new Map(targets.map((target) => [target, target.sent]));
    const patience = performance.now() + targets.length * PING * PINGS + SLACK;
    let complete = 0;
    const ready = await this.connect(targets, () => {
      const now = performance.now();
      const waiting = targets.some((target) => !target.open && target.sent - before.get(target) < PINGS);
      complete = waiting ? 0 : complete || now;
      const last = round > 1 && targets.every((target) => this.sure(target));
      return now > patience || (complete && now - complete > (last ? LAST_LATE : LATE));
    });
    // What was not even paired is not asked by this browser; one that only had no time for it shall have another chance.
    for (const target of targets) if (ready && !target.open && !target.paired) target.tried = "in vain";
  }

  // A new connection. Chromium has no more than 500, and counts closed ones until it has tidied up.
  async connection() {
    this.certificate = this.certificate || await RTCPeerConnection.generateCertificate({ name: "ECDSA", namedCurve: "P-256" });
    for (let left = 60; ; left--) {
      try {
        return new RTCPeerConnection({ iceServers: [], certificates: [this.certificate] });
      } catch (error) {
        if (!left) throw error;
        await sleep(POLL);
      }
    }
  }

  // Ask `targets` with one connection, until each answered or `over()`. Returns whether the browser came as far as to know
  // its own addresses: then it pairs all that it ever will.
  async connect(targets, over) {
    const connection = await this.connection();
    try {
      await this.answerOffer(connection, targets);
      const known = new Map(targets.map((target) => [place(target), target]));
      const before = new Map(targets.map((target) => [target, target.sent]));
      const counted = new Map();
      const since = new Map();
      while (targets.some((target) => !target.open) && !over()) {
        await sleep(POLL);
        for (const { pair, remote } of pairsOf(await connection.getStats())) {
          const target = remote && known.get(place(remote));
          if (!target) continue;
          target.paired = true;
          this.mute = this.mute || pair.responsesReceived === undefined;
          target.tried = target.tried || pair.state !== "frozen";
          const answered = pair.responsesReceived > 0;
          if (!since.has(target) && pair.state !== "frozen" && pair.state !== "waiting") since.set(target, performance.now());
          target.sent = Math.max(target.sent, before.get(target) + checks(pair, since.get(target)));
          if (answered) {
            target.open = true;
            counted.set(target, [pair.requestsSent || 1, pair.responsesReceived || 1]);
          }
        }
        this.seen();
      }
      for (const target of targets) this.spent += target.sent - before.get(target);
      for (const [sent, received] of counted.values()) {
        this.sent += sent;
        this.lost += Math.max(0, sent - received);
      }
      return connection.iceGatheringState === "complete";
    } finally {
      connection.close();
    }
  }

  async answerOffer(connection, targets) {
    await connection.setRemoteDescription({ type: "offer", sdp: this.offer(targets) });
    await connection.setLocalDescription(await connection.createAnswer());
  }

  // The other side's description (RFC 8866, RFC 8839): its fragment names this visitor, and each port is a candidate.
  offer(targets) {
    const candidates = targets.map(({ protocol, address, port }, index) =>
      `a=candidate:${index + 1} 1 ${protocol} 2130706431 ${address} ${port} typ host${protocol === "tcp" ? " tcptype passive" : ""}`);
    return [
      "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0",
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:0",
      `a=ice-ufrag:${this.session.id}/${this.visitor}`, `a=ice-pwd:${this.session.secret}`,
      `a=fingerprint:sha-256 ${Array(32).fill("00").join(":")}`, "a=setup:active", "a=sctp-port:5000",
      ...candidates, "a=end-of-candidates", "",
    ].join("\r\n");
  }

  // What the listener, or who pastes it, is told.
  result(agent, seconds, trouble) {
    const fate = (target) => {
      if (target.open) return "o";
      if (target.limited && target.protocol === "udp") return "l";
      return !trouble && this.wasAsked(target) ? "s" : "u"; // silent or unasked
    };
    const families = {};
    for (const family of Object.keys(this.session.addresses)) {
      families[family] = {};
      for (const protocol of ["tcp", "udp"]) {
        const own = this.targets.filter((target) => target.family === family && target.protocol === protocol);
        families[family][protocol] = formatFates(own.map((target) => [target.port, fate(target)]));
      }
    }
    return { visitor: this.visitor, agent, families, seconds, trouble };
  }

  // Whether its silence says something. A browser tries TCP without sending a check before there is a connection.
  wasAsked(target) {
    if (target.limited) return false;
    return target.protocol === "tcp" ? Boolean(target.tried) : target.sent > 0 && this.sure(target);
  }
}
