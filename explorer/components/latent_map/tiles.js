// What the plane through z decodes to, as tiles under the dots. One request at a time; while z
// moves within its plane they stay as they are.

import { TILES } from "../channel.js";
import { element } from "../element.js";
import { ask, currentZ, within } from "../live.js";

const MOST = 400; // tiles, 20 x 20 where the plot is square
const ROW = 16; // tiles of a model with one dimension
const REST = 40; // ms between an answer and the next request: the picture of z comes first
const SAME = 1e-4; // latent units that rounding may move the plane by
const INK = 0.9; // opacity of a full pixel, in the colour of the page's text

export class Tiles {
  #wanted = null; // { projection, line }, or null while there are to be none
  #asked = null; // { base, key }: the plane and the part of it that was asked for last
  #shown = null; // { answer, grid }
  #busy = false;
  #again = false;
  #round = 0; // answers of an earlier one belong to another map

  constructor(stage, frame) {
    this.frame = frame;
    this.canvas = element("canvas", { "data-testid": "map-tiles" });
    this.clip = element("div", { class: "under" }, this.canvas);
    stage.prepend(this.clip);
  }

  /** `wanted` is { projection, line, shape }; null puts them away. */
  set(wanted, ink) {
    const [r, g, b] = inkOf(ink);
    this.ink = [r, g, b];
    this.#wanted = wanted;
    this.#round += 1;
    this.#asked = null;
    this.#busy = this.#again = false;
    this.clip.classList.toggle("shown", Boolean(wanted));
    if (!wanted) this.#shown = null;
    this.follow();
  }

  /** z or the visible part of the plane may have changed. */
  follow() {
    if (!this.#wanted || !this.frame.ready) return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    const { projection } = this.#wanted;
    const z = currentZ();
    if (z.length !== projection.dimensions) return;
    const grid = this.#grid();
    const base = projection.lift([0, 0], z);
    const key = [grid.columns, grid.rows, ...grid.extent].join();
    const same = this.#asked?.key === key
      && base.every((value, d) => Math.abs(value - this.#asked.base[d]) < SAME);
    if (same) return;
    const round = this.#round;
    const sent = ask(TILES, within(planePoints(projection, base, grid)), null, (answer) => {
      if (round !== this.#round) return;
      this.#shown = { answer, grid };
      this.#paint();
      setTimeout(() => {
        if (round !== this.#round) return;
        this.#busy = false;
        if (this.#again) this.follow();
      }, REST);
      this.#again = true;
    });
    if (!sent) return; // the next "status" tells when there is a connection again
    this.#busy = true;
    this.#again = false;
    this.#asked = { base, key };
  }

  /** A lost connection takes its requests along. */
  restart() {
    this.#busy = false;
    this.#asked = null;
    this.follow();
  }

  /** Keep to the plane while it is moved and zoomed. */
  place() {
    if (!this.frame.ready || !this.#wanted) return;
    const box = this.frame.box();
    const clip = { left: box.left, top: box.top, width: box.width, height: box.height };
    for (const [side, px] of Object.entries(clip)) this.clip.style[side] = `${px}px`;
    if (!this.#shown) return;
    const [left, right, bottom, top] = this.#shown.grid.extent;
    const [x0, y0] = this.frame.toPixel([left, top]);
    const [x1, y1] = this.frame.toPixel([right, bottom]);
    this.canvas.style.transform = `translate(${x0 - box.left}px, ${y0 - box.top}px)`
      + ` scale(${(x1 - x0) / this.canvas.width}, ${(y1 - y0) / this.canvas.height})`;
  }

  /** How many tiles, as square as can be, and which part of the plane they fill. */
  #grid() {
    const { left, top, width, height } = this.frame.box();
    if (this.#wanted.line) {
      const side = width / ROW;
      const [x0, y1] = this.frame.toData([left, top + height]);
      const [x1, y0] = this.frame.toData([left + width, top + height - side]);
      return { columns: ROW, rows: 1, extent: [x0, x1, y1, y0] };
    }
    const side = Math.sqrt((width * height) / MOST);
    const rows = Math.max(1, Math.min(MOST, Math.round(height / side)));
    const columns = Math.max(1, Math.floor(Math.min(width / side + 0.5, 512 / rows)));
    return { columns, rows, extent: this.frame.ranges() };
  }

  #paint() {
    const { answer, grid: { columns, rows } } = this.#shown;
    const { height, width, pixels } = answer;
    const channels = this.#wanted.shape[0];
    this.canvas.width = columns * width;
    this.canvas.height = rows * height;
    const image = new ImageData(this.canvas.width, this.canvas.height);
    const area = height * width;
    const into = new Uint32Array(image.data.buffer); // little-endian: A B G R
    const ink = (this.ink[2] << 16) | (this.ink[1] << 8) | this.ink[0];
    for (let tile = 0; tile < columns * rows; tile += 1) {
      const corner = Math.floor(tile / columns) * height * image.width + (tile % columns) * width;
      const from = tile * channels * area;
      for (let i = 0; i < area; i += 1) {
        const at = corner + Math.floor(i / width) * image.width + (i % width);
        into[at] = channels === 1
          ? ((pixels[from + i] * INK) << 24) | ink
          : (255 << 24) | (pixels[from + 2 * area + i] << 16) | (pixels[from + area + i] << 8) | pixels[from + i];
      }
    }
    this.canvas.getContext("2d").putImageData(image, 0, 0);
    this.canvas.dataset.tiles = columns * rows;
    this.place();
  }

  /** For a saved picture: where the tiles lie, and what they look like. */
  get picture() {
    return this.#shown && { source: this.canvas.toDataURL(), extent: this.#shown.grid.extent };
  }
}

/** The centres of the tiles lifted into the latent space, (rows * columns, D), top row first. */
function planePoints({ lifts }, base, { columns, rows, extent: [left, right, bottom, top] }) {
  const size = base.length;
  const points = new Float32Array(columns * rows * size);
  for (let row = 0; row < rows; row += 1) {
    const y = top - ((row + 0.5) / rows) * (top - bottom);
    for (let column = 0; column < columns; column += 1) {
      const x = left + ((column + 0.5) / columns) * (right - left);
      const at = (row * columns + column) * size;
      for (let d = 0; d < size; d += 1) points[at + d] = base[d] + x * lifts[0][d] + y * lifts[1][d];
    }
  }
  return points;
}

function inkOf(colour) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  return probe.getImageData(0, 0, 1, 1).data;
}
