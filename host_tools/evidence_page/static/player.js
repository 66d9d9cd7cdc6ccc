// Plays a recording's clips as they were received, one after the other, on one time line with its bookmarks.
//
// Seconds are those of the recording: a clip lies where its start says. Where it does not say, clips follow each other.

import { fill, h } from "../kit/js/dom.js";
import { size } from "../kit/js/format.js";
import { t } from "../kit/js/texts.js";
import { clockText } from "./words.js";

/** Fires "time" (detail: seconds) while it plays, and "length" when a clip has told how long it is. `addressOf(clip)`: of its bytes; `canTake`: may be downloaded. */
export class Player extends EventTarget {
  constructor(holder, recording, { addressOf, canTake }) {
    super();
    this.addressOf = addressOf;
    this.canTake = canTake;
    this.startMs = recording.started_unix_ms;
    this.clips = laidOut(recording);
    this.seconds = 0;
    this.now = null;
    this._build(holder, recording);
    const first = this.clips.find((clip) => !clip.encrypted);
    if (first) this._load(first, 0, false);
    else this._say(this.clips.length ? t("player.encrypted") : t("player.none"));
  }

  /** Where the recording ends, seconds. */
  get end() {
    return Math.max(0, ...this.clips.map((clip) => clip.from + clip.seconds));
  }

  /** How long the pictures are, all clips together, seconds. */
  get length() {
    return this.clips.reduce((sum, clip) => sum + clip.seconds, 0);
  }

  /** Go to a place of the recording. */
  seek(seconds) {
    const clip = this._clipAt(seconds);
    if (!clip) return;
    const within = Math.max(0, seconds - clip.from);
    if (clip === this.now) this._jump(within);
    else this._load(clip, within, !this.video.paused);
  }

  /** Marks on the line: `[{seconds, text}]`. */
  setMarks(marks) {
    this.marks = marks;
    this._drawMarks();
  }

  _build(holder) {
    this.video = h("video", { class: "video", controls: true, preload: "metadata", playsinline: true, "aria-label": t("player.title") });
    this.problem = h("div", { class: "notice warn", role: "alert", hidden: true });
    this.ticks = h("div", { class: "ticks", "aria-hidden": "true" });
    this.line = h("input", { type: "range", min: 0, max: 1, step: 0.1, value: 0, "aria-label": t("player.position"), oninput: () => this.seek(Number(this.line.value)) });
    this.place = h("output", { class: "place", "aria-hidden": "true" });
    this.which = h("p", { class: "muted small which" });
    fill(holder, this.problem, this.video, h("div", { class: "timeline" }, h("div", { class: "line" }, this.ticks, this.line), this.place), this.which);
    this.video.addEventListener("timeupdate", () => this._tell());
    this.video.addEventListener("seeking", () => this._tell());
    this.video.addEventListener("loadedmetadata", () => this._onMetadata());
    this.video.addEventListener("ended", () => this._onEnded());
    this.video.addEventListener("error", () => this._onError());
  }

  _load(clip, within, plays) {
    this.now = clip;
    this.wanted = within;
    this.plays = plays;
    this.video.hidden = false;
    this.problem.hidden = true;
    this.video.src = this.addressOf(clip);
    this.video.load();
    const number = this.clips.indexOf(clip) + 1;
    fill(this.which, t("player.which", { number, of: this.clips.length, name: clip.name, size: size(clip.bytes) }));
    this._show(clip.from + within);
  }

  _onMetadata() {
    if (Number.isFinite(this.video.duration)) this.now.seconds = this.video.duration; // the clip's own word is exact
    this.dispatchEvent(new Event("length"));
    this._drawMarks();
    if (this.wanted > 0) this._jump(this.wanted);
    else this._show(this.now.from);
    if (this.plays) this.video.play().catch(() => {}); // the browser wants a click first
  }

  _jump(within) {
    const last = Number.isFinite(this.video.duration) ? this.video.duration : within;
    this.video.currentTime = Math.min(within, last);
  }

  _tell() {
    if (this.now && this.video.readyState > 0) this._show(this.now.from + this.video.currentTime);
  }

  _show(seconds) {
    this.seconds = seconds;
    const end = this.end;
    this.line.max = String(Math.max(end, 0.1));
    this.line.value = String(seconds);
    const text = t("player.place", { place: clockText(seconds), end: clockText(end) });
    this.line.setAttribute("aria-valuetext", text);
    this.place.textContent = text;
    this.dispatchEvent(new CustomEvent("time", { detail: seconds }));
  }

  _onEnded() {
    const next = this.clips.slice(this.clips.indexOf(this.now) + 1).find((clip) => !clip.encrypted);
    if (next) this._load(next, 0, true);
  }

  _onError() {
    if (!this.now) return;
    this.video.hidden = true;
    const name = this.now.name;
    const take = this.canTake ? h("a", { class: "button small", href: this.addressOf(this.now), download: name }, t("player.take")) : t("player.ask");
    this._say(t(name.endsWith(".mkv") ? "player.mkv" : "player.unplayable", { name }), take);
  }

  _say(text, more = null) {
    fill(this.problem, h("p", {}, text), more);
    this.problem.hidden = false;
    if (!this.now) this.video.hidden = true;
  }

  _clipAt(seconds) {
    const open = this.clips.filter((clip) => !clip.encrypted);
    return open.findLast((clip) => clip.from <= seconds + 0.001) ?? open[0];
  }

  _drawMarks() {
    const end = this.end || 1;
    fill(this.ticks, (this.marks ?? []).filter((mark) => mark.seconds >= 0 && mark.seconds <= end).map((mark) =>
      h("span", { class: "tick", title: mark.text, style: { left: `${(100 * mark.seconds) / end}%` } })));
  }
}

function laidOut(recording) {
  let end = 0;
  const clips = [...recording.clips].sort((one, other) => (one.started_unix_ms ?? 0) - (other.started_unix_ms ?? 0) || one.name.localeCompare(other.name));
  return clips.map((clip) => {
    const said = clip.started_unix_ms !== null && recording.started_unix_ms !== null;
    const from = said ? Math.max(0, (clip.started_unix_ms - recording.started_unix_ms) / 1000) : end;
    const seconds = clip.stopped_unix_ms !== null && clip.started_unix_ms !== null ? Math.max(0, (clip.stopped_unix_ms - clip.started_unix_ms) / 1000) : 0;
    end = from + seconds;
    return { ...clip, from, seconds };
  });
}
