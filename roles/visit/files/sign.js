// Copyright: (c) 2026, plugnmeet.server contributors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// HMAC-SHA256 (RFC 2104, FIPS 180-4): browsers have their own only for pages that come over TLS.

const PRIMES = (() => {
  const found = [];
  for (let number = 2; found.length < 64; number++) {
    if (found.every((prime) => number % prime)) found.push(number);
  }
  return found;
})();
const fraction = (number) => ((number - Math.floor(number)) * 4294967296) | 0;
const K = PRIMES.map((prime) => fraction(Math.cbrt(prime)));
const START = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));

function sha256(bytes) {
  const length = (((bytes.length + 8) >> 6) + 1) << 6;
  const padded = new Uint8Array(length);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(length - 4, bytes.length << 3);
  view.setUint32(length - 8, Math.floor(bytes.length / 536870912));
  const rotated = (word, by) => (word >>> by) | (word << (32 - by));
  const hash = [...START];
  const w = new Int32Array(64);
  for (let block = 0; block < length; block += 64) {
    for (let i = 0; i < 64; i++) {
      if (i < 16) {
        w[i] = view.getInt32(block + i * 4);
      } else {
        const s0 = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ (w[i - 15] >>> 3);
        const s1 = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ (w[i - 2] >>> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
      }
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i++) {
      const one = (h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const two = ((rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, index) => { hash[index] = (hash[index] + word) | 0; });
  }
  const digest = new DataView(new ArrayBuffer(32));
  hash.forEach((word, index) => digest.setInt32(index * 4, word));
  return new Uint8Array(digest.buffer);
}

// In hexadecimal; the key is shorter than a block.
function hmac(key, text) {
  const bytes = (value) => new TextEncoder().encode(value);
  const padded = (by) => Uint8Array.from({ length: 64 }, (unused, index) => (bytes(key)[index] || 0) ^ by);
  const joined = (one, other) => Uint8Array.from([...one, ...other]);
  const inner = sha256(joined(padded(0x36), bytes(text)));
  return [...sha256(joined(padded(0x5c), inner))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
