// A canvas to draw on, white on black as MNIST is. Mouse, pen and touch alike. Every
// action is kept, clearing too, so that undo takes back anything.

import { component, element } from "../live.js";

const SIDE = 280; // px of the picture that is sent, ten times a digit
const BRUSH = { least: 8, most: 44, start: 22 }; // px of that picture

// What was drawn last on this page, for a server that was restarted: { session, content }.
let sketch = null;

export default component("draw-canvas", (root) => {
  const canvas = element("canvas", {
    width: SIDE,
    height: SIDE,
    "data-testid": "draw-canvas",
    role: "img",
  });
  const size = element("input", {
    type: "range", min: BRUSH.least, max: BRUSH.most, value: BRUSH.start, "aria-label": "Brush size",
  });
  const erase = element("button", { type: "button", "aria-pressed": "false" }, "Erase");
  const undo = element("button", { type: "button" }, "Undo");
  const clear = element("button", { type: "button" }, "Clear");
  const hint = element("div", { class: "hint" });
  const sheet = element("div", { class: "sheet" }, canvas, hint);
  const brush = element("label", { class: "brush" }, "Brush", size);
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

  const position = (event) => {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * SIDE,
      ((event.clientY - box.top) / box.height) * SIDE,
    ];
  };

  let stroke = null;
  canvas.onpointerdown = (event) => {
    if (stroke || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    const erasing = erase.getAttribute("aria-pressed") === "true";
    stroke = {
      points: [position(event)], width: size.valueAsNumber, erase: erasing, id: event.pointerId,
    };
    hint.hidden = true;
    paintStroke(stroke);
  };
  canvas.onpointermove = (event) => {
    if (event.pointerId !== stroke?.id) return;
    const from = stroke.points.length - 1;
    // A fast hand makes several points a frame; all of them belong to the stroke.
    const seen = event.getCoalescedEvents?.() ?? [];
    for (const each of seen.length ? seen : [event]) stroke.points.push(position(each));
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

  repaint();
  let started = false;

  return ({ data, setStateValue: tell }) => {
    setStateValue = tell;
    hint.textContent = `Draw ${data.noun}`;
    canvas.setAttribute("aria-label", `Draw ${data.noun} here with mouse, pen or finger`);
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
