// What a page does when the server is gone, and when it is back. It says so, in one line; it holds
// what the session knew, for a server that was restarted and begins a new one; and it asks Python
// to look again when the checkpoint was replaced or is gone.

import { channelStatus, component, element, follow } from "../live.js";

const PATIENCE = 1200; // ms without a connection before it is said: most gaps are shorter
const THANKS = 4000; // ms for which it is said that all is well again
const AGAIN = 1500; // ms until Python is told again what it has not heard
const LOOK = 10_000; // ms between two requests to look at the same files again

const LOST = "Connection lost, trying again. What you made is kept.";
const BACK = "Connected again.";

let held = null; // { session, memory } as Python said them last

export default component("connection", (root, listen, ended) => {
  const line = element("p", { role: "status", "data-testid": "connection" });
  root.append(line);
  let setTriggerValue;
  let timer = 0;
  let memoryTimer = 0;
  let looked = { at: -LOOK, version: null };

  const look = (version) => {
    const now = performance.now();
    if (version === looked.version && now < looked.at + LOOK) return;
    looked = { at: now, version };
    setTriggerValue("look", true);
  };

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
    if (lost === wasLost) return;
    wasLost = lost;
    clearTimeout(timer);
    if (lost) {
      timer = setTimeout(() => say(LOST, "lost"), PATIENCE);
      look(null); // it may be the checkpoint that is gone, and not the server
    } else if (open && root.classList.contains("lost")) {
      say(BACK, "back");
      timer = setTimeout(() => say("", ""), THANKS);
    }
  };
  listen("status", heed);
  listen("stale", ({ detail }) => look(detail));
  ended.addEventListener("abort", () => {
    dialogs.disconnect();
    clearTimeout(timer);
    clearTimeout(memoryTimer);
  });

  return (args) => {
    ({ setTriggerValue } = args);
    const { page, memory } = args.data;
    clearTimeout(memoryTimer);
    if (held !== null && held.session !== page.session && !page.recalled) {
      const tell = () => {
        setTriggerValue("memory", held.memory);
        memoryTimer = setTimeout(tell, AGAIN);
      };
      tell();
      return;
    }
    held = { session: page.session, memory };
    follow(page);
    heed();
  };
});
