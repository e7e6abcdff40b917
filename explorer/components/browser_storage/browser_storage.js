// What Python wants kept, kept in this browser. It shows nothing. A copy that is there already, from
// an earlier visit, from before a restart of the server or from another tab, goes to Python; once
// Python has heard of it, Python's word counts.

import { component } from "../component.js";

const AGAIN = 1500; // ms until a copy that Python has not heard of is sent again

// "session key" -> what Python said last, once it knows all that there was.
const settled = new Map();

const read = (key) => {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is forbidden: what is kept lasts as long as the session
  }
};
const write = (key, value) => {
  try {
    localStorage.setItem(key, value);
  } catch {
    // full or forbidden, as above
  }
};

export default component("browser-storage", (root, listen, ended) => {
  let data = null;
  let setTriggerValue;
  let timer = 0;

  // A rerun that crosses another can lose what a component says, so it is said until it is heard.
  const keep = () => {
    clearTimeout(timer);
    const { key, value, session, heard, empty } = data;
    const stored = read(key);
    const place = `${session} ${key}`;
    if (!heard && !settled.has(place) && stored !== null && stored !== value) {
      setTriggerValue("stored", { key, value: stored, merge: true });
      timer = setTimeout(keep, AGAIN);
      return;
    }
    // Only what is new from Python is written: another tab may have kept something since.
    if (settled.get(place) === value) return;
    settled.set(place, value);
    if (stored !== value && !(stored === null && empty)) write(key, value);
  };

  window.addEventListener("storage", ({ key, newValue }) => {
    if (!data || key !== data.key || newValue === null || newValue === data.value) return;
    setTriggerValue("stored", { key, value: newValue, merge: false }); // newer than ours
  }, { signal: ended });
  ended.addEventListener("abort", () => clearTimeout(timer));

  return (args) => {
    ({ data, setTriggerValue } = args);
    keep();
  };
});
