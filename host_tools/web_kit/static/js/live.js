// What is going on now: a store of rows that follows the server's event stream, and says how the connection does.
//
// It begins to follow, then reads everything, then takes what came meanwhile in its order: nothing is missed, and a row is
// never older than what was told last. A lost connection is taken up where it was; where the server has forgotten that
// place, everything is read anew.

import { get, sessionEnded, tell } from "./api.js";

const QUIET_MS_MAX = 40_000; // the server beats every 15 s; a connection that is silent for longer is dead
const RETRY_MS = 3_000;
const ROWS_PATH = "/live";

export class Live extends EventTarget {
  constructor() {
    super();
    this.rows = new Map(); // kind -> Map(key -> value)
    this.state = "connecting";
    this._waiting = null; // changes that came before everything was read
    this._reading = 0; // which reading of everything counts: the latest that was begun
    this._changed = new Set();
  }

  /** All values of a kind. */
  all(kind) {
    return [...(this.rows.get(kind)?.values() ?? [])];
  }

  find(kind, key) {
    return this.rows.get(kind)?.get(key);
  }

  /** Call `listener(kinds)` after changes, once a frame, with the set of kinds that changed. */
  watch(listener) {
    this.addEventListener("rows", (event) => listener(event.detail));
  }

  start() {
    this._open();
    setInterval(() => this._check(), 5_000);
    addEventListener("online", () => this._reopen());
    return this;
  }

  _open() {
    this._heard = Date.now();
    const source = new EventSource("/api/v1/events");
    this._source = source;
    this._waiting = this._waiting ?? [];
    source.addEventListener("open", () => {
      this._heard = Date.now();
      if (!this._complete) this._read();
      else this._say("live");
    });
    source.addEventListener("change", (event) => this._hear(() => this._take(JSON.parse(event.data))));
    source.addEventListener("happening", (event) =>
      this._hear(() => this.dispatchEvent(new CustomEvent("happening", { detail: JSON.parse(event.data) }))),
    );
    source.addEventListener("reset", () => this._hear(() => this._read()));
    source.addEventListener("ended", () => void sessionEnded());
    source.addEventListener("beat", () => this._hear(() => {}));
    source.addEventListener("error", () => this._lost(source));
  }

  async _read() {
    const mine = (this._reading += 1);
    this._waiting = [];
    this._complete = false;
    let rows;
    try {
      rows = await get(ROWS_PATH);
    } catch (error) {
      if (mine !== this._reading) return;
      if (error.status && error.status !== 401) tell(error);
      this._say("lost");
      setTimeout(() => this._reopen(), RETRY_MS);
      return;
    }
    if (mine !== this._reading) return; // what came since is another reading's
    this.rows.clear();
    for (const row of rows) this._put(row);
    for (const row of this._waiting) this._put(row);
    this._waiting = null;
    this._complete = true;
    this._say("live");
  }

  _take(row) {
    if (this._complete) this._put(row);
    else this._waiting?.push(row);
  }

  _put({ kind, key, value }) {
    if (!this.rows.has(kind)) this.rows.set(kind, new Map());
    if (value === null) this.rows.get(kind).delete(key);
    else this.rows.get(kind).set(key, value);
    if (this._changed.size === 0) requestAnimationFrame(() => this._tell());
    this._changed.add(kind);
  }

  _tell() {
    const kinds = this._changed;
    this._changed = new Set();
    this.dispatchEvent(new CustomEvent("rows", { detail: kinds }));
  }

  _hear(action) {
    this._heard = Date.now();
    action();
  }

  async _lost(source) {
    this._say("lost");
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself, with its last place
    // Refused: the session may have ended. Whoever asks for it is sent to the login page.
    await get("/session").catch(() => {});
    setTimeout(() => this._reopen(), RETRY_MS);
  }

  _check() {
    if (Date.now() - this._heard > QUIET_MS_MAX) this._reopen();
  }

  _reopen() {
    this._source?.close();
    this._reading += 1;
    this._complete = false;
    this._waiting = [];
    this._open();
  }

  _say(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}

/** One for the page. */
export const live = new Live();
