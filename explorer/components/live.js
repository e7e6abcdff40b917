// The browser's half of the live channel: the one z that sliders, picture and map share, and the
// socket that turns it into pixels. Every component imports this module, so a page has one of it.
// It knows nothing of how anything looks.
//
// A frame to the server: uint32 sequence, uint32 kind, then the payload (DECODE: float32 z).
// A frame back:          uint32 sequence, uint16 kind, uint16 P, uint16 H, uint16 W, uint32 n,
//                        then P*H*W bytes and n bytes of JSON. Little-endian, as in
//                        explorer/frames.py.

import { inTurn } from "./saying.js";

const DECODE = 1;
export const REPAIR = 2;
export const COMPLETE = 3;
export const STRIPS = 4; // many z, (M, D), for the filmstrips
export const TILES = 5; // many z for the tiles under the map
const PLACE = 6;
const ALIVE = 7; // whether the server is there, and which files its checkpoint has
export const TERMS = 8; // both terms of the loss, of any q(z)
export const PASSES = 9; // encoded and decoded again and again
const REQUEST_HEADER = 8;
const ANSWER_HEADER = 16;
const COMMIT_DELAY = 120; // ms; a held arrow key commits once, when it comes to rest
const FULL = 1013; // how a server closes that serves as many pages as it can
const RETRY = { first: 500, most: 8000 }; // ms between attempts to reach the server again
const PULSE = 2500; // ms between two ALIVE while the page is looked at
const SILENCE = { usual: 20_000, offline: 4000 }; // ms without an answer to one: the wire is cut

/**
 * Events: "z" (moved), "settled" (and came to rest), "picture" (new pixels), "place", "timing"
 * (detail: ms), "status", "stale" (the checkpoint has other files than Python has shown; detail:
 * which), "heard" (after a cut, Python has heard what the hand did meanwhile).
 */
export const live = new EventTarget();

let session = null; // Python's; a new one on the same page means that the server was restarted
let version = null; // of the checkpoint's files that Python has read
let checkpoint = null;
let revision = null; // of the last z that Python set; the hand's own moves do not change it
let z = new Float32Array(0);
let picture = null; // { pixels: Uint8Array, channels, height, width }
let place = null; // where z lies: core.typicality.Typicality and the nearest images
let placeWatchers = 0;

/** The current point and its picture (null before the first). Do not write into them. */
export const currentZ = () => z;
export const currentPicture = () => picture;
export const currentPlace = () => place;
export const currentCheckpoint = () => checkpoint;

/** Move. Whatever shows z follows at once, the picture as soon as it is decoded. */
export function setZ(next) {
  z = Float32Array.from(next);
  emit("z");
  channel.request(DECODE, z, performance.now(), showPicture);
  askForPlace();
}

/**
 * Ask the server for something else than a picture of z. False if there is no connection; else
 * `onAnswer({ planes, height, width, pixels, facts }, ms)` hears the answer, with the time since
 * `since`. Of requests of one kind the newest wins: those in between are never sent.
 */
export const ask = (kind, payload, since, onAnswer) =>
  channel.request(kind, payload, since, onAnswer);

/** From now on, until `signal` aborts, "place" tells where z lies, and `currentPlace` knows it. */
export function watchPlace(signal) {
  placeWatchers += 1;
  signal.addEventListener("abort", () => (placeWatchers -= 1));
  askForPlace();
}

function askForPlace() {
  if (!placeWatchers) return;
  channel.request(PLACE, z, null, ({ facts, ...pictures }) => {
    place = facts.error ? null : { ...facts, ...pictures };
    if (place) emit("place");
  });
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
function configure(data) {
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
    place = null;
    channel.connect(checkpoint);
  }
  if (moved) {
    emit("z");
    emit("settled");
    askForPlace();
  }
  return true;
}

export { configure as follow };

/** Called by a component that commits whenever Python speaks: tells what a restart has lost. */
export function tellAgain(setStateValue) {
  if (!untold) return;
  untold = false;
  commit(setStateValue);
}

function emit(type, detail) {
  live.dispatchEvent(new CustomEvent(type, { detail }));
}

/** A socket to one checkpoint. Latest wins: one request of a kind is under way, the newest waits. */
class Channel {
  #name = "";
  #hear; // { onOpen(), onStatus(), onAlive(facts) }
  #socket = null;
  #sequence = 0;
  #retry = RETRY.first;
  #retryTimer = 0;
  #underWay = new Map(); // kind -> { sequence, since, onAnswer }
  #waiting = new Map(); // kind -> { payload, since, onAnswer }
  #pulseTimer = 0;
  status = { open: false, reason: "connecting", lost: false }; // lost: it was open before

  constructor(hear) {
    this.#hear = hear;
  }

  /** Speak to a checkpoint from now on, by default to the same one again. */
  connect(name = this.#name) {
    this.#name = name;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#pulseTimer);
    const before = this.#socket;
    this.#socket = null;
    before?.close(1000);
    this.#underWay.clear();
    this.#waiting.clear();
    const url = new URL(`live/channel/${encodeURIComponent(name)}`, document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => {
      this.#report(true, "");
      this.#hear.onOpen();
      this.pulse(SILENCE.usual);
    };
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#receive(event.data);
    };
    socket.onclose = (event) => {
      if (socket !== this.#socket) return; // replaced on purpose
      if (event.code === FULL) this.#retry = RETRY.most;
      this.#lose(event.reason.replace(/\.$/, ""));
    };
  }

  #lose(reason) {
    clearTimeout(this.#pulseTimer);
    this.#report(false, reason || "no connection to the server");
    this.#retryTimer = setTimeout(() => this.connect(), this.#retry);
    this.#retry = Math.min(2 * this.#retry, RETRY.most);
  }

  /**
   * Ask for a sign of life. A wire that was cut closes no socket for minutes: whoever does not
   * answer within `silence` (ms) is given up.
   */
  pulse(silence) {
    clearTimeout(this.#pulseTimer);
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (document.hidden) return; // asked when it is looked at again
    this.#pulseTimer = setTimeout(() => {
      const silent = this.#socket;
      this.#socket = null;
      silent?.close();
      this.#lose("the server does not answer");
    }, silence);
    this.request(ALIVE, new Uint8Array(0), null, ({ facts }) => {
      clearTimeout(this.#pulseTimer);
      this.#pulseTimer = setTimeout(() => this.pulse(SILENCE.usual), PULSE);
      this.#hear.onAlive(facts);
    });
  }

  /** Ask; `since` is when the hand moved (ms), or null when no hand did. False: not connected. */
  request(kind, payload, since, onAnswer) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false; // z is asked for when it opens
    if (this.#underWay.has(kind)) {
      this.#waiting.set(kind, { payload, since, onAnswer });
      return true;
    }
    const sequence = ++this.#sequence;
    const frame = new ArrayBuffer(REQUEST_HEADER + payload.byteLength);
    const view = new DataView(frame);
    view.setUint32(0, sequence, true);
    view.setUint32(4, kind, true);
    const bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    new Uint8Array(frame, REQUEST_HEADER).set(bytes);
    this.#underWay.set(kind, { sequence, since, onAnswer });
    this.#socket.send(frame);
    return true;
  }

  /** Answers of this kind that are still to come belong to something that Python has replaced. */
  forget(kind) {
    this.#waiting.delete(kind);
    const request = this.#underWay.get(kind);
    if (request) request.onAnswer = null;
  }

  #receive(buffer) {
    const view = new DataView(buffer);
    const kind = view.getUint16(4, true);
    const request = this.#underWay.get(kind);
    if (view.getUint32(0, true) !== request?.sequence) return;
    this.#retry = RETRY.first; // it answers; one that only opens is not asked ever faster
    this.#underWay.delete(kind);
    const next = this.#waiting.get(kind);
    this.#waiting.delete(kind);
    if (next) this.request(kind, next.payload, next.since, next.onAnswer);
    if (!request.onAnswer) return;
    const [planes, height, width] = [6, 8, 10].map((at) => view.getUint16(at, true));
    const size = planes * height * width;
    const text = new Uint8Array(buffer, ANSWER_HEADER + size, view.getUint32(12, true));
    const answer = {
      planes,
      height,
      width,
      pixels: new Uint8Array(buffer, ANSWER_HEADER, size),
      facts: text.length ? JSON.parse(new TextDecoder().decode(text)) : null,
    };
    request.onAnswer(answer, request.since === null ? null : performance.now() - request.since);
  }

  #report(open, reason) {
    this.status = { open, reason, lost: !open && (this.status.open || this.status.lost) };
    this.#hear.onStatus();
  }

  close() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#pulseTimer);
    this.#socket?.close(1000);
    this.#socket = null;
  }
}

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

/** The picture that was uploaded last on this page, { name, content: base64 } or null. */
export const upload = { last: null };

export const channelStatus = () => channel.status;
window.addEventListener("offline", () => channel.pulse(SILENCE.offline));
document.addEventListener("visibilitychange", () => channel.pulse(SILENCE.usual));

/**
 * A socket to another checkpoint than the page's, until `ended` aborts. `onStatus()` hears when it
 * opens and when it is lost; `request` is as `ask`.
 */
export function channelTo(name, onStatus, ended) {
  const other = new Channel({ onOpen: () => {}, onStatus, onAlive: () => {} });
  other.connect(name);
  ended.addEventListener("abort", () => other.close());
  return other;
}

/**
 * What a component's file exports. `build(root, listen)` makes its elements once and returns
 * `update(args)`, which Streamlit's every new data goes to. `listen(type, handler)` hears `live`
 * until the component leaves the page.
 */
export function component(className, build) {
  const views = new WeakMap();
  return (args) => {
    const [data] = args.data; // in a list for Streamlit's sake, see components/wrapping.py
    if (data.live && !configure(data.live)) return () => {};
    let view = views.get(args.parentElement);
    if (!view) {
      const root = document.createElement("div");
      root.className = className;
      args.parentElement.append(root);
      const ended = new AbortController();
      const listen = (type, handler) =>
        live.addEventListener(type, handler, { signal: ended.signal });
      const update = build(root, listen, ended.signal);
      view = { root, ended, update, shown: null, settled: null };
      views.set(args.parentElement, view);
    }
    const show = (call) => {
      view.shown = call;
      view.update(call);
    };
    const call = { ...args, ...inTurn(view, args), data };
    show(call);
    // Data that come while this module is still being fetched make Streamlit call once for each, in
    // any order, and take back at once, by its clean-up, every call but that of the newest data.
    let takenBack = false;
    setTimeout(() => {
      if (!takenBack) view.settled = call;
      else if (view.root.isConnected && view.shown === call && view.settled) {
        if (view.settled.data.live) configure(view.settled.data.live);
        show(view.settled);
      }
    });
    return () => {
      takenBack = true;
      setTimeout(() => {
        if (view.root.isConnected) return;
        view.ended.abort();
        views.delete(args.parentElement);
      });
    };
  };
}

/** Base64, as Python sends bytes within `data`, and back. */
export const fromBase64 = (text) =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
export const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));

/** An element with attributes and children, in one expression. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
