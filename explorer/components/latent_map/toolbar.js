// The row above the map: what a press does, the whole view again, saving; and the classes to toggle.

import { element } from "../element.js";

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  move: "M8 2v12M2 8h12M8 2 6 4M8 2l2 2M8 14l-2-2M8 14l2-2M2 8l2-2M2 8l2 2M14 8l-2-2M14 8l-2 2",
  pan: "M5 8V4.2a1 1 0 0 1 2 0V7M7 7V3a1 1 0 0 1 2 0v4M9 7V3.8a1 1 0 0 1 2 0V8M11 8V6a1 1 0 0 1 2 0v4c0 3-2 4-4 4S6 13 5 11.500L3 9a1 1 0 0 1 2-1",
  lasso: "M8 3c3.3 0 6 1.6 6 3.700S11.3 10.4 8 10.4 2 8.8 2 6.7 4.7 3 8 3M5 10c-1.5.6-1.5 2.6 0 2.600s1.4 1.4.4 1.9",
  box: "M2.5 3.500h2M6.5 3.500h3M11.5 3.500h2v2M13.5 7.500v2M13.5 11.500v1h-2M9.5 12.500h-3M4.5 12.500h-2v-1M2.5 9.500v-2M2.5 5.500v-2",
  within: "M2 5V2h3M11 2h3v3M14 11v3h-3M5 14H2v-3M5 8.500l2 2 4-4.500",
  reset: "M3 8a5 5 0 1 0 1.6-3.700M3 3v2.500h2.5",
};

function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

const MODES = {
  move: ["Move", "Drag anywhere: z follows. Click a dot to load it."],
  pan: ["Pan", "Drag the map itself; the wheel zooms in every mode."],
  lasso: ["Lasso", "Draw around dots to select them."],
  box: ["Box", "Draw a box around dots to select them."],
};

/** The row above the map: what a press does, the whole view again, saving. */
export function toolbar({ onMode, onReset, onSelect, onSave }) {
  const button = (name, title, ...content) =>
    element("button", { type: "button", title, "aria-label": name }, ...content);
  const label = (text) => element("span", { class: "label" }, text);
  const modes = Object.entries(MODES).map(([id, [name, title]]) => {
    const made = button(name, `${name}: ${title}`, icon(id), label(name));
    made.onclick = () => choose(id);
    return [id, made];
  });
  const choose = (chosen) => {
    for (const [id, made] of modes) made.setAttribute("aria-pressed", id === chosen);
    onMode(chosen);
  };
  const reset = button("Reset view", "Show the whole map again", icon("reset"), label("Reset view"));
  reset.onclick = onReset;
  const within = button("Select in view",
    "Select all dots in view, of the classes that are shown", icon("within"), label("Select in view"));
  within.onclick = onSelect;
  const saves = ["PNG", "SVG", "HTML"].map((format) => {
    const made = button(`Save as ${format}`, `Save the map as it is as ${format}`, format);
    made.onclick = () => onSave(format.toLowerCase());
    return made;
  });
  const group = (name, ...content) =>
    element("div", { class: "group", role: "group", "aria-label": name }, ...content);
  const bar = element("div", { class: "toolbar" },
    group("What a press does", ...modes.map(([, made]) => made)),
    group("View", within, reset),
    group("Save the map", element("span", { class: "label word" }, "Save"), ...saves));
  return { bar, choose };
}

/** The classes with their colours: a click hides one, a double click leaves it alone on the map. */
export function legend(classes, hidden, onHidden) {
  const buttons = classes.map(({ name, marker }) => {
    const dot = element("i");
    dot.style.background = marker.color;
    const made = element("button", {
      type: "button",
      title: `Hide or show ${name}; a double click shows it alone`,
      "data-testid": `map-class-${name}`,
    }, dot, name);
    return [name, made];
  });
  const show = (next) => {
    for (const [name, made] of buttons) made.setAttribute("aria-pressed", !next.has(name));
  };
  const change = (next) => {
    hidden = next;
    show(hidden);
    onHidden(hidden);
  };
  for (const [name, made] of buttons) {
    made.onclick = (event) => {
      const others = classes.map((one) => one.name).filter((other) => other !== name);
      if (event.detail === 2) {
        const alone = others.every((other) => hidden.has(other));
        return change(new Set(alone ? [] : others));
      }
      const next = new Set(hidden);
      if (!next.delete(name)) next.add(name);
      change(next);
    };
  }
  show(hidden);
  return classes.length > 1 ? buttons.map(([, made]) => made) : [];
}
