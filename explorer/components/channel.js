// The browser's end of the live channel: a socket to one checkpoint, which answers questions in
// pixels. It knows nothing of z, nor of how anything looks.
//
// A frame to the server: uint32 sequence, uint32 kind, then the payload (DECODE: float32 z).
// A frame back:          uint32 sequence, uint16 kind, uint16 P, uint16 H, uint16 W, uint32 n,
//                        then P*H*W bytes and n bytes of JSON. Little-endian, as in
//                        explorer/frames.py.

export const DECODE = 1;
export const REPAIR = 2;
export const COMPLETE = 3;
export const STRIPS = 4; // many z, (M, D), for the filmstrips
export const TILES = 5; // many z for the tiles under the map
export const PLACE = 6;
export const ALIVE = 7; // whether the server is there, and which files its checkpoint has
export const TERMS = 8; // both terms of the loss, of any q(z)
export const PASSES = 9; // encoded and decoded again and again
const REQUEST_HEADER = 8;
const ANSWER_HEADER = 16;
const FULL = 1013; // how a server closes that serves as many pages as it can
const RETRY = { first: 500, most: 8000 }; // ms between attempts to reach the server again
const PULSE = 2500; // ms between two ALIVE while the page is looked at
const SILENCE = { usual: 20_000, offline: 4000 }; // ms without an answer to one: the wire is cut

/**
 * A socket to one checkpoint. Latest wins: one request of a kind is under way, and of those who ask
 * for that kind meanwhile, the newest of each waits for its turn.
 */
export class Channel {
  #name = "";
  #hear; // { onOpen(), onStatus(), onAlive(facts) }
  #socket = null;
  #sequence = 0;
  #retry = RETRY.first;
  #retryTimer = 0;
  #underWay = new Map(); // kind -> { sequence, since, onAnswer }
  #waiting = []; // { kind, asker, payload, since, onAnswer }, the next one first
  #pulseTimer = 0;
  #closed = new AbortController();
  status = { open: false, reason: "connecting", lost: false }; // lost: it was open before

  constructor(hear) {
    this.#hear = hear;
    const { signal } = this.#closed;
    window.addEventListener("offline", () => this.#pulse(SILENCE.offline), { signal });
    document.addEventListener("visibilitychange", () => this.#pulse(SILENCE.usual), { signal });
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
    this.#waiting = [];
    const url = new URL(`live/channel/${encodeURIComponent(name)}`, document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => {
      this.#report(true, "");
      this.#hear.onOpen();
      this.#pulse(SILENCE.usual);
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
  #pulse(silence) {
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
      this.#pulseTimer = setTimeout(() => this.#pulse(SILENCE.usual), PULSE);
      this.#hear.onAlive(facts);
    });
  }

  /**
   * Ask; `since` is when the hand moved (ms), or null when no hand did. `asker`: whose earlier
   * request, if it waits still, this one replaces. False: not connected.
   */
  request(kind, payload, since, onAnswer, asker = null) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false; // z is asked for when it opens
    if (this.#underWay.has(kind)) {
      const at = this.#waiting.findIndex((other) => other.kind === kind && other.asker === asker);
      this.#waiting.splice(at < 0 ? this.#waiting.length : at, 1, {
        kind, asker, payload, since, onAnswer,
      });
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
    this.#waiting = this.#waiting.filter((other) => other.kind !== kind);
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
    const next = this.#waiting.find((other) => other.kind === kind);
    if (next) {
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      this.request(kind, next.payload, next.since, next.onAnswer, next.asker);
    }
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

  /** For good. */
  close() {
    this.#closed.abort();
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#pulseTimer);
    this.#socket?.close(1000);
    this.#socket = null;
  }
}

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
