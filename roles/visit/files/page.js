// Copyright: (c) 2026, plugnmeet.server contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What is on the screen: the port map, the table, the verdict, and what to do next.

const $ = (id) => document.getElementById(id);
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
const distinct = (targets) => new Set(targets.map((target) => `${target.protocol} ${target.port}`)).size;
const FAMILIES = { ipv4: "IPv4", ipv6: "IPv6" };
const DELIVERY_PATIENCE = 8000; // ms
const MOST_RANGES = 8; // in a sentence
const FEW = 100; // cells that are each worth a frame

function shortened(ports) {
  const ranges = ports.split(",");
  return ranges.length > MOST_RANGES ? `${ranges.slice(0, MOST_RANGES).join(", ")}, … (${ranges.length} ranges)` : ranges.join(", ");
}

// The port map: a cell a port of the largest entry of the table, open only if it is at every address that is asked.
class PortMap {
  constructor(canvas, targets) {
    const rows = new Map();
    for (const target of targets) rows.set(target.row, [...(rows.get(target.row) || []), target]);
    const largest = [...rows.values()].sort((one, other) => other.length - one.length)[0];
    this.cells = new Map();
    for (const target of largest) this.cells.set(target.port, [...(this.cells.get(target.port) || []), target]);
    this.ports = [...this.cells.keys()];
    this.protocol = largest[0].protocol;
    this.canvas = canvas;
    this.at = 0;
    this.isSilent = null; // at the end, whether the silence of a target says something
    canvas.addEventListener("pointermove", (event) => this.point(this.under(event)));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns }[event.key];
      if (!step) return;
      event.preventDefault();
      this.point(Math.min(this.ports.length - 1, Math.max(0, this.at + step)));
    });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  state(port) {
    const targets = this.cells.get(port).filter((target) => !target.leftOut);
    if (targets.length && targets.every((target) => target.open)) return "open";
    return this.isSilent && targets.some(this.isSilent) ? "silent" : "waiting";
  }

  under(event) {
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * this.columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
    return Math.min(this.ports.length - 1, Math.max(0, row * this.columns + column));
  }

  point(at) {
    this.at = at;
    const words = { open: "open", silent: "did not answer", waiting: this.isSilent ? "not known" : "no answer yet" };
    $("pointed").textContent = `${this.ports[at]}/${this.protocol}: ${words[this.state(this.ports[at])]}`;
  }

  // A few among thousands get frames that nobody overlooks.
  frame(paint, cells, across, down, scale) {
    paint.lineWidth = 2 * scale;
    paint.strokeStyle = paint.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--silent");
    const out = 3 * scale;
    for (const [left, top] of cells) {
      paint.strokeRect(left - out, top - out, across + 2 * out, down + 2 * out);
      paint.clearRect(left - out / 2, top - out / 2, across + out, down + out);
    }
  }

  draw() {
    const width = this.canvas.clientWidth || 300;
    const scale = window.devicePixelRatio || 1;
    this.columns = Math.min(this.ports.length, width < 560 ? 100 : 200);
    this.rows = Math.ceil(this.ports.length / this.columns);
    const across = (width * scale) / this.columns;
    const down = Math.max(3, Math.min(24, Math.round(across * (this.columns > 100 ? 1.3 : 1))));
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = down * this.rows;
    this.canvas.style.height = `${this.canvas.height / scale}px`;
    const style = getComputedStyle(document.documentElement);
    const paint = this.canvas.getContext("2d");
    const gap = across >= 4 ? 1 : 0.5;
    const silent = [];
    this.ports.forEach((port, index) => {
      const state = this.state(port);
      const left = (index % this.columns) * across;
      const top = Math.floor(index / this.columns) * down;
      paint.fillStyle = style.getPropertyValue(`--${state}`);
      // Of another shape, so that no colour has to be told apart.
      paint.fillRect(left, top, across - gap, state === "silent" ? down / 2 : down - gap);
      if (state === "silent") silent.push([left, top]);
    });
    if (silent.length <= FEW) this.frame(paint, silent, across - gap, down - gap, scale);
    const open = this.ports.filter((port) => this.state(port) === "open").length;
    this.canvas.setAttribute("aria-label", `Port map: ${open} of ${this.ports.length} ports open`);
  }
}

class Page {
  constructor(session) {
    this.session = session;
    this.visitor = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => "abcdefghijklmnopqrstuvwxyz234567"[byte % 32]).join("");
    this.prober = new Prober(session, this.visitor, () => this.soon());
    this.map = new PortMap($("map"), this.prober.targets);
    this.started = performance.now();
    this.isSilent = () => false; // at the end, whether the silence of a target says something
  }

  // Drawing ten thousand cells is work, too.
  soon() {
    if (this.planned) return;
    this.planned = setTimeout(() => { this.planned = 0; this.show(); }, 400);
  }

  async run() {
    $("test").hidden = false;
    this.show();
    this.verdict("Testing…", "");
    if (await this.isOver()) {
      this.sayOver();
      return;
    }
    let trouble = "";
    if (typeof RTCPeerConnection === "undefined") {
      trouble = "WebRTC is switched off in this browser";
    } else {
      try {
        await this.prober.run();
        if (this.prober.targets.every((target) => target.leftOut)) {
          trouble = `this network has no ${this.leftOut().join(" and no ")}, and the server nothing else`;
        } else if (this.prober.mute) {
          trouble = "this browser does not tell what became of its checks; Chrome and Edge do";
        } else if (!this.prober.targets.some((target) => target.open || target.limited || this.prober.wasAsked(target))) {
          trouble = "this browser sends nothing by WebRTC: a policy, an extension or a VPN forbids it";
        }
      } catch (error) {
        trouble = `WebRTC does not work in this browser (${error.name})`;
      }
    }
    this.isSilent = this.map.isSilent = (target) => !trouble && !target.open && this.prober.wasAsked(target);
    this.finished = true;
    const seconds = Math.round((performance.now() - this.started) / 100) / 10;
    const result = JSON.stringify(this.prober.result(agent(), seconds, trouble));
    this.text = `${hmac(this.session.secret, `result ${result}`)}:${result}`;
    this.show();
    this.conclude(trouble, seconds);
    const taken = await this.deliver();
    if (taken && this.prober.ended) {
      this.prober.ended = false; // or nobody would have taken it
      this.conclude(trouble, seconds);
    }
    document.body.dataset.done = "true";
  }

  // A clock may be wrong: the test is over only if nothing answers any more, either.
  async isOver() {
    if (Date.now() / 1000 <= this.session.expires || typeof RTCPeerConnection === "undefined") return false;
    try {
      return !(await isAnybodyThere(this.prober));
    } catch (error) {
      return false; // the test itself says what does not work
    }
  }

  sayOver() {
    this.finished = true;
    this.verdict("This test is over.", "");
    $("doing").textContent = "The page belongs to one test of a few minutes, and nothing answers it any more. Ask the person who sent it for a new one.";
    $("progress").hidden = true;
    $("test").hidden = true;
    document.body.dataset.done = "true";
  }

  verdict(text, kind) {
    $("verdict").textContent = text;
    $("verdict").className = kind;
    document.title = `${text} – plugNmeet port test`;
  }

  // The targets that are asked at all
  asked() {
    return this.prober.targets.filter((target) => !target.leftOut);
  }

  // The address families over which something is asked, and those over which nothing is
  families() {
    const asked = new Set(this.asked().map((target) => target.family));
    return Object.keys(this.session.addresses).filter((family) => asked.has(family)).map((family) => FAMILIES[family]);
  }

  leftOut() {
    const asked = this.families();
    return Object.keys(this.session.addresses).map((family) => FAMILIES[family]).filter((family) => !asked.includes(family));
  }

  // "55000-55002/udp", with the address family where that makes a difference
  inWords(targets) {
    const families = Object.keys(this.session.addresses);
    const parts = new Map();
    for (const protocol of ["tcp", "udp"]) {
      for (const family of families) {
        const own = targets.filter((target) => target.protocol === protocol && target.family === family);
        const ports = formatPorts(own.map((target) => target.port));
        if (ports) parts.set(`${shortened(ports)}/${protocol}`, [...(parts.get(`${shortened(ports)}/${protocol}`) || []), FAMILIES[family]]);
      }
    }
    return [...parts].map(([text, over]) => (over.length < families.length ? `${text} over ${over.join(" and ")}` : text));
  }

  show() {
    const targets = this.asked();
    const open = targets.filter((target) => target.open).length;
    $("progress").max = targets.length;
    $("progress").value = open;
    $("progress").hidden = Boolean(this.finished);
    if (!this.finished) $("doing").textContent = `${this.prober.doing || "Starting"}: ${open.toLocaleString("en")} of ${targets.length.toLocaleString("en")} have answered.`;
    $("rows").replaceChildren(...this.session.ports.map((row) => this.row(row)));
    this.map.draw();
  }

  row(row) {
    const own = this.asked().filter((target) => target.row === row);
    const open = own.filter((target) => target.open).length;
    const line = document.createElement("tr");
    const cell = (kind, text, small, name) => {
      const made = line.appendChild(document.createElement(kind));
      if (kind === "th") made.scope = "row";
      made.appendChild(document.createElement("span")).textContent = text;
      made.firstChild.className = name || "";
      if (small) made.appendChild(document.createElement("small")).textContent = small;
    };
    cell("th", `${row.ports}/${row.protocol}`, row.required ? "" : "optional");
    cell("td", row.purpose || row.name);
    const all = own.length.toLocaleString("en");
    if (own.length && open === own.length) cell("td", "✓ open", this.leftOut().length ? `over ${this.families().join(" and ")}` : "", "open");
    else if (!this.finished) cell("td", open ? `${open.toLocaleString("en")} of ${all}` : "…");
    else {
      const silent = own.filter(this.isSilent).length;
      const rest = own.length - open - silent;
      const many = own.length > 1;
      const limited = own.some((target) => target.limited);
      if (silent) cell("td", "✗ no answer", many ? `${silent.toLocaleString("en")} of ${all}${rest ? `, ${rest.toLocaleString("en")} not known` : ""}` : "", "silent");
      else cell("td", `– ${many ? `${rest.toLocaleString("en")} ` : ""}not ${limited ? "known" : "asked"}`, open || limited ? "" : "this browser does not");
    }
    return line;
  }

  conclude(trouble, seconds) {
    const all = this.asked();
    const missing = all.filter((target) => !target.open);
    const required = missing.filter((target) => target.row.required);
    const steps = [];
    if (trouble) {
      const some = all.some((target) => target.open);
      this.verdict(some ? "The test broke off in this browser." : "Nothing could be tested from this browser.", "bad");
      steps.push(`That says nothing about the server: ${trouble}.`, "Open the page in another browser, without a VPN or extensions, or on a phone.");
    } else if (all.every((target) => !target.open)) {
      this.verdict("No port answered.", "bad");
      steps.push(
        "If the person who sent you this page has ended the test, that is all there is to it.",
        "Otherwise a firewall in front of the server blocks every port, or this network lets nothing but web pages through: try a phone on mobile data.",
      );
    } else if (!required.length) {
      const optional = missing.filter(this.isSilent);
      const unknown = missing.filter((target) => !this.isSilent(target));
      const over = this.leftOut().length ? ` over ${this.families().join(" and ")}` : "";
      this.verdict(missing.length ? `Every required port is open${over}.` : `Every port is open${over}: all ${all.length.toLocaleString("en")} answered.`, "good");
      if (optional.length) steps.push(`Optional, and not open: ${this.inWords(optional).join(", ")}.`);
      if (unknown.length) steps.push(`Optional, and not known: ${this.inWords(unknown).join(", ")}.`);
      if (!over) steps.push("There is nothing to do. You can close this page.");
    } else if (this.prober.ended) {
      this.verdict("The test ended before this page was done.", "");
      steps.push(
        `${count(distinct(required), "required port")} had not answered by then, which says nothing about them: ports that had answered are silent now, too.`,
        "Ask the person who sent you this page for a new one. If the test goes on, something on the way takes no more connections: open the page again in some minutes, or in another network.",
      );
    } else {
      this.concludeMissing(required, steps);
    }
    if (!trouble) {
      for (const family of this.leftOut()) steps.push(`This network has no ${family}, and nothing was asked over it: to have that tested, open this page in a network that has it.`);
    }
    $("steps").replaceChildren(...steps.map((step) => {
      const item = document.createElement("li");
      item.textContent = step;
      return item;
    }));
    $("next").hidden = false;
    $("doing").textContent = `It took ${seconds} seconds.`;
  }

  // Of required ports some are silent, or nobody knows.
  concludeMissing(required, steps) {
    const all = this.asked();
    const silent = required.filter(this.isSilent);
    const limited = required.filter((target) => target.limited);
    const unasked = required.filter((target) => !target.limited && !this.isSilent(target));
    const unknown = required.length - silent.length;
    const rest = unknown ? `; ${count(distinct([...limited, ...unasked]), "port")} could not be asked often enough` : `: ${this.inWords(silent).join(", ")}`;
    if (silent.length) this.verdict(`${count(distinct(silent), "port")} did not answer${rest}.`, "bad");
    else if (limited.length) this.verdict(`${count(distinct(limited), "port")} could not be tested.`, "");
    else this.verdict("What this browser can ask is open.", "");
    if (silent.length) {
      // Of what is wholly silent nobody opens only the ports that were asked.
      const rows = new Set(silent.map((target) => target.row));
      for (const target of all) if (target.open) rows.delete(target.row);
      const shut = required.filter((target) => this.isSilent(target) || rows.has(target.row));
      const addresses = new Set(shut.map((target) => target.address));
      steps.push(`For the admin: open ${this.inWords(shut).join(", ")} to ${[...addresses].join(" and ")}. Where it is stopped is on the screen on which the test was started.`);
    }
    const udp = all.filter((target) => target.protocol === "udp");
    if (silent.some((target) => target.protocol === "udp") && !udp.some((target) => target.open) && all.some((target) => target.open)) {
      steps.push("No UDP came through at all. Many offices block that: to be sure that it is the server's side, open this page on a phone on mobile data, too.");
    }
    const dead = this.families().filter((name) => all.every((target) => FAMILIES[target.family] !== name || !target.open));
    for (const name of dead) {
      steps.push(`Nothing came through over ${name}, which this network may not have: to be sure that it is the server's side, open this page in another network, too.`);
    }
    if (limited.length) {
      const answers = udp.filter((target) => target.open).length;
      steps.push(`After ${count(answers, "answer")} no new connection got through, not even to ports that are open: the router of this network, or something else on the way, takes no more. Open this page again in some minutes, or in another network.`);
    }
    if (unasked.length) steps.push(`This browser could not ask, or not often enough to be sure: ${this.inWords(unasked).join(", ")}.`);
    if (unasked.length && PACED) steps.push("Firefox asks slowly: to have all of them asked, open this page in Chrome or Edge, too.");
  }

  // Over a TCP port that is open, else over any; who takes it says so. Returns the port, or 0.
  async deliver() {
    $("delivery").textContent = "Sending the result to the server…";
    const known = this.prober.targets.filter((target) => target.protocol === "tcp" && target.open).map((target) => target.port);
    const all = this.prober.targets.filter((target) => target.protocol === "tcp").map((target) => target.port);
    let taken = 0;
    for (const port of known) taken = taken || await this.post(port);
    // A port that the browser does not ask by WebRTC may be open for the web.
    if (!taken) taken = Math.max(...await Promise.all(all.map((port) => this.post(port))), 0);
    if (taken) {
      $("delivery").textContent = `The result is with the server, over port ${taken}.`;
      return taken;
    }
    $("delivery").textContent = "The result could not be sent to the server. Please copy this text, and send it to the person who sent you this page, who pastes it where the test was started:";
    $("text").value = this.text;
    $("copying").hidden = false;
    return 0;
  }

  // Returns the port if the result was taken, else 0.
  async post(port) {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), DELIVERY_PATIENCE);
    try {
      const response = await fetch(`http://${this.session.web}:${port}${this.session.path}`, {
        method: "POST", body: this.text, headers: { "Content-Type": "text/plain" },
        credentials: "omit", referrerPolicy: "no-referrer", signal: controller.signal,
      });
      return response.ok ? port : 0;
    } catch (error) {
      return 0;
    } finally {
      clearTimeout(timer);
    }
  }
}

// "Chrome on Windows"
function agent() {
  const words = navigator.userAgent;
  const pick = (table) => (table.find(([pattern]) => pattern.test(words)) || [0, ""])[1];
  const browser = pick([[/Edg/, "Edge"], [/OPR/, "Opera"], [/SamsungBrowser/, "Samsung Internet"], [/Firefox|FxiOS/, "Firefox"], [/Chrom|CriOS/, "Chrome"], [/Safari/, "Safari"]]);
  const system = pick([[/Windows/, "Windows"], [/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Mac OS/, "macOS"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"]]);
  return [browser || "a browser", system].filter(Boolean).join(" on ");
}

async function copy() {
  $("text").select();
  try {
    await navigator.clipboard.writeText($("text").value);
  } catch (error) {
    document.execCommand("copy");
  }
  $("copy").textContent = "Copied";
}

let page;

function main() {
  const session = JSON.parse($("session").textContent);
  $("host").textContent = session.name;
  $("copy").addEventListener("click", copy);
  page = new Page(session);
  page.run();
}

main();
