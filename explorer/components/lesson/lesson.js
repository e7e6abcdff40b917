// A step of the Learn panel: its stage, and its tasks, which notice what the hand has done. A stage
// is made anew for other words or another picture; what the hand has set in it is remembered.

import { announcer } from "../access.js";
import { component } from "../component.js";
import { element } from "../element.js";
import { channelStatus } from "../live.js";
import { makeCompress } from "./compress.js";
import { makeNoise } from "./noise.js";
import { fill } from "./parts.js";
import { makeRepair } from "./repair.js";
import { makeTerms } from "./terms.js";
import { makeTrick } from "./trick.js";

const STAGES = {
  compress: makeCompress, noise: makeNoise, terms: makeTerms, trick: makeTrick, repair: makeRepair,
};
const memories = new Map(); // step and picture -> what the hand has set, for as long as the page is

export default component("lesson", (root, listen, ended) => {
  const tasks = element("ol", { class: "tasks" });
  const offline = element("p", { class: "offline" });
  const place = element("div", { class: "stage" });
  root.append(tasks, offline, place);
  const [announceTask, announceOffline] = [announcer(root), announcer(root)];

  let data = null;
  let setTriggerValue;
  let made = ""; // what the stage is of
  let stage = null;
  let stop = null; // ends what the stage has begun
  let ticked = new Set();

  /** A task is done; said once. */
  const done = (task) => {
    if (ticked.has(task)) return;
    ticked.add(task);
    showTasks();
    announceTask(`${data.words.done}: ${data.words[`task.${task}`]}`);
    setTriggerValue("done", { step: data.step, task });
  };

  const showTasks = () => {
    const known = Object.keys(data.words).filter((key) => key.startsWith("task."));
    tasks.setAttribute("aria-label", data.words.tasks);
    tasks.replaceChildren(...known.map((key) => {
      const is = ticked.has(key.slice("task.".length));
      const mark = element("span", { class: "mark", role: "img", "aria-label": is ? data.words.done : "" });
      if (!is) mark.setAttribute("aria-hidden", "true");
      const item = element("li", { "data-testid": key.replace(".", "-") }, mark, element("span", {}, data.words[key]));
      item.classList.toggle("done", is);
      return item;
    }));
  };

  const report = () => {
    const { open, reason } = channelStatus();
    offline.hidden = open || reason === "connecting";
    if (data) offline.textContent = open ? "" : fill(data.words.offline, { reason });
    announceOffline(offline.hidden ? "" : offline.textContent);
    if (open) stage?.wake();
  };
  listen("status", report);
  ended.addEventListener("abort", () => stop?.abort());

  return (args) => {
    ({ data, setTriggerValue } = args);
    const memory = `${data.step} ${data.of}`;
    const now = `${memory} ${JSON.stringify(data.words)}`;
    ticked = new Set([...data.done, ...(now === made ? ticked : [])]);
    showTasks();
    if (now !== made) {
      made = now;
      stop?.abort();
      stop = new AbortController();
      if (!memories.has(memory)) memories.set(memory, {});
      const tools = { words: data.words, done, memory: memories.get(memory), ended: stop.signal };
      stage = STAGES[data.step](data.content, tools);
      place.className = `stage ${data.step}`;
      place.replaceChildren(...stage.elements);
    }
    report();
  };
});
