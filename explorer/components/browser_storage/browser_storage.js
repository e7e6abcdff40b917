// What Python wants kept, kept in this browser. It shows nothing. A copy that is there already, from
// an earlier visit or from another tab, goes to Python once; from then on Python's word counts.

import { component } from "../live.js";

const known = new Map(); // key -> the text that Python and storage agree on
let session = null; // of Python; after a restart of the server it knows nothing again

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
  let key = null;
  let setTriggerValue;

  window.addEventListener("storage", (event) => {
    if (event.key !== key || event.newValue === null || event.newValue === known.get(key)) return;
    known.set(key, event.newValue); // another tab's word is newer than ours
    setTriggerValue("stored", { key, value: event.newValue, merge: false });
  }, { signal: ended });

  return ({ data, setTriggerValue: tell }) => {
    setTriggerValue = tell;
    key = data.key;
    if (data.session !== session) known.clear();
    session = data.session;
    if (!known.has(key)) {
      const stored = read(key);
      known.set(key, data.value);
      if (stored !== null && stored !== data.value) {
        tell("stored", { key, value: stored, merge: true });
        return;
      }
    } else if (known.get(key) !== data.value) {
      known.set(key, data.value);
      write(key, data.value);
    }
  };
});
