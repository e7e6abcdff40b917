// The pictures in the sliders' tracks: what decoding gives at nine places along each axis, with all
// the others as they are now. One request holds as many as it may; the newest z replaces one that
// waits.

import { STRIPS } from "../channel.js";
import { ask, within } from "../live.js";

const FRAMES = 9;
const MOST_POINTS = 512; // that one request may hold: explorer/frames.py
const MOST_ROWS = Math.floor(MOST_POINTS / FRAMES);

export class Filmstrips {
  #rows = [];
  #images = new Map(); // row -> ImageData, kept: a new one for every answer is work for the collector

  configure(rows) {
    if (rows.length !== this.#rows.length || rows.some((row, i) => row !== this.#rows[i])) {
      this.#images.clear();
    }
    this.#rows = rows;
  }

  follow(z) {
    if (!z.length) return;
    const rows = this.#rows.filter(({ element }) => !element.closest("details:not([open])"));
    for (let n = 0; n < rows.length; n += MOST_ROWS) this.#ask(rows.slice(n, n + MOST_ROWS), z);
  }

  #ask(rows, z) {
    const points = new Float32Array(rows.length * FRAMES * z.length);
    let at = 0;
    for (const row of rows) {
      const { low, high } = row.axis;
      const from = row.value(z);
      for (let frame = 0; frame < FRAMES; frame++, at += z.length) {
        points.set(row.at(z, low + (high - low) * frame / (FRAMES - 1), from), at);
      }
    }
    // Other rows, here or of another component, have a turn of their own.
    ask(STRIPS, within(points), null, (answer) => this.#paint(rows, answer), rows[0]);
  }

  #paint(rows, { planes, height, width, pixels }) {
    const channels = planes / (rows.length * FRAMES);
    const size = height * width;
    rows.forEach((row, r) => {
      const canvas = row.strip;
      let image = this.#images.get(row);
      if (!image || image.width !== FRAMES * width || image.height !== height) {
        canvas.width = FRAMES * width;
        canvas.height = height;
        image = new ImageData(canvas.width, height);
        new Uint32Array(image.data.buffer).fill(0xff000000);
        this.#images.set(row, image);
      }
      const data = image.data;
      for (let frame = 0; frame < FRAMES; frame++) {
        const from = (r * FRAMES + frame) * channels * size;
        const green = channels === 1 ? 0 : size;
        for (let y = 0; y < height; y++) {
          let to = 4 * (y * FRAMES + frame) * width;
          let i = from + y * width;
          for (let x = 0; x < width; x++, i++, to += 4) {
            data[to] = pixels[i];
            data[to + 1] = pixels[i + green];
            data[to + 2] = pixels[i + 2 * green];
          }
        }
      }
      canvas.getContext("2d").putImageData(image, 0, 0);
    });
  }
}
