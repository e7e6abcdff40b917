// What components say to Python waits until the run that is under way has been shown. All that a
// page says, it says with the values that every widget on it has, and begins a run that ends the
// one before. Said meanwhile it would bring back what that run has just set, as the page does not
// show it yet: a button's click would be without effect, and what the page held over a restart gone.

const APP = "[data-testid=stApp]";
const COMPONENT = "[data-testid^=stBidiComponent]";
const STATE = "data-test-script-state"; // Streamlit says there whether a run is under way
const SHOWN = 50; // ms after a run until the page shows all of it
const BEGUN = 150; // ms within which a run begins that was asked for, if the server is there

let waiting = []; // { of, name, value, tell }
let quiet = 0; // performance.now() from which on, unless a run is under way, anything may be said
let timer = 0;

/** Whether a run is under way, as the page knows. */
export const running = () => document.querySelector(APP)?.getAttribute(STATE) === "running";
const same = (a, b) => a.of === b.of && a.name === b.name;

/** Streamlit's two ways to say something, of the component `of`, by which it waits for its turn. */
export const inTurn = (of, { setStateValue, setTriggerValue }) => ({
  setStateValue: inPlaceOf(() => true, of, setStateValue),
  // Each is heard; only one that is said again, as nobody has answered, is the same.
  setTriggerValue: inPlaceOf((before, value) => before === value, of, setTriggerValue),
});

const inPlaceOf = (replaces, of, tell) => (name, value) => {
  const call = { of, name, value, tell };
  const at = waiting.findIndex((other) => same(other, call) && replaces(other.value, value));
  if (at < 0) waiting.push(call);
  else waiting[at] = call;
  if (performance.now() >= quiet) flush();
};

/** Say what waits: everything, or of each trigger the first, as a run hears only one. */
function flush({ everything = false } = {}) {
  if (!waiting.length || (!everything && running())) return;
  const said = waiting.filter(
    (call, at) => everything || waiting.findIndex((other) => same(other, call)) === at,
  );
  waiting = waiting.filter((call) => !said.includes(call));
  for (const { name, value, tell } of said) tell(name, value);
  later(BEGUN);
}

function later(delay) {
  quiet = performance.now() + delay;
  clearTimeout(timer);
  timer = setTimeout(flush, delay);
}

new MutationObserver(() => later(running() ? BEGUN : SHOWN)).observe(document.documentElement, {
  subtree: true,
  attributeFilter: [STATE],
});

// What the hand does next may take the page elsewhere; what waits is said before it. And if it does
// it to a widget of Streamlit's, the next run is that one's.
const act = ({ type, target }) => {
  if (type === "click") flush({ everything: true });
  if (!target.closest?.(COMPONENT)) later(BEGUN);
};
document.addEventListener("click", act, true);
document.addEventListener("keydown", act, true);
