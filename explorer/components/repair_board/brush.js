// The damaged picture as a sheet to paint on, pixel by pixel of the model: what is shown is exactly
// what is repaired. Missing pixels are left clear, and the sheet's hatch shows through.

import { announcer } from "../access.js";
import { element } from "../element.js";
import { distanceTo, moved, pointOf, stepOf } from "../painting.js";
import { paint } from "./pictures.js";

const SIZE = { least: 1, most: 12, start: 4, step: 0.5 }; // pixels of the picture, across
const MOST_UNDO = 100;
const TOOLS = {
  erase: ["Erase", "Make pixels unknown"],
  restore: ["Restore", "Make pixels known again, as they were"],
  ink: ["Ink", "Draw white ink"],
};

/** `onChange(since)` after every change; `onRest()` when the hand lets go. */
export function makeBrush({ onChange, onRest }) {
  const canvas = element("canvas", {
    "data-testid": "repair-damaged",
    tabindex: "0",
    role: "application",
    "aria-label": "The damaged picture. Paint with mouse, pen or finger; or move with the arrow " +
      "keys and press Space, or hold Shift, to paint.",
  });
  const ring = element("div", { class: "ring" });
  const sheet = element("div", { class: "sheet" }, canvas, ring);
  const size = element("input", { type: "range", ...attributesOf(SIZE), "aria-label": "Brush size" });
  const undo = element("button", { type: "button", title: "Ctrl+Z" }, "Undo");
  const reset = element("button", { type: "button", title: "Back to the damage as it began" }, "Reset");
  const choices = Object.entries(TOOLS).map(([id, [label, title]]) => {
    const button = element("button", { type: "button", title, "data-testid": `brush-${id}` }, label);
    button.onclick = () => choose(id);
    return [id, button];
  });
  const tools = element("div", { class: "tools" },
    element("div", { class: "choice", role: "group", "aria-label": "Brush" },
      ...choices.map(([, button]) => button)),
    element("label", {}, "Size", size),
    undo, reset);

  const announce = announcer(sheet, 150); // a held key is heard when it comes to rest
  let picture = { image: new Uint8Array(0), mask: new Uint8Array(0) };
  let start = picture; // what Reset goes back to, and what Restore restores
  let [width, height] = [0, 0];
  let past = []; // pictures as they were before each stroke
  let tool = "erase";
  let stroke = null; // { id of the pointer, at: [x, y] }
  let cursor = null; // [x, y] in pixels of the picture, for keys and the ring

  const copy = ({ image, mask }) => ({ image: image.slice(), mask: mask.slice() });
  const same = (a, b) => a.mask.every((v, i) => v === b.mask[i])
    && a.image.every((v, i) => v === b.image[i] || !a.mask[i % a.mask.length]);

  const show = () => {
    const { image, mask } = picture;
    paint(canvas, image, width, height, { mask });
    undo.disabled = past.length === 0;
    reset.disabled = same(picture, start);
  };

  const choose = (id) => {
    tool = id;
    for (const [other, button] of choices) button.setAttribute("aria-pressed", other === id);
    sheet.dataset.tool = id;
  };

  const remember = () => {
    past.push(copy(picture));
    if (past.length > MOST_UNDO) past.shift();
  };

  /** One segment of a stroke; every pixel whose middle it covers changes. */
  const stamp = (from, to) => {
    const { image, mask } = picture;
    const radius = Math.max(size.valueAsNumber / 2, 0.71); // at least the pixel that is pointed at
    const distance = distanceTo(from, to);
    let changed = false;
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const cover = Math.min(Math.max(radius + 0.5 - distance(x, y), 0), 1);
        if (cover < (tool === "ink" ? 0.1 : 0.5)) continue;
        const known = tool === "erase" ? 0 : 1;
        for (let at = i; at < image.length; at += width * height) { // the pixel in every channel
          let level = image[at];
          if (tool === "ink") level = Math.max(mask[i] ? level : 0, Math.round(255 * cover));
          if (tool === "restore") level = start.image[at];
          changed ||= image[at] !== level;
          image[at] = level;
        }
        changed ||= mask[i] !== known;
        mask[i] = known;
      }
    }
    return changed;
  };

  const place = () => {
    const pixel = canvas.clientWidth / width;
    const across = Math.max(size.valueAsNumber, 1) * pixel;
    ring.style.width = ring.style.height = `${across}px`;
    if (cursor) ring.style.transform = `translate(${cursor[0] * pixel - across / 2}px, ${cursor[1] * pixel - across / 2}px)`;
  };

  canvas.onpointerdown = (event) => {
    if (stroke || event.button !== 0) return;
    const since = performance.now();
    canvas.setPointerCapture(event.pointerId);
    remember();
    stroke = { id: event.pointerId, at: pointOf(event, canvas) };
    const changed = stamp(stroke.at, stroke.at);
    show();
    if (changed) onChange(since);
  };
  canvas.onpointermove = (event) => {
    const since = performance.now();
    cursor = pointOf(event, canvas);
    if (event.pointerId === stroke?.id) {
      // A fast hand makes several points a frame; all of them belong to the stroke.
      const seen = event.getCoalescedEvents?.() ?? [];
      let changed = false;
      for (const each of seen.length ? seen : [event]) {
        const to = pointOf(each, canvas);
        changed = stamp(stroke.at, to) || changed;
        stroke.at = to;
      }
      if (changed) {
        show();
        onChange(since);
      }
    }
    place();
  };
  canvas.onlostpointercapture = (event) => {
    if (event.pointerId !== stroke?.id) return;
    stroke = null;
    if (same(picture, past.at(-1))) past.pop(); // a stroke over nothing is none
    show();
    onRest();
  };
  canvas.onkeydown = (event) => {
    const step = stepOf(event);
    if (!step) return;
    event.preventDefault();
    const from = cursor ?? [width / 2, height / 2];
    cursor = moved(from, step, canvas);
    place();
    if (event.key === " " || event.shiftKey) act(() => stamp(from, cursor));
    const [x, y] = cursor.map(Math.floor);
    announce(`row ${y + 1}, column ${x + 1}: ${picture.mask[y * width + x] ? "known" : "missing"}`);
  };
  sheet.onpointerleave = () => {
    if (canvas.getRootNode().activeElement !== canvas) cursor = null;
  };
  size.oninput = place;

  /** A change that is no stroke: one step to undo. */
  const act = (change) => {
    remember();
    change();
    if (same(picture, past.at(-1))) past.pop();
    show();
    onChange(performance.now());
    onRest();
  };
  undo.onclick = () => {
    if (stroke) return; // what it would take back is still being made
    picture = past.pop();
    show();
    onChange(performance.now());
    onRest();
  };
  reset.onclick = () => act(() => { picture = copy(start); });
  choose(tool);

  return {
    sheet,
    tools,
    held: () => stroke !== null,
    picture: () => picture,
    undo: () => undo.click(), // a disabled button does nothing

    /** Begin with `now`; Reset goes back to `from`. */
    load(now, from, size_) {
      [width, height] = size_;
      picture = copy(now);
      start = copy(from);
      past = [];
      stroke = null; // whatever of it is to come was meant for the picture before
      show();
    },
  };
}

const attributesOf = ({ least: min, most: max, start: value, step }) => ({ min, max, step, value });
