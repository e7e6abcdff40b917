// Bookmarks of z as a shelf of pictures: a click goes there, names are edited in place, and two of
// them, A and B, can be compared.

import { keepFocus } from "../access.js";
import { component } from "../component.js";
import { element, fromBase64 } from "../element.js";
import { currentCheckpoint, currentZ } from "../live.js";
import { paintInto } from "../pixels.js";

export default component("bookmarks", (root) => {
  let tell; // (kind, details)
  let shown = [];
  const add = element("button", { class: "add", type: "button", "data-testid": "add-bookmark", "data-focus": "add" },
    "+ Bookmark this");
  add.onclick = () => tell("add", { z: Array.from(currentZ()), checkpoint: currentCheckpoint() });
  const hint = element("span", { class: "hint" });
  const shelf = element("ul", { class: "shelf" });
  root.append(element("div", { class: "bar" }, add, hint), shelf);

  const side = ({ id, name }, letter, chosen) => {
    const button = element("button", {
      class: "side", type: "button", "aria-pressed": chosen, "data-focus": `${id} ${letter}`,
      title: `Compare it as ${letter}`, "aria-label": `Compare ${name} as ${letter}`,
    }, letter);
    button.onclick = () => tell("compare", { id, side: letter });
    return button;
  };

  const card = (bookmark, n, { pixels, channels, height, width, compared }) => {
    const { id, name } = bookmark;
    const canvas = element("canvas");
    paintInto(canvas, { pixels, channels, height, width }, n * channels * height * width);
    const go = element("button", {
      class: "go", type: "button", title: `Go to ${name}`, "aria-label": `Go to ${name}`,
      "data-focus": `${id} go`,
    }, canvas);
    go.onclick = () => tell("go", { id });
    const label = element("input", {
      type: "text", value: name, maxlength: 60, "aria-label": "Name of the bookmark",
      "data-focus": `${id} name`, spellcheck: "false", autocomplete: "off",
    });
    label.onchange = () => tell("rename", { id, name: label.value });
    label.onkeydown = (event) => {
      if (event.key === "Enter") label.blur();
    };
    const remove = element("button", {
      class: "remove", type: "button", title: `Remove ${name}`, "aria-label": `Remove ${name}`,
      "data-focus": `${id} remove`,
    }, "×");
    remove.onclick = () => tell("remove", { id });
    return element("li", { "data-testid": "bookmark" }, go, remove, label, element("div", {
      class: "sides",
    }, side(bookmark, "A", compared[0] === id), side(bookmark, "B", compared[1] === id)));
  };

  return ({ data, setTriggerValue }) => {
    tell = (kind, details) => setTriggerValue("event", { kind, ...details });
    const [channels, height, width] = data.shape;
    const pictures = {
      pixels: fromBase64(data.pixels), channels, height, width, compared: data.compared,
    };
    const { bookmarks } = data;
    add.disabled = data.full;
    hint.textContent = data.full
      ? `There are ${bookmarks.length}, as many as are kept. Remove some first.`
      : bookmarks.length ? "" : "A place you like is kept here, in this browser only.";
    // Of one that was removed the focus goes to the next, or to the button above.
    const after = shown.slice(shown.findIndex(({ id }) => !bookmarks.some((one) => one.id === id)) + 1);
    keepFocus(root, () => {
      shelf.replaceChildren(...bookmarks.map((bookmark, n) => card(bookmark, n, pictures)));
    }, ...after.map(({ id }) => `${id} remove`), ...bookmarks.slice(-1).map(({ id }) => `${id} remove`), "add");
    shown = bookmarks;
  };
});
