// A click on another panel arrives. Streamlit asks for the panel, and until the server has answered
// whatever a component says names the one that is still open: said right after the click, it brings
// the page back there, as if nobody had clicked. A click while the server is away is lost outright.
// So it is made again until the page has gone somewhere.

const AGAIN = { first: 1000, most: 8000 }; // ms until a click is made again, ever later
const PATIENCE = 60_000; // ms after which nobody waits for it any more

const LINK = "[data-testid=stSidebarNavLink]";
const open = () => document.querySelector(`${LINK}[aria-current=page]`)?.href;

let timer = 0;
let again = false; // whether the click is one of ours

function insist(href, from, delay, until) {
  timer = setTimeout(() => {
    const link = [...document.querySelectorAll(LINK)].find((each) => each.href === href);
    if (!link || open() !== from || performance.now() > until) return;
    again = true;
    link.click();
    again = false;
    insist(href, from, Math.min(2 * delay, AGAIN.most), until);
  }, delay);
}

document.addEventListener(
  "click",
  (event) => {
    const link = event.target.closest?.(LINK);
    if (again || !link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    clearTimeout(timer);
    if (link.href === open()) return;
    insist(link.href, open(), AGAIN.first, performance.now() + PATIENCE);
  },
  true,
);
