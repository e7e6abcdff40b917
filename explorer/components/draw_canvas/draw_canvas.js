// A canvas to draw on, white on black as MNIST is. Mouse, pen and touch alike, and arrow keys. Every
// action is kept, clearing too, so that undo takes back anything.

import { announcer } from "../access.js";
import { component } from "../component.js";
import { element } from "../element.js";
import { pointOf, stepOf } from "../painting.js";

const SIDE = 280; // px of the picture that is sent, ten times a digit
const STEP = 10; // px of it that an arrow key goes
const REST = 300; // ms after the last key, when the drawing is sent
const BRUSH = { least: 8, most: 44, start: 22 }; // px of that picture

// What was drawn last on this page, for a server that was restarted: { session, content }.
let sketch = null;

export default component("draw-canvas", (root) => {
  const canvas = element("canvas", {
    width: SIDE,
    height: SIDE,
    "data-testid": "draw-canvas",
    tabindex: "0",
    role: "application",
  });
  const ring = element("div", { class: "ring" });
  const size = element("input", {
    type: "range", min: BRUSH.least, max: BRUSH.most, value: BRUSH.start,
  });
  const erase = element("button", { type: "button", "aria-pressed": "false" });
  const undo = element("button", { type: "button" });
  const clear = element("button", { type: "button" });
  const hint = element("div", { class: "hint" });
  const sheet = element("div", { class: "sheet" }, canvas, ring, hint);
  const brushName = element("span");
  const brush = element("label", { class: "brush" }, brushName, size);
  root.append(sheet, element("div", { class: "tools" }, brush, erase, undo, clear));

  const context = canvas.getContext("2d", { willReadFrequently: true });
  let actions = []; // { image } | { clear: true } | { points, width, erase }
  let setStateValue;
  let session = null; // Python's; a new one knows nothing of what was drawn
  let commits = 0; // in all, so that the same drawing told again is a change

  const paintStroke = ({ points, width, erase: erasing }, from = 0) => {
    context.strokeStyle = context.fillStyle = erasing ? "#000" : "#fff";
    context.lineWidth = width;
    context.lineCap = context.lineJoin = "round";
    // Segment by segment, so that a repaint gives the very pixels that the moving hand gave.
    const ends = points.length === 1 ? [points[0], points[0]] : points;
    for (let i = from + 1; i < ends.length; i++) {
      context.beginPath();
      context.moveTo(...ends[i - 1]);
      context.lineTo(...ends[i]);
      context.stroke();
    }
  };

  const repaint = () => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, SIDE, SIDE);
    const start = actions.findLastIndex((action) => action.clear) + 1;
    for (const action of actions.slice(start)) {
      if (action.image) context.drawImage(action.image, 0, 0, SIDE, SIDE);
      else paintStroke(action);
    }
    showTools();
  };

  const isBlank = () => !context.getImageData(0, 0, SIDE, SIDE).data.some((v, i) => i % 4 === 0 && v);
  const showTools = () => {
    undo.disabled = actions.length === 0;
    clear.disabled = isBlank();
    hint.hidden = !clear.disabled;
  };

  const send = () => {
    showTools();
    const content = clear.disabled ? "" : canvas.toDataURL("image/png").split(",")[1];
    commits += 1;
    sketch = { session, content };
    setStateValue("png", { content, commit: `${session} ${commits}` });
  };

  let stroke = null;
  canvas.onpointerdown = (event) => {
    if (stroke || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    const erasing = erase.getAttribute("aria-pressed") === "true";
    stroke = {
      points: [pointOf(event, canvas)], width: size.valueAsNumber, erase: erasing, id: event.pointerId,
    };
    hint.hidden = true;
    paintStroke(stroke);
  };
  canvas.onpointermove = (event) => {
    if (event.pointerId !== stroke?.id) return;
    const from = stroke.points.length - 1;
    // A fast hand makes several points a frame; all of them belong to the stroke.
    const seen = event.getCoalescedEvents?.() ?? [];
    for (const each of seen.length ? seen : [event]) stroke.points.push(pointOf(each, canvas));
    paintStroke(stroke, from);
  };
  canvas.onlostpointercapture = (event) => {
    if (event.pointerId !== stroke?.id) return;
    actions.push(stroke);
    stroke = null;
    send();
  };

  erase.onclick = () => {
    const on = erase.getAttribute("aria-pressed") !== "true";
    erase.setAttribute("aria-pressed", on);
  };
  undo.onclick = () => {
    actions.pop();
    repaint();
    send();
  };
  clear.onclick = () => {
    actions.push({ clear: true });
    repaint();
    send();
  };

  let cursor = [SIDE / 2, SIDE / 2]; // of the keyboard
  let keyed = null; // the stroke that Shift goes on with
  let sending = 0;
  const announce = announcer(sheet, REST);
  const placeRing = () => {
    const scale = canvas.clientWidth / SIDE;
    const across = size.valueAsNumber * scale;
    ring.style.width = ring.style.height = `${across}px`;
    ring.style.transform = `translate(${cursor.map((at) => `${at * scale - across / 2}px`).join()})`;
  };
  canvas.onfocus = size.oninput = placeRing;
  canvas.onkeydown = (event) => {
    const step = stepOf(event);
    if (!step || stroke) return;
    event.preventDefault();
    const from = cursor;
    cursor = cursor.map((at, axis) => Math.min(Math.max(at + STEP * step[axis], 0), SIDE));
    placeRing();
    announce(`${cursor.map((at) => Math.round((100 * at) / SIDE)).join("% across, ")}% down`);
    if (event.key !== " " && !event.shiftKey) {
      keyed = null;
      return;
    }
    if (keyed === null || keyed !== actions.at(-1)) {
      const erasing = erase.getAttribute("aria-pressed") === "true";
      keyed = { points: [from], width: size.valueAsNumber, erase: erasing };
      actions.push(keyed);
    }
    keyed.points.push(cursor);
    paintStroke(keyed, keyed.points.length - 2);
    showTools();
    clearTimeout(sending);
    sending = setTimeout(send, REST);
  };

  repaint();
  let started = false;

  return ({ data, setStateValue: tell }) => {
    setStateValue = tell;
    const { words } = data;
    hint.textContent = words.hint;
    canvas.setAttribute("aria-label", words.canvas);
    brushName.textContent = words.brush;
    size.setAttribute("aria-label", words.size);
    [erase.textContent, undo.textContent, clear.textContent] = [words.erase, words.undo, words.clear];
    const restarted = session !== null && data.session !== session;
    session = data.session;
    if (restarted && actions.length) send();
    if (started) return; // from here on the canvas knows better than its echo
    started = true;
    const unheard = sketch && sketch.session !== session;
    const drawing = unheard ? sketch.content : data.drawing;
    if (!drawing) return;
    const image = new Image();
    image.onload = () => {
      actions.unshift({ image });
      repaint();
      if (unheard) send();
    };
    image.src = `data:image/png;base64,${drawing}`;
  };
});
