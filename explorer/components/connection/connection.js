// What a page does when the server is gone, and when it is back. It says so, in one line; it holds
// what the session knew, for a server that was restarted and begins a new one; and it has Python
// look again: after a cut, which swallowed what the hand did meanwhile, and when the checkpoint was
// replaced or is gone.

import { component } from "../component.js";
import { element } from "../element.js";
import { insist } from "../insist.js";
import "../leaving.js";
import { channelStatus, follow, live, upload } from "../live.js";

const PATIENCE = 1200; // ms without a connection before it is said: most gaps are shorter
const THANKS = 4000; // ms for which it is said that all is well again
const AGAIN = { first: 1500, most: 24_000 }; // ms until Python is told again what it has not heard
const LOOK = 10_000; // ms between two requests to look at the same files again

const LOST = "Connection lost, trying again. What you made is kept.";
const BACK = "Connected again.";

let held = null; // { session, memory } as Python said them last
let asked = 0; // how often Python was to look again

export default component("connection", (root, listen, ended) => {
  const line = element("p", { role: "status", "data-testid": "connection" });
  root.append(line);
  let setTriggerValue;
  let timer = 0;
  let seen = { at: -LOOK, version: null }; // the files that Python was last told to look at

  const askAgain = () => setTriggerValue("look", asked);
  const looking = insist(askAgain, AGAIN);
  const look = () => {
    asked += 1;
    askAgain();
  };
  let told = null; // the same object as long as nothing in it has changed
  const remember = () => {
    const { memory: text } = held;
    if (told?.text !== text || told.upload !== upload.last) told = { text, upload: upload.last };
    setTriggerValue("memory", told);
  };
  const remembering = insist(remember, AGAIN);
  const see = () => setTriggerValue("seen", true);
  const seeing = insist(see, AGAIN);

  // Streamlit's own dialog covers the page and tells visitors to run a command on the server.
  const dismiss = () =>
    document.querySelector("[data-testid=stDialog] [aria-label=Close]")?.click();
  const dialogs = new MutationObserver(dismiss);

  const say = (text, kind) => {
    line.textContent = text;
    root.className = `connection ${kind}`;
    if (kind !== "lost") return dialogs.disconnect();
    dialogs.observe(document.body, { childList: true });
    dismiss();
  };

  let wasLost = false;
  const heed = () => {
    const { open, lost } = channelStatus();
    if (lost ? wasLost : !(wasLost && open)) return;
    wasLost = lost;
    clearTimeout(timer);
    if (lost) {
      looking.heard();
      look(); // it may be the checkpoint that is gone, and not the server
      timer = setTimeout(() => say(LOST, "lost"), PATIENCE);
    } else {
      look();
      looking.begin();
      if (!root.classList.contains("lost")) return;
      say(BACK, "back");
      timer = setTimeout(() => say("", ""), THANKS);
    }
  };
  listen("status", heed);
  listen("stale", ({ detail: version }) => {
    const now = performance.now();
    if (version === seen.version && now < seen.at + LOOK) return;
    seen = { at: now, version };
    look();
  });
  ended.addEventListener("abort", () => {
    dialogs.disconnect();
    clearTimeout(timer);
    looking.heard();
    remembering.heard();
    seeing.heard();
  });

  return (args) => {
    ({ setTriggerValue } = args);
    const { page, memory, unseen, looked } = args.data;
    const another = held !== null && held.session !== page.session;
    if (another || looked === asked) looking.heard();
    if (another && !page.recalled) {
      remember();
      remembering.begin();
      return;
    }
    remembering.heard();
    held = { session: page.session, memory };
    if (unseen) {
      see();
      seeing.begin();
    } else seeing.heard();
    follow(page);
    heed();
    if (another || looked === asked) live.dispatchEvent(new CustomEvent("heard"));
  };
});
