// The one z that sliders, picture and map share, and what the server says of it. A page has one of
// this module, so whatever moves z moves all. It knows nothing of how anything looks.

import { Channel, DECODE, PLACE } from "./channel.js";
import { fromBase64 } from "./element.js";

export const COORDINATE = 1_000_000; // as the absolute value of a coordinate: core/limits.py
const COMMIT_DELAY = 120; // ms; a held arrow key commits once, when it comes to rest

/**
 * Events: "z" (moved), "settled" (and came to rest), "picture" (new pixels), "place" (is another, or
 * is not known), "timing" (detail: ms), "status", "stale" (the checkpoint has other files than
 * Python has shown; detail: which), "heard" (after a cut, Python has heard what the hand did
 * meanwhile).
 */
export const live = new EventTarget();

let session = null; // Python's; a new one on the same page means that the server was restarted
let version = null; // of the checkpoint's files that Python has read
let checkpoint = null;
let revision = null; // of the last z that Python set; the hand's own moves do not change it
let z = new Float32Array(0);
let picture = null; // { pixels: Uint8Array, channels, height, width }
let place = null; // where z lies: core.typicality.Typicality and the nearest images; null: unknown
let placeWatchers = 0;

const channel = new Channel({
  onOpen: () => {
    channel.request(DECODE, z, null, showPicture);
    askForPlace();
  },
  onStatus: () => emit("status"),
  onAlive: (facts) => {
    if (facts.version !== version) emit("stale", facts.version);
  },
});

/** The current point and its picture (null before the first). Do not write into them. */
export const currentZ = () => z;
export const currentPicture = () => picture;
export const currentPlace = () => place;
export const currentCheckpoint = () => checkpoint;
export const channelStatus = () => channel.status;

/** Move. Whatever shows z follows at once, the picture as soon as it is decoded. */
export function setZ(next) {
  z = within(Float32Array.from(next));
  emit("z");
  channel.request(DECODE, z, performance.now(), showPicture);
  askForPlace();
}

/** `points`, with every coordinate brought within what the server takes. */
export function within(points) {
  for (let i = 0; i < points.length; i++) {
    if (points[i] > COORDINATE) points[i] = COORDINATE;
    else if (points[i] < -COORDINATE) points[i] = -COORDINATE;
  }
  return points;
}

/**
 * Ask the server for something else than a picture of z. False if there is no connection; else
 * `onAnswer({ planes, height, width, pixels, facts }, ms)` hears the answer, with the time since
 * `since`. Of the requests of one kind by one `asker` the newest wins: those in between are never
 * sent. Who shares a kind with others on the page says who it is.
 */
export const ask = (kind, payload, since, onAnswer, asker) =>
  channel.request(kind, payload, since, onAnswer, asker);

/** From now on, until `signal` aborts, "place" tells where z lies, and `currentPlace` knows it. */
export function watchPlace(signal) {
  placeWatchers += 1;
  signal.addEventListener("abort", () => (placeWatchers -= 1));
  askForPlace();
}

function askForPlace() {
  if (!placeWatchers) return;
  channel.request(PLACE, z, null, ({ facts, ...pictures }) => {
    showPlace(facts.error ? null : { ...facts, ...pictures });
  });
}

function showPlace(next) {
  place = next;
  emit("place");
}

function showPicture({ planes: channels, height, width, pixels }, ms) {
  picture = { channels, height, width, pixels };
  emit("picture");
  if (ms !== null) emit("timing", ms);
}

let untold = false; // Python has yet to hear of the z that is on screen
let commitTimer = 0;
let commits = 0;

/** The hand has let go: tell Python, through the component's own `setStateValue`. */
export function commit(setStateValue) {
  clearTimeout(commitTimer);
  commitTimer = setTimeout(() => {
    setStateValue("z", { z: Array.from(z), checkpoint, revision, commit: ++commits });
    emit("settled");
  }, COMMIT_DELAY);
}

/**
 * Take over what Python says: the checkpoint, and z whenever Python has set a new one. A rerun
 * that only echoes the hand's own moves keeps its revision, so a late one never pulls z back.
 */
export function follow(data) {
  // The first pages of a server that was restarted know nothing of what was here; they are not
  // shown before Python has heard it from components/connection.
  if (session !== null && data.session !== session && !data.recalled) return false;
  version = data.version;
  const switched = data.checkpoint !== checkpoint;
  // A server that was restarted knows only the z of the address: ours is newer, and it is told.
  if (session !== null && data.session !== session && !switched) untold = true;
  else if (switched) untold = false;
  const restarted = data.session !== session && untold;
  session = data.session;
  const moved = switched || (data.revision !== revision && !restarted);
  checkpoint = data.checkpoint;
  revision = data.revision;
  if (moved) z = Float32Array.from(data.z);
  // The committed picture shows at once, and is all there is where no socket can be opened.
  if (moved || !channel.status.open) {
    const [channels, height, width] = data.shape;
    picture = { pixels: fromBase64(data.pixels), channels, height, width };
    channel.forget(DECODE);
    emit("picture");
  }
  if (switched) {
    showPlace(null);
    channel.connect(checkpoint);
  }
  if (moved) {
    emit("z");
    emit("settled");
    askForPlace();
  }
  return true;
}

/** Called by a component that commits whenever Python speaks: tells what a restart has lost. */
export function tellAgain(setStateValue) {
  if (!untold) return;
  untold = false;
  commit(setStateValue);
}

function emit(type, detail) {
  live.dispatchEvent(new CustomEvent(type, { detail }));
}

/** The picture that was uploaded last on this page, { name, id, content: base64 } or null. */
export const upload = { last: null };
