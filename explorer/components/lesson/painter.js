// The picture to damage: rubbing makes pixels unknown, and the sheet's hatch shows through them.

import { element } from "../element.js";

const RADIUS = 2.2; // pixels of the picture
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0] };

/** `onChange()` after every change of the mask, `onRest()` when the hand lets go. */
export function makePainter({ x, shape, mask, label, hint, onChange, onRest }) {
  const [channels, height, width] = shape;
  const canvas = element("canvas", {
    width, height, tabindex: "0", role: "application", "aria-label": label, "data-testid": "lesson-damaged",
  });
  const cursor = element("div", { class: "cursor" });
  const note = element("span", { class: "hint" }, hint);
  const sheet = element("div", { class: "sheet" }, canvas, cursor, note);
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
  const rub = ([x0, y0], [x1, y1]) => {
    const length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
    for (let row = 0, i = 0; row < height; row++) {
      for (let column = 0; column < width; column++, i++) {
        const [dx, dy] = [column + 0.5 - x0, row + 0.5 - y0];
        const along = length && Math.min(Math.max((dx * (x1 - x0) + dy * (y1 - y0)) / length, 0), 1);
        if (Math.hypot(dx - along * (x1 - x0), dy - along * (y1 - y0)) < (RADIUS * width) / 28) mask[i] = 0;
      }
    }
    show();
    onChange();
  };
  const position = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  };
  canvas.onpointerdown = (event) => {
    if (held || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    held = { id: event.pointerId, at: position(event) };
    rub(held.at, held.at);
  };
  canvas.onpointermove = (event) => {
    if (event.pointerId !== held?.id) return;
    const to = position(event);
    rub(held.at, to);
    held.at = to;
  };
  canvas.onlostpointercapture = (event) => {
    if (event.pointerId !== held?.id) return;
    held = null;
    onRest();
  };
  canvas.onkeydown = (event) => {
    const step = ARROWS[event.key];
    if (!step || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const from = key ?? [width / 2, height / 2];
    key = [
      Math.min(Math.max(from[0] + step[0], 0.5), width - 0.5),
      Math.min(Math.max(from[1] + step[1], 0.5), height - 0.5),
    ];
    cursor.style.left = `${(100 * key[0]) / width}%`;
    cursor.style.top = `${(100 * key[1]) / height}%`;
    if (event.key === " " || event.shiftKey) {
      rub(from, key);
      onRest();
    }
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
