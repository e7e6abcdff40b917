// What the pointer and the keyboard do on the map, as words: move, click, outline, hover.

import { ARROWS } from "../access.js";

const SLOP = 5; // px a press may wander and still be a click
const REACH = { mouse: 6, pen: 8, touch: 16 }; // px from a dot that still mean it
const STEPS = 60; // of an arrow key across what is visible; with Shift five at once
const ZOOM = { "+": 0.7, "=": 0.7, "-": 1 / 0.7 }; // of what is visible, by these keys
const SVG = "http://www.w3.org/2000/svg";

/**
 * `on` holds what happens: drag(px), release(), click(px, reach), outline([px, ...]), hover(px,
 * reach), leave(), and by keys nudge(dx, dy), zoom(by), whole(). All px are of the stage. In mode "pan" presses go through to
 * Plotly; the marker can be taken in every mode.
 */
export function followHand({ stage, surface, marker, frame, mode, on }, ended) {
  const svg = document.createElementNS(SVG, "svg");
  const outline = document.createElementNS(SVG, "path");
  svg.classList.add("outline");
  svg.append(outline);
  stage.append(svg);
  let held = null; // { id, start, what, path }

  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const hear = (target, type, handler) => target.addEventListener(type, handler, { signal: ended });

  const press = (event) => {
    if (event.button !== 0 || held || !frame.ready) return;
    const byMarker = event.currentTarget === marker;
    const what = byMarker ? "move" : mode();
    event.currentTarget.setPointerCapture(event.pointerId);
    event.preventDefault();
    if (what === "move") marker.focus({ preventScroll: true });
    held = { id: event.pointerId, start: at(event), what, path: [at(event)], byMarker, moved: false };
    on.leave();
  };

  const move = (event) => {
    const here = at(event);
    if (!held) {
      if (event.buttons || event.pointerType === "touch" || !frame.ready || !isWithin(here)) on.leave();
      else on.hover(here, REACH[event.pointerType] ?? REACH.mouse);
      return;
    }
    if (event.pointerId !== held.id) return;
    held.moved ||= Math.hypot(here[0] - held.start[0], here[1] - held.start[1]) > SLOP;
    if (!held.moved) return;
    if (held.what === "move") {
      stage.classList.add("dragging");
      on.drag(clamped(here));
      return;
    }
    const [x, y] = clamped(here);
    const [x0, y0] = held.start;
    if (held.what === "box") held.path = [[x0, y0], [x, y0], [x, y], [x0, y]];
    else held.path.push([x, y]);
    outline.setAttribute("d", `M${held.path.join("L")}Z`);
  };

  const lift = (event) => {
    if (!held || event.pointerId !== held.id) return;
    const { what, moved, path, byMarker, start } = held;
    held = null;
    stage.classList.remove("dragging");
    outline.removeAttribute("d");
    if (what !== "move" && moved) on.outline(path);
    else if (moved) on.release();
    else if (!byMarker && event.type === "pointerup") {
      on.click(start, REACH[event.pointerType] ?? REACH.mouse);
    }
  };

  const isWithin = ([x, y]) => {
    const { left, top, width, height } = frame.box();
    return x >= left && y >= top && x <= left + width && y <= top + height;
  };

  const clamped = ([x, y]) => {
    const { left, top, width, height } = frame.box();
    return [Math.min(Math.max(x, left), left + width), Math.min(Math.max(y, top), top + height)];
  };

  for (const target of [surface, marker]) {
    hear(target, "pointerdown", press);
    hear(target, "pointerup", lift);
    hear(target, "lostpointercapture", lift);
  }
  hear(stage, "pointermove", move);
  hear(stage, "pointerleave", () => held || on.leave());

  // Zooming is Plotly's; it hears the wheel only where its own layer is on top.
  const pass = (event) => {
    event.preventDefault();
    stage.querySelector(".nsewdrag")?.dispatchEvent(new WheelEvent("wheel", event));
  };
  for (const target of [surface, marker]) {
    target.addEventListener("wheel", pass, { signal: ended, passive: false });
  }

  // In mode "pan" Plotly has the press; a press that does not wander is still a click.
  let pressed = null;
  stage.addEventListener("pointerdown", (event) => {
    pressed = mode() === "pan" && event.button === 0 && event.target !== marker ? at(event) : null;
  }, { capture: true, signal: ended });
  hear(window, "pointerup", (event) => {
    const start = pressed;
    pressed = null;
    if (!start || !frame.ready || !isWithin(start)) return;
    const [x, y] = at(event);
    if (Math.hypot(x - start[0], y - start[1]) <= SLOP) on.click(start, REACH[event.pointerType] ?? REACH.mouse);
  });

  const middleOf = (target) => {
    const [box, around] = [target, stage].map((each) => each.getBoundingClientRect());
    return [box.x - around.x + box.width / 2, box.y - around.y + box.height / 2];
  };
  hear(marker, "keydown", (event) => {
    if (!frame.ready || event.ctrlKey || event.metaKey || event.altKey) return;
    const [left, right] = frame.ranges();
    const step = ((right - left) / STEPS) * (event.shiftKey ? 5 : 1);
    if (ARROWS[event.key]) on.nudge(ARROWS[event.key][0] * step, -ARROWS[event.key][1] * step);
    else if (ZOOM[event.key]) on.zoom(ZOOM[event.key]);
    else if (event.key === "0") on.whole();
    else if (event.key === "Enter") on.click(middleOf(marker), Infinity);
    else return;
    event.preventDefault();
  });

  return { isHeld: () => held !== null };
}
