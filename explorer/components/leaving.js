// A click on another panel arrives. Streamlit asks for the panel, and until the server has answered
// whatever a component says names the one that is still open: said right after the click, it brings
// the page back there, as if nobody had clicked. A click while the server is away is lost outright.
// So it is made again until the page has gone somewhere, and stands there: until the run of the panel
// is done, what the one before it has asked for may still bring that one back.

import { insist } from "./insist.js";
import { running } from "./saying.js";

const AGAIN = { first: 1000, most: 8000 }; // ms until a click is made again, ever later
const PATIENCE = 60_000; // ms after which nobody waits for it any more

const LINK = "[data-testid=stSidebarNavLink]";
const open = () => document.querySelector(`${LINK}[aria-current=page]`)?.href;

let clicked = null; // { href, from, until }: where to, from which panel, and how long
let again = false; // whether the click is one of ours
const gone = () => open() !== clicked.from;

const clicking = insist(() => {
  const link = [...document.querySelectorAll(LINK)].find((each) => each.href === clicked.href);
  if (!link || performance.now() > clicked.until || (gone() && !running())) {
    clicking.heard();
    return;
  }
  if (gone()) return;
  again = true;
  link.click();
  again = false;
}, AGAIN);

window.addEventListener("popstate", () => clicking.heard()); // back by the browser's own button
document.addEventListener(
  "click",
  (event) => {
    const link = event.target.closest?.(LINK);
    if (again || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (!link && clicked && gone()) clicking.heard(); // it may lead back
    if (!link) return;
    clicking.heard();
    if (link.href === open()) return;
    clicked = { href: link.href, from: open(), until: performance.now() + PATIENCE };
    clicking.begin();
  },
  true,
);
