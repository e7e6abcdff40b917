// Three steps for a first visit, each above what it speaks of: picture, sliders, map. Dismissed once,
// they never come back in this browser, unless somebody asks for them.

import { component } from "../component.js";
import { element } from "../element.js";

const KEPT = "latent-explorer:introduction"; // what is kept of a model begins with latent-explorer/
const SVG = "http://www.w3.org/2000/svg";
// A digit of pixels; a track with its thumb; dots with the marker among them.
const DRAWINGS = [
  ["M5 5h14v14H5zM9 9h6M15 9l-4 7"],
  ["M3 8h18M3 16h18", "M12 8a2.500 2.500 0 1 0 5 0a2.500 2.500 0 1 0-5 0M5 16a2.500 2.500 0 1 0 5 0a2.500 2.500 0 1 0-5 0"],
  ["M5 6h.01M8 4h.01M6 10h.01M4 17h.01M8 19h.01M18 5h.01M20 9h.01M19 18h.01M16 20h.01", "M10 12a3 3 0 1 0 6 0a3 3 0 1 0-6 0"],
];

let shownAgain = 0; // how often it was asked for that has been heard
let dismissed = false; // in this page, should the browser keep nothing

const wasDismissed = () => {
  try {
    return dismissed || localStorage.getItem(KEPT) !== null;
  } catch {
    return dismissed;
  }
};
const keep = (value) => {
  dismissed = value;
  try {
    if (value) localStorage.setItem(KEPT, "dismissed");
    else localStorage.removeItem(KEPT);
  } catch {
    // storage is forbidden: it lasts as long as the page
  }
};

function drawing(paths) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const [n, d] of paths.entries()) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    if (n) path.classList.add("accent");
    svg.append(path);
  }
  return svg;
}

const steps = ({ noun, z_dim }) => [
  [`${z_dim} number${z_dim === 1 ? "" : "s"}`,
    `The decoder draws this ${noun} from z, which the sliders hold.`],
  ["Drag a slider",
    `The ${noun} follows while you drag. Each track shows what lies along it.`],
  ["Or drag on the map",
    `Every dot is a test ${noun}; click one to load it. The other panels repair, walk and train; Learn begins from the start.`],
];

export default component("introduction", (root, _listen, ended) => {
  const list = element("ol");
  const close = element("button", { type: "button", "data-testid": "introduction-close", title: "Escape" },
    "Got it");
  root.tabIndex = -1;
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", "Introduction in three steps");
  root.append(list, close);

  const show = (visible) => {
    root.hidden = !visible;
  };
  const dismiss = () => {
    const focused = root.contains(root.getRootNode().activeElement);
    keep(true);
    show(false);
    // Who came here by keyboard goes on from here, and not from the top of the page.
    if (focused) document.querySelector("[data-testid=stMain]")?.focus({ preventScroll: true });
  };
  close.onclick = dismiss;
  window.addEventListener("keydown", (event) => {
    const elsewhere = document.activeElement !== document.body && !event.composedPath().includes(root);
    if (event.key === "Escape" && !root.hidden && !elsewhere && !event.defaultPrevented) dismiss();
  }, { signal: ended });

  return ({ data }) => {
    list.replaceChildren(...steps(data).map(([title, told], n) =>
      element("li", {}, drawing(DRAWINGS[n]),
        element("div", {}, element("strong", {}, title), element("p", {}, told)))));
    const asked = data.again > shownAgain;
    shownAgain = data.again;
    if (asked) keep(false);
    show(!wasDismissed());
    if (asked) root.focus();
  };
});
