// One recording: playing, bookmarks, trail, custody, digests, who has looked. Everything over the API.

import { get, tell } from "../kit/js/api.js";
import { byId, fill, h, meta } from "../kit/js/dom.js";
import { at, exactly, size, span } from "../kit/js/format.js";
import { t, tOr } from "../kit/js/texts.js";
import { Player } from "./player.js";
import { Trail } from "./trail.js";
import { cameraText, causeText, clockText, keptText, may, plainTable, stateBadge, wearerText } from "./words.js";

const container = meta("argument-container");
const base = `/recordings/${encodeURIComponent(container)}`;
const PLAIN_SECONDS_MAX = 3;

await start();

async function start() {
  try {
    const [recording, mayExport, mayAudit] = await Promise.all([get(base), may("export"), may("log")]);
    show(recording, mayExport);
    if (mayAudit) showSeen((await get(`${base}/seen`)).rows);
  } catch (error) {
    tell(error);
    fill(byId("notices"), h("p", { class: "notice bad" }, error.message));
  }
}

function show(recording, mayExport) {
  const title = recording.started_unix_ms === null ? recording.container : t("recording.heading", { when: at(recording.started_unix_ms), wearer: wearerText(recording) });
  byId("heading").textContent = title;
  document.title = `${title} · ${document.title.split(" · ").at(-1)}`;
  fill(byId("badges"), stateBadge(recording), h("span", { class: `badge ${recording.locked_by ? "accent" : ""}`, id: "kept" }, keptText(recording)));
  showNotices(recording);
  showActions(recording, mayExport);
  showFacts(recording);
  const player = showPlayer(recording, mayExport);
  const marks = recording.bookmarks.map((mark) => ({ ...mark, seconds: secondsOf(recording, mark.started) }));
  showMarks(marks, player);
  showTrail(recording, player);
  showCustody(recording);
  showObjects(recording, mayExport);
  pairs(byId("metadata-list"), Object.entries(recording.metadata));
  byId("metadata").hidden = false;
}

function showNotices(recording) {
  const found = [];
  if (recording.state === "quarantine") found.push(["bad", t("recording.quarantined", { reason: recording.quarantine })]);
  if (recording.state === "rejected") found.push(["warn", t("recording.rejected", { reason: recording.rejected || "–" })]);
  if (recording.state === "arriving") found.push(["", t("recording.still_arriving")]);
  fill(byId("notices"), found.map(([kind, text]) => h("p", { class: `notice ${kind}` }, text)));
}

function showActions(recording, mayExport) {
  const href = `/api/v1${base}/export`;
  const take = mayExport
    ? h("a", { class: "button primary", id: "export", href, download: `${container}.zip` }, t("recording.export"))
    : h("p", { class: "muted small" }, t("recording.no_export"));
  fill(byId("actions"), take);
}

function showFacts(recording) {
  const place = recording.track[0];
  const near = place ? h("a", { href: `/?place=${place.latitude},${place.longitude}&radius=200` }, t("recording.near")) : null;
  pairs(byId("facts-list"), [
    [t("recording.wearer"), wearerText(recording)],
    [t("recording.camera"), cameraText(recording)],
    [t("recording.cause"), causeText(recording.cause)],
    [t("recording.started"), recording.started_unix_ms === null ? t("recording.unknown_time") : at(recording.started_unix_ms)],
    [t("recording.length"), h("span", { id: "length" }, recording.duration_ms === null ? "–" : span(recording.duration_ms))],
    [t("recording.time_zone"), recording.time_zone || "–"],
    [t("recording.received"), at(recording.received_unix_ms)],
    [t("recording.kept"), keptText(recording)],
    near ? [t("recording.place"), near] : null,
  ].filter(Boolean));
  byId("facts").hidden = false;
}

function showPlayer(recording, mayExport) {
  byId("player").hidden = false;
  const player = new Player(byId("player-body"), recording, { addressOf: (clip) => objectAddress(clip.name), canTake: mayExport });
  // Start and stop are sent in whole seconds: what the pictures say is exact, and what the player shows.
  player.addEventListener("length", () => fill(byId("length"), span(1000 * Math.floor(player.length))));
  return player;
}

function showMarks(marks, player) {
  byId("marks").hidden = false;
  if (!marks.length) fill(byId("marks-list"), h("li", { class: "muted" }, t("recording.no_bookmarks")));
  else fill(byId("marks-list"), marks.map((mark) => markRow(mark, player)));
  player.setMarks(marks.filter((mark) => mark.seconds !== null).map((mark) => ({ seconds: mark.seconds, text: mark.text })));
}

function markRow(mark, player) {
  const known = mark.seconds !== null;
  const go = h("button", { class: "button small seek", type: "button", disabled: !known, "aria-label": t("recording.seek", { place: known ? clockText(mark.seconds) : "–" }), onclick: () => player.seek(mark.seconds) }, known ? clockText(mark.seconds) : "–");
  const category = mark.category || mark.category_id;
  const text = mark.location ? mark.text.replaceAll(mark.location, () => placeText(mark.location)) : mark.text; // not as machines write it
  return h("li", {}, go, h("div", {}, category ? h("span", { class: "badge info" }, category) : null, h("p", { class: "mark-text" }, text), mark.location && !mark.text.includes(mark.location) ? h("p", { class: "muted small" }, placeText(mark.location)) : null));
}

function showTrail(recording, player) {
  if (!recording.track.length) return;
  byId("trail").hidden = false;
  const trail = new Trail(byId("trail-body"), recording.track, { tiles: meta("argument-tiles"), attribution: meta("argument-attribution"), onPick: (seconds) => player.seek(seconds) });
  player.addEventListener("time", (event) => trail.show(event.detail));
}

function showCustody(recording) {
  byId("custody").hidden = false;
  const columns = [
    { label: t("custody.sequence"), class: "numeric", render: (row) => String(row.sequence) },
    { label: t("custody.event"), class: "lead", render: (row) => tOr(`custody.events.${row.event}`, row.event) },
    { label: t("custody.at"), render: (row) => exactly(row.at_unix_ms) },
  ];
  const head = Object.entries(recording.ledger_head).map(([key, value]) => [tOr(`custody.heads.${key}`, key), key === "LedgerTime" ? exactly(Number(value)) : value]);
  fill(
    byId("custody-body"),
    h("p", {}, t("custody.lead")),
    recording.custody.length ? [plainTable(t("custody.title"), columns, recording.custody), hasGaps(recording.custody) ? h("p", { class: "hint" }, t("custody.gaps")) : null] : h("p", { class: "empty" }, t("custody.none")),
    head.length ? [h("h3", {}, t("custody.head")), pairs(h("dl", { class: "pairs small" }), head)] : null,
  );
}

/** The ledger is one chain for all recordings: numbers that are missing here are entries about others. */
function hasGaps(rows) {
  return rows.some((row, number) => number > 0 && row.sequence !== rows[number - 1].sequence + 1);
}

function showObjects(recording, mayExport) {
  const columns = [
    { label: t("objects.name"), class: "lead mono", render: (row) => (mayExport ? h("a", { href: objectAddress(row.name), download: row.name }, row.name) : row.name) },
    { label: t("objects.size"), class: "nowrap", render: (row) => size(row.bytes) },
    { label: t("objects.sha256"), class: "mono digest", render: (row) => row.sha256 },
  ];
  fill(byId("objects-body"), h("p", {}, t("objects.lead")), plainTable(t("objects.title"), columns, recording.objects));
  byId("objects").hidden = false;
}

function showSeen(rows) {
  const columns = [
    { label: t("seen.when"), class: "lead", render: (row) => at(row.at_unix_ms) },
    { label: t("seen.who"), render: (row) => row.account },
    { label: t("seen.what"), render: (row) => tOr(`seen.actions.${row.action}`, row.action) },
    { label: t("seen.from"), render: (row) => row.origin },
    { label: t("seen.to"), render: (row) => row.to },
  ];
  fill(byId("seen-body"), plainTable(t("seen.title"), columns, rows));
  byId("seen").hidden = false;
}

function pairs(list, rows) {
  return fill(list, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function objectAddress(name) {
  return `/api/v1${base}/objects/${encodeURIComponent(name)}`;
}

/** Seconds from the recording's start; null if one of the two is not known. A clock's rounding is no negative time. */
function secondsOf(recording, started) {
  const ms = Date.parse(started);
  if (!Number.isFinite(ms) || recording.started_unix_ms === null) return null;
  const seconds = (ms - recording.started_unix_ms) / 1000;
  return seconds < 0 && seconds > -PLAIN_SECONDS_MAX ? 0 : seconds;
}

/** `latitude;longitude;accuracy;time`, as controllers write it; anything else as it stands. */
function placeText(location) {
  const [latitude, longitude, accuracy] = location.split(";");
  if (!longitude) return location;
  return t("recording.location", { latitude, longitude, accuracy: accuracy || "?" });
}
