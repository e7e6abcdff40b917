// Undo and redo of z, by button and by Ctrl+Z and Ctrl+Shift+Z. A step is a place where the hand came
// to rest, or one that Python chose; the list is the page's and begins anew with another model.

import { component } from "../component.js";
import { element } from "../element.js";
import { commit, currentCheckpoint, currentZ, live, setZ, tellAgain } from "../live.js";

const MOST = 200;

let of = null; // the checkpoint that the steps belong to
let steps = [];
let now = -1;

const same = (a, b) => a.length === b.length && a.every((value, d) => value === b[d]);

function remember() {
  const z = currentZ();
  if (!z.length) return;
  if (of !== currentCheckpoint()) [of, steps, now] = [currentCheckpoint(), [], -1];
  if (now >= 0 && same(steps[now], z)) return;
  steps = [...steps.slice(0, now + 1), z].slice(-MOST);
  now = steps.length - 1;
}
live.addEventListener("settled", remember);

const isWriting = (event) => {
  const target = event.composedPath()[0];
  return target.isContentEditable || target.tagName === "TEXTAREA"
    || (target.tagName === "INPUT" && target.type !== "range");
};

export default component("history", (root, listen, ended) => {
  let setStateValue;
  const button = (label, keys, by) => {
    const made = element("button", { type: "button", title: keys, "aria-keyshortcuts": keys }, label);
    made.onclick = () => step(by);
    return made;
  };
  const undo = button("↶ Undo", "Control+Z", -1);
  const redo = button("↷ Redo", "Control+Shift+Z", 1);
  root.append(undo, redo);

  const show = () => {
    undo.disabled = now <= 0;
    redo.disabled = now >= steps.length - 1;
  };

  const step = (by) => {
    if (!steps[now + by]) return;
    now += by;
    setZ(steps[now]);
    commit(setStateValue);
    show();
  };

  window.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || isWriting(event)) return;
    const key = event.key.toLowerCase();
    const by = key === "z" ? (event.shiftKey ? 1 : -1) : key === "y" ? 1 : 0;
    if (!by) return;
    event.preventDefault();
    step(by);
  }, { signal: ended });

  listen("settled", show);

  return (args) => {
    ({ setStateValue } = args);
    tellAgain(setStateValue);
    remember(); // where z was before this module had come
    show();
  };
});
