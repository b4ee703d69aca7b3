// Looks through all packages. They come as [[name, downloads of 30 days, downloads in all], ...], and are kept without
// an object for each: the names as one text, the most downloaded first, which a browser looks through at memory's speed.
"use strict";

const BEST_MAX = 100;
const NAMES_MAX = 2 ** 21;
const FIGURE_MAX = 2 ** 32 - 1;
const NEWLINE = 10, QUOTE = 34, ZERO = 48, NINE = 57;

// Takes the list as it comes, and keeps nothing of it but names and figures
class Reader {
  names = new Uint8Array(2 ** 16);
  length = 0; // of all names, each with what ends it
  count = 0;
  starts = new Uint32Array(2 ** 12);
  figures = [new Float64Array(2 ** 12), new Float64Array(2 ** 12)];
  #quoted = false;
  #column = 0;
  #number = -1;

  take(bytes) {
    this.#makeRoom(bytes.length);
    for (const byte of bytes) {
      if (this.#quoted) {
        this.names[this.length++] = byte === QUOTE ? NEWLINE : byte;
        this.#quoted = byte !== QUOTE;
      } else if (byte === QUOTE) {
        this.starts[this.count] = this.length;
        this.#quoted = true;
      } else if (byte >= ZERO && byte <= NINE) {
        this.#number = Math.max(this.#number, 0) * 10 + byte - ZERO;
      } else if (this.#number >= 0) {
        this.figures[this.#column][this.count] = this.#number;
        this.#number = -1;
        this.count += this.#column;
        this.#column = 1 - this.#column;
      }
    }
  }

  // Of each package there are eight characters at least
  #makeRoom(bytes) {
    if (this.count > NAMES_MAX) throw new RangeError("too many packages");
    this.names = grown(this.names, this.length + bytes);
    const packages = this.count + bytes / 8 + 2;
    this.starts = grown(this.starts, packages);
    this.figures = this.figures.map((figures) => grown(figures, packages));
  }
}

function grown(array, length) {
  if (array.length >= length) return array;
  const larger = new array.constructor(Math.max(length, array.length * 2));
  larger.set(array);
  return larger;
}

// The places of figures, the largest first; equal ones as they were. Numbers are sorted far quicker than with a
// function that compares.
function ordered(figures) {
  const keys = new Float64Array(figures.length);
  for (let i = 0; i < keys.length; i++) keys[i] = (FIGURE_MAX - Math.min(figures[i], FIGURE_MAX)) * NAMES_MAX + i;
  keys.sort();
  return Uint32Array.from(keys, (key) => key % NAMES_MAX);
}

class Packages {
  constructor(reader) {
    const [recent, all] = reader.figures.map((figures) => figures.subarray(0, reader.count));
    const byAll = ordered(all);
    const order = ordered(Float64Array.from(byAll, (at) => recent[at])).map((at) => byAll[at]);
    this.count = reader.count;
    this.recent = Float64Array.from(order, (at) => recent[at]);
    this.all = Float64Array.from(order, (at) => all[at]);
    this.ends = new Uint32Array(reader.count);
    const names = new Uint8Array(reader.length);
    let length = 0;
    for (let i = 0; i < order.length; i++) {
      const start = reader.starts[order[i]];
      const end = reader.names.indexOf(NEWLINE, start) + 1;
      names.set(reader.names.subarray(start, end), length);
      length += end - start;
      this.ends[i] = length;
    }
    this.names = new TextDecoder("latin1").decode(names);
  }

  find(wanted) {
    if (wanted === "") return { wanted, count: this.count, best: this.#rows([...Array(Math.min(this.count, BEST_MAX)).keys()]) };
    // The name itself, its beginning, the beginning of a word in it, anywhere; in each the most downloaded first
    const kinds = [[], [], [], []];
    let count = 0;
    let place = 0;
    for (let at = this.names.indexOf(wanted); at >= 0; at = this.names.indexOf(wanted, this.ends[place])) {
      while (this.ends[place] <= at) place++;
      count++;
      const kind = kinds[this.#kind(place, at, wanted)];
      if (kind.length < BEST_MAX) kind.push(place);
    }
    return { wanted, count, best: this.#rows(kinds.flat().slice(0, BEST_MAX)) };
  }

  #kind(place, at, wanted) {
    const start = this.#start(place);
    const end = this.ends[place] - 1;
    if (at === start) return at + wanted.length === end ? 0 : 1;
    if (this.names[at - 1] === "-") return 2;
    // Rarely: a part of a word first, and a beginning of one after it
    for (let next = at + 1; next + wanted.length <= end; next++) {
      if (this.names[next - 1] === "-" && this.names.startsWith(wanted, next)) return 2;
    }
    return 3;
  }

  #start(place) {
    return place === 0 ? 0 : this.ends[place - 1];
  }

  #rows(places) {
    return places.map((place) =>
      [this.names.slice(this.#start(place), this.ends[place] - 1), this.recent[place], this.all[place]]);
  }
}

async function load() {
  const answer = await fetch("/packages.json");
  if (!answer.ok) throw new Error(answer.status);
  const reader = new Reader();
  const stream = answer.body.getReader();
  for (let part = await stream.read(); !part.done; part = await stream.read()) reader.take(part.value);
  return new Packages(reader);
}

const packages = load();

addEventListener("message", async ({ data: wanted }) => {
  try {
    postMessage((await packages).find(wanted));
  } catch {
    postMessage({ failed: true });
  }
});
