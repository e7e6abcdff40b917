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
  const cards = new Map(); // id -> { card, show }
  const add = element("button", { class: "add", type: "button", "data-testid": "add-bookmark", "data-focus": "add" },
    "+ Bookmark this");
  add.onclick = () => tell("add", { z: Array.from(currentZ()), checkpoint: currentCheckpoint() });
  const hint = element("span", { class: "hint" });
  const shelf = element("ul", { class: "shelf" });
  root.append(element("div", { class: "bar" }, add, hint), shelf);

  const side = (id, letter) => {
    const button = element("button", {
      class: "side", type: "button", "data-focus": `${id} ${letter}`, title: `Compare it as ${letter}`,
    }, letter);
    button.onclick = () => tell("compare", { id, side: letter });
    return button;
  };

  /** A bookmark's card, made once; `show` tells it what may have changed. */
  const makeCard = (id) => {
    const canvas = element("canvas");
    const go = element("button", { class: "go", type: "button", "data-focus": `${id} go` }, canvas);
    go.onclick = () => tell("go", { id });
    const label = element("input", {
      type: "text", maxlength: 60, "aria-label": "Name of the bookmark", "data-focus": `${id} name`,
      spellcheck: "false", autocomplete: "off",
    });
    label.onchange = () => {
      label.value = label.value.trim() || shown.find((one) => one.id === id).name; // it needs one
      tell("rename", { id, name: label.value });
    };
    label.onkeydown = (event) => {
      if (event.key === "Enter") label.blur();
    };
    const remove = element("button", {
      class: "remove", type: "button", "data-focus": `${id} remove`,
    }, "×");
    remove.onclick = () => tell("remove", { id });
    const sides = [side(id, "A"), side(id, "B")];
    const card = element("li", { "data-testid": "bookmark" }, go, remove, label,
      element("div", { class: "sides" }, ...sides));

    const show = (name, n, { pixels, channels, height, width, compared }) => {
      paintInto(canvas, { pixels, channels, height, width }, n * channels * height * width);
      // A name that is being typed is the hand's until it is done.
      if (label.getRootNode().activeElement !== label) label.value = name;
      for (const [button, does] of [[go, "Go to"], [remove, "Remove"]]) {
        button.title = `${does} ${name}`;
        button.setAttribute("aria-label", button.title);
      }
      sides.forEach((button, i) => {
        button.setAttribute("aria-pressed", compared[i] === id);
        button.setAttribute("aria-label", `Compare ${name} as ${button.textContent}`);
      });
    };
    return { card, show };
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
    const gone = ({ id }) => !bookmarks.some((one) => one.id === id);
    const after = shown.slice(shown.findIndex(gone) + 1);
    keepFocus(root, () => {
      for (const { id } of shown.filter(gone)) {
        cards.get(id).card.remove();
        cards.delete(id);
      }
      bookmarks.forEach(({ id, name }, n) => {
        if (!cards.has(id)) cards.set(id, makeCard(id));
        const { card, show } = cards.get(id);
        // One that stays in its place keeps caret and focus.
        if (shelf.children[n] !== card) shelf.insertBefore(card, shelf.children[n] ?? null);
        show(name, n, pictures);
      });
    }, ...after.map(({ id }) => `${id} remove`), ...bookmarks.slice(-1).map(({ id }) => `${id} remove`), "add");
    shown = bookmarks;
  };
});
