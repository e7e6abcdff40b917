// What components share for people who use a keyboard or a screen reader.

import { element } from "./element.js";

const HIDDEN = "position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap";

/**
 * A line of `root` that is heard and not seen. The function that comes back takes its text; what
 * is said within `rest` ms after it replaces it unheard, so that a moving hand floods nobody.
 */
export function announcer(root, rest = 0) {
  const line = element("div", { role: "status", style: HIDDEN });
  root.append(line);
  let timer = 0;
  return (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (line.textContent !== text) line.textContent = text;
    }, rest);
  };
}

/**
 * Build the elements of `root` anew and leave the focus where it was: on the element of the same
 * data-focus. Where that is gone, on the first of `instead` that is there.
 */
export function keepFocus(root, rebuild, ...instead) {
  const focused = root.getRootNode().activeElement;
  const name = root.contains(focused) ? focused.closest("[data-focus]")?.dataset.focus : undefined;
  const find = (wanted) => root.querySelector(`[data-focus="${CSS.escape(wanted)}"]:not(:disabled)`);
  rebuild();
  if (name === undefined) return;
  [name, ...instead].map(find).find(Boolean)?.focus({ preventScroll: true });
}

/** What arrow keys mean in a picture, whose y grows downwards: a step of one pixel. */
export const ARROWS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1],
};
