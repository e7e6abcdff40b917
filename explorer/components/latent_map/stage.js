// The map's own elements, above and below Plotly's.

import { announcer } from "../access.js";
import { element } from "../element.js";

const REST = 300; // ms that a message must stay to be told to who cannot see it
const KEYS = "Arrow keys or dragging move it, with Shift further; plus and minus zoom, 0 shows the "
  + "whole map, Enter loads the nearest dot.";

export function makeStage() {
  const plot = element("div", { class: "plot", "data-testid": "latent-map" });
  const surface = element("div", { class: "surface" });
  const guide = element("div", { class: "guide" });
  const marker = element("div", {
    class: "marker", tabindex: "0", role: "application", "aria-roledescription": "marker",
    "aria-label": `The current z on the map. ${KEYS}`,
  });
  const message = element("div", { class: "message" });
  const classBar = element("div", { class: "classes", role: "group", "aria-label": "Classes" });
  const stage = element("div", { class: "stage" }, plot, surface, guide, marker);
  const announce = announcer(stage, REST);
  return { plot, surface, guide, marker, message, announce, classBar, stage };
}
