// The completions: grouped by what they are, heaviest first. Pointing at one shows it large, a
// click opens it in Explore.

import { element } from "../element.js";
import { paint, picture } from "./pictures.js";

const FIRST = 3; // pictures of an answer before its completions
const LARGE = 168; // px, the preview

const percent = (weight) =>
  weight >= 0.995 ? "100%" : weight >= 0.095 ? `${Math.round(100 * weight)}%` : `${(100 * weight).toFixed(1)}%`;

/** `onPoint(index | null)` when the pointer or the focus rests on one; `onOpen(index)` on a click. */
export function makeAnswers({ onPoint, onOpen }) {
  const list = element("div", { class: "groups", "data-testid": "repair-answers" });
  const large = element("canvas");
  const told = element("span");
  const preview = element("div", { class: "preview", "aria-hidden": "true" }, large, told);
  const room = element("section", { class: "answers" },
    element("h4", {}, "What it may have been"), list, preview);
  let tiles = []; // { button, label }
  let answer = null;

  const tile = (index, group, colour) => {
    const weight = percent(answer.facts.weights[index]);
    const canvas = element("canvas");
    paint(canvas, picture(answer, FIRST + index), answer.width, answer.height);
    const name = group.label === "" ? "An answer" : group.label;
    const button = element("button", {
      type: "button",
      "aria-label": `${name}, weight ${weight}. Open in Explore.`,
      "data-testid": `repair-answer-${index}`,
    }, canvas, element("span", {}, weight));
    button.style.setProperty("--colour", colour);
    button.onpointerenter = button.onfocus = () => onPoint(index);
    button.onpointerleave = button.onblur = () => onPoint(null);
    button.onclick = () => onOpen(index);
    tiles[index] = { button, label: `${name} · ${weight}` };
    return button;
  };

  return {
    room,

    /** All completions of an answer; `colourOf(group)` is a CSS colour. */
    show(next, colourOf) {
      answer = next;
      tiles = [];
      preview.classList.remove("shown");
      room.classList.remove("stale");
      list.replaceChildren(...answer.facts.groups.map((group) => {
        const colour = colourOf(group);
        const named = group.label !== ""; // else nobody knows classes, and all are together
        const head = element("div", { class: "head" },
          named ? `${group.label} · ${percent(group.weight)}` : `${group.members.length} answers`);
        const bar = named ? element("div", { class: "bar" }, element("i")) : "";
        const made = element("div", { class: "group", "data-testid": "repair-group" }, head, bar,
          element("div", { class: "tiles" }, ...group.members.map((index) => tile(index, group, colour))));
        made.style.setProperty("--colour", colour);
        made.style.setProperty("--share", group.weight);
        return made;
      }));
    },

    /** The groups in words. */
    told: () => answer.facts.groups.filter(({ label }) => label !== "")
      .map(({ label, weight }) => `${label}: ${percent(weight)}`).join(", "),

    /** The picture has changed since: these are the answers to another question. */
    outdate: () => room.classList.add("stale"),

    clear() {
      tiles = [];
      list.replaceChildren();
    },

    /** Show one large: beneath all of them, or above it where the window ends before that. */
    point(index) {
      for (const { button } of tiles) button.classList.remove("pointed");
      preview.classList.toggle("shown", index !== null);
      if (index === null) return;
      const { button, label } = tiles[index];
      button.classList.add("pointed");
      paint(large, picture(answer, FIRST + index), answer.width, answer.height);
      told.textContent = `${label} · click: open in Explore`;
      const [here, around] = [button.getBoundingClientRect(), room.getBoundingClientRect()];
      const left = here.left - around.left + here.width / 2 - LARGE / 2;
      preview.style.left = `${Math.max(0, Math.min(left, around.width - LARGE - 18))}px`;
      const below = list.offsetTop + list.offsetHeight + 8;
      const fits = around.top + below + LARGE + 48 < innerHeight;
      preview.style.top = `${fits ? below : here.top - around.top - LARGE - 48}px`;
    },
  };
}
