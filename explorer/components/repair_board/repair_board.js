// The repair board: a damaged picture to paint on, and beside it what is made of it while the brush
// moves. Each move asks the live channel for a glimpse; a hand at rest for all the answers, which
// are then committed to Streamlit.

import { announcer } from "../access.js";
import { COMPLETE, REPAIR } from "../channel.js";
import { component } from "../component.js";
import { element, fromBase64, toBase64 } from "../element.js";
import { ask, channelStatus } from "../live.js";
import { makeAnswers } from "./answers.js";
import { makeBrush } from "./brush.js";
import { makePictures } from "./pictures.js";
import { makeShadowMap } from "./shadow_map.js";

const REST = 60; // ms without a move after which a hand that still holds the brush is at rest
const TOLD = 500; // ms that answers must stay to be told to who cannot see them
const HEAD = 4; // bytes of the settings' length, as in explorer/repairs.py

// What the hand has painted last on this page, for a server that was restarted and did not hear it:
// { session, checkpoint, revision, commit, image, mask }.
let painted = null;

export default component("repair-board", (root, listen) => {
  let data = null;
  let setStateValue;
  let setTriggerValue;
  let session = null; // Python's; a new one may not know of the last strokes
  let revision = null; // of the last picture that Python set; the hand's own strokes do not change it
  let original = null;
  let changes = 0; // of the picture by the hand, since Python set it
  let commits = 0;
  let committed = 0; // the number of changes that Python knows of
  let answer = null; // the last with completions
  let restTimer = 0;

  const brush = makeBrush({
    onChange(since) {
      changes += 1;
      answers.outdate();
      pictures.explain(brush.picture().mask, data.settings);
      ask(REPAIR, payload(), since, unlessReplaced(showGlimpse));
      rest(REST);
    },
    onRest: () => rest(0),
  });
  const point = (index) => {
    answers.point(index);
    map.point(index);
  };
  const open = (index) =>
    setTriggerValue("open", { z: answer.facts.z[index], checkpoint: data.live.checkpoint });
  const pictures = makePictures();
  const answers = makeAnswers({ onPoint: point, onOpen: open });
  const map = makeShadowMap({ onPoint: point, onOpen: open });
  const reading = element("div", { class: "reading", "data-testid": "repair-reading" });
  const damaged = element("figure", { class: "damaged" }, brush.sheet,
    element("figcaption", {}, element("strong", {}, "Damaged"), " · paint on it", brush.tools, reading));
  const found = element("div", { class: "found" },
    element("div", { class: "compare" }, ...pictures.figures), answers.room);
  root.append(damaged, found, map.room);
  const announce = announcer(root, TOLD); // answers only: a glimpse comes with every move
  root.onkeydown = (event) => {
    if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
    if (event.shiftKey || event.altKey) return; // to redo, elsewhere on this page
    event.preventDefault();
    brush.undo();
  };

  const payload = () => {
    const settings = new TextEncoder().encode(JSON.stringify(data.settings));
    const { image, mask } = brush.picture();
    const parts = [settings, image, mask, ...(original ? [original] : [])];
    const bytes = new Uint8Array(HEAD + parts.reduce((sum, part) => sum + part.length, 0));
    new DataView(bytes.buffer).setUint32(0, settings.length, true);
    let at = HEAD;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  };

  /** An answer that is not heard once Python has put another picture on the board. */
  const unlessReplaced = (hear) => {
    const of = revision;
    return (...answer) => of === revision && hear(...answer);
  };

  const colourOf = (group) =>
    group.class === null ? data.colours[0] : data.colours[group.class % data.colours.length];

  const showGlimpse = (found, ms) => {
    if (found.facts.error) return say(found.facts.error, true);
    pictures.show({ ...found, channels: data.shape[0] });
    say(`live · ${ms.toFixed(1)} ms from the brush to the repair`);
  };

  const showAnswer = (found) => {
    if (found.facts.error) return say(found.facts.error, true);
    answer = { ...found, channels: data.shape[0] };
    pictures.show(answer);
    answers.show(answer, colourOf);
    map.show(found, colourOf, data.map);
    say(summary(found.facts));
    announce(`${summary(found.facts)}. ${answers.told()}`);
  };

  const summary = ({ weights, ms, ess, noise, salt }) => {
    const parts = [`${weights.length} answers in ${ms.toFixed(0)} ms`, `effective sample size ${ess.toFixed(1)}`];
    if (data.settings.noise === null && noise !== null) parts.push(`noise estimated at ${noise.toFixed(2)}`);
    if (data.settings.salt === null && salt !== null) {
      parts.push(`salt and pepper at ${Math.round(100 * salt)}%`);
    }
    if (!brush.picture().mask.includes(1)) parts.push("nothing is known: these are draws from the prior");
    return parts.join(" · ");
  };

  const say = (text, isError = false) => {
    const { open: live, reason, lost } = channelStatus();
    const meanwhile = lost ? "" : " The repair follows when you let go.";
    reading.textContent = live || isError ? text : `Not live: ${reason}.${meanwhile}`;
    reading.classList.toggle("error", isError || !live);
    if (isError || !live) announce(reading.textContent);
  };

  const rest = (delay) => {
    clearTimeout(restTimer);
    restTimer = setTimeout(() => {
      const asked = changes;
      const sent = ask(COMPLETE, payload(), null, unlessReplaced((found) => {
        if (asked !== changes) return; // the hand has gone on
        showAnswer(found);
        commit();
      }));
      if (!sent) commit(); // Python answers, once for every release
    }, delay);
  };

  /** Tell Python, which finds the answers of the socket in its cache. */
  const commit = () => {
    if (brush.held() || committed === changes) return;
    committed = changes;
    commits += 1;
    const { image, mask } = brush.picture();
    const { checkpoint } = data.live;
    painted = {
      session, checkpoint, revision, commit: commits, image: image.slice(), mask: mask.slice(),
    };
    setStateValue("damage", {
      image: toBase64(image), mask: toBase64(mask), commit: commits, revision, checkpoint,
    });
  };

  listen("status", () => {
    if (!channelStatus().open && committed !== changes) rest(REST); // an answer was lost with the socket
    if (!answer) return;
    say(summary(answer.facts));
  });

  return (args) => {
    ({ data, setStateValue, setTriggerValue } = args);
    const size = [data.shape[2], data.shape[1]];
    session = data.live.session;
    const unheard = painted && painted.session !== session && painted.commit > data.commit
      && painted.revision === data.revision && painted.checkpoint === data.live.checkpoint;
    map.place(data.map);
    if (data.revision !== revision) {
      revision = data.revision;
      commits = data.commit;
      changes = committed = 0;
      clearTimeout(restTimer);
      original = data.original ? fromBase64(data.original) : null;
      brush.load(unheard ? painted : decoded(data.now), decoded(data.start), size);
      pictures.showOriginal(original, ...size);
    }
    if (unheard) {
      painted.session = session;
      commits = painted.commit;
      changes += 1;
      rest(REST);
      return;
    }
    if (data.commit !== commits || committed !== changes) {
      return; // the echo of an earlier hand
    }
    pictures.explain(brush.picture().mask, data.settings);
    if (!data.answer) {
      answer = null;
      answers.clear();
      map.clear();
      return;
    }
    const [planes, height, width] = data.answer.shape;
    const pixels = fromBase64(data.answer.pixels);
    const found = { planes, height, width, pixels, facts: JSON.parse(data.answer.facts) };
    // What the socket brought is left as it is: the focus may rest on one of its answers.
    if (!answer || !sameAnswer(answer, found)) showAnswer(found);
  };
});

const sameAnswer = (a, b) => JSON.stringify(a.facts) === JSON.stringify(b.facts)
  && a.pixels.length === b.pixels.length && a.pixels.every((v, i) => v === b.pixels[i]);

const decoded = ({ image, mask }) => ({ image: fromBase64(image), mask: fromBase64(mask) });
