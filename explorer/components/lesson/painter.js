// The picture to damage: rubbing makes pixels unknown, and the sheet's hatch shows through them.

import { announcer } from "../access.js";
import { element } from "../element.js";
import { distanceTo, moved, pointOf, stepOf } from "../painting.js";

const RADIUS = 2.2; // pixels of the picture
const REST = 150; // ms: a held key is heard when it comes to rest

/**
 * `onChange()` after every change of the mask, `onRest()` when the hand lets go. `place({ row, column,
 * known })` says where the keyboard's brush is.
 */
export function makePainter({ x, shape, mask, label, hint, place, onChange, onRest }) {
  const [channels, height, width] = shape;
  const canvas = element("canvas", {
    width, height, tabindex: "0", role: "application", "aria-label": label, "data-testid": "lesson-damaged",
  });
  const cursor = element("div", { class: "cursor" });
  const note = element("span", { class: "hint" }, hint);
  const sheet = element("div", { class: "sheet" }, canvas, cursor, note);
  const announce = announcer(sheet, REST);
  let held = null; // { id, at }
  let key = null; // where the keyboard's brush is

  const show = () => {
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    const plane = width * height;
    for (let i = 0; i < plane; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = x[i + (channels === 3 ? c * plane : 0)];
      image.data[4 * i + 3] = mask[i] ? 255 : 0;
    }
    context.putImageData(image, 0, 0);
    note.hidden = mask.includes(0);
  };

  /** Every pixel within reach of the way from a to b. */
  const rub = (from, to) => {
    const distance = distanceTo(from, to);
    for (let row = 0, i = 0; row < height; row++) {
      for (let column = 0; column < width; column++, i++) {
        if (distance(column, row) < (RADIUS * width) / 28) mask[i] = 0;
      }
    }
    show();
    onChange();
  };
  canvas.onpointerdown = (event) => {
    if (held || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    held = { id: event.pointerId, at: pointOf(event, canvas) };
    rub(held.at, held.at);
  };
  canvas.onpointermove = (event) => {
    if (event.pointerId !== held?.id) return;
    const to = pointOf(event, canvas);
    rub(held.at, to);
    held.at = to;
  };
  canvas.onlostpointercapture = (event) => {
    if (event.pointerId !== held?.id) return;
    held = null;
    onRest();
  };
  canvas.onkeydown = (event) => {
    const step = stepOf(event);
    if (!step) return;
    event.preventDefault();
    const from = key ?? [width / 2, height / 2];
    key = moved(from, step, canvas);
    cursor.style.left = `${(100 * key[0]) / width}%`;
    cursor.style.top = `${(100 * key[1]) / height}%`;
    if (event.key === " " || event.shiftKey) {
      rub(from, key);
      onRest();
    }
    const [column, row] = key.map(Math.floor);
    announce(place({ row: row + 1, column: column + 1, known: mask[row * width + column] === 1 }));
  };
  show();

  return {
    sheet,
    /** Pixel (row, column) is known where `known` says so. */
    set(known) {
      for (let i = 0; i < mask.length; i++) mask[i] = Number(known(Math.floor(i / width), i % width));
      show();
      onChange();
      onRest();
    },
  };
}
