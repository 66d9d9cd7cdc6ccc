// One camera: what it is, where it is, what it holds and where each of its recordings is.

import { attempt, get, send } from "../kit/js/api.js";
import { confirm } from "../kit/js/dialog.js";
import { byId, fill, h, meta } from "../kit/js/dom.js";
import { ago, at, size, span } from "../kit/js/format.js";
import { live } from "../kit/js/live.js";
import { Table } from "../kit/js/table.js";
import { t, tOr } from "../kit/js/texts.js";
import { editCards, gravelyButtons } from "./camera_edit.js";
import { healthCards } from "./camera_health.js";
import { may } from "./may.js";
import { button } from "./pieces.js";
import { openRecording, whereText } from "./recording.js";
import { bar, batteryText, bayOf, placeText, stateBadge, verdictBadge } from "./words.js";

const serial = meta("argument-serial");
const path = `/cameras/${encodeURIComponent(serial)}`;
const RECORDINGS_SHOWN_MAX = 500;
// Of the wire: what makes one for people, digits after the point, their unit. Counts have none.
const UNITS = { uOhm: [1e3, 0, "mΩ"], uV: [1e6, 2, "V"], uA: [1e3, 0, "mA"], ppm: [1, 0, "ppm"], ms: [1, 0, "ms"], mC: [1e3, 0, "°C"] };
const TOLD = new Set(["held", "delivered", "erased", "offload_started", "set_aside"]);

const doing = h("div", { class: "buttons head-actions" });
const details = h("div", { class: "columns" });
const written = h("div", { class: "columns" });
const health = h("div", { class: "columns" });
const holder = h("div", {});
let drawn = "";
fill(byId("camera"), doing, details, written, health, h("section", {}, h("h2", {}, t("camera.its_recordings")), holder));
const table = new Table(holder, {
  label: t("camera.its_recordings"),
  keyOf: (row) => row.recording,
  onOpen: openRecording,
  empty: t("camera.no_recordings"),
  sortBy: "started",
  down: true,
  minWidth: 640,
  columns: [
    { key: "started", label: t("camera.started"), width: "minmax(170px, 1fr)", sort: (row) => row.started_unix_ms, render: (row) => h("button", { class: "link-button", type: "button", onclick: () => openRecording(row) }, at(row.started_unix_ms)) },
    { key: "length", label: t("camera.length"), width: "120px", class: "numeric", sort: (row) => row.duration_ms, render: (row) => span(row.duration_ms) },
    { key: "size", label: t("camera.size"), width: "110px", class: "numeric", sort: (row) => row.bytes, render: (row) => size(row.bytes) },
    { key: "wearer", label: t("cameras.wearer"), width: "minmax(120px, 1fr)", sort: (row) => row.wearer, render: (row) => row.wearer || "–" },
    { key: "place", label: t("camera.place"), width: "minmax(200px, 1.5fr)", sort: whereText, render: (row) => (row.trouble ? h("span", { class: "badge bad", title: row.trouble }, row.trouble) : whereText(row)) },
  ],
});

live.watch((kinds) => (kinds.has("camera") || kinds.has("dock")) && draw());
live.addEventListener("happening", (event) => TOLD.has(event.detail.what) && readRecordings());
draw();
readRecordings();
if (may("list_camera_entries")) editCards(written, serial);
healthCards(health, serial);

async function readRecordings() {
  const answer = await attempt(() => get("/recordings", { camera: serial, limit: RECORDINGS_SHOWN_MAX }));
  if (answer) table.set(answer.rows);
}

function draw() {
  const camera = live.find("camera", serial);
  if (!camera) {
    fill(details, live.state === "live" ? h("p", { class: "notice warn" }, t("camera.unknown")) : null);
    return;
  }
  const key = JSON.stringify([camera, bayOf(camera)]);
  if (key === drawn) return;
  drawn = key;
  if (camera.name) fill(byId("heading"), camera.name, " ", h("span", { class: "muted small" }, serial));
  fill(doing, actions(camera));
  fill(details, facts(camera), contacts(camera));
}

function facts(camera) {
  const rows = [
    [t("cameras.state"), stateBadge(camera.state)],
    [t("cameras.where"), placeText(camera)],
    [t("cameras.wearer"), camera.wearer || "–"],
    [t("cameras.model"), camera.model.replaceAll("_", " ")],
    [t("cameras.firmware"), camera.firmware || "–"],
    [t(camera.online ? "cameras.battery" : "camera.battery_then"), Number.isFinite(camera.battery_percent) ? [batteryText(camera), bar(camera.battery_percent / 100, camera.battery_percent < 20 ? "bad" : "good")] : "–"],
    [t(camera.online ? "cameras.card" : "camera.card_then"), camera.storage_total_bytes ? `${size(camera.storage_free_bytes)} / ${size(camera.storage_total_bytes)}` : "–"],
    !camera.online && camera.seen_unix_ms ? [t("camera.away_since"), `${at(camera.seen_unix_ms)} (${ago(camera.seen_unix_ms)})`] : null,
    [t("camera.kept"), String(camera.recordings)],
    [t("camera.certificate_ends"), at(camera.expires_unix_ms)],
    camera.fingerprint ? [t("camera.fingerprint"), h("code", {}, camera.fingerprint)] : null,
  ].filter(Boolean);
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("camera.details")),
    camera.admission_text ? h("p", { class: "notice warn" }, camera.admission_text) : null,
    camera.trouble ? h("p", { class: "notice bad" }, camera.trouble) : null,
    camera.removing ? h("p", { class: "notice warn" }, t("camera.removing")) : null,
    h("dl", { class: "pairs" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
  );
}

function contacts(camera) {
  const bay = bayOf(camera);
  if (!bay) return null;
  return h(
    "section",
    { class: "card" },
    h("h2", {}, t("camera.contacts")),
    bay.verdict === "not_measured" ? h("p", { class: "muted" }, t("camera.not_measured")) : h("p", {}, verdictBadge(bay.verdict)),
    h("dl", { class: "pairs" }, bay.contacts.filter((row) => row.quantity && row.verdict !== "not_measured").map((row) => [h("dt", {}, tOr(`quantity.${row.quantity}`, row.quantity.replaceAll("_", " "))), h("dd", {}, `${figure(row)} `, verdictBadge(row.verdict))])),
    may("check_contacts") ? h("p", {}, button(t("camera.measure"), "small", () => send("POST", `/docks/${encodeURIComponent(camera.place.dock)}/bays/${bay.bay}/contact-checks`), t("camera.measured"))) : null,
  );
}

function figure(row) {
  if (!Number.isFinite(row.value)) return "–";
  const [whole, digits, unit] = UNITS[row.unit] ?? [1, 0, ""];
  return `${(row.value / whole).toFixed(digits)} ${unit}`.trim();
}

function actions(camera) {
  return [
    camera.admission === "factory" && may("add_camera") ? button(t("cameras.add"), "primary", () => send("POST", `${path}/membership`), t("camera.added", { serial })) : null,
    camera.online && camera.admission === "member" && may("indicate_camera") ? button(t("camera.show"), "", () => send("POST", `${path}/indications`, { pattern: "assigned" }), t("camera.shown")) : null,
    ...gravelyButtons(camera),
    camera.admission === "member" && may("remove_camera") ? removal(camera) : null,
  ];
}

function removal(camera) {
  if (camera.removing) return button(t("camera.keep"), "", () => send("DELETE", `${path}/membership`, undefined, { query: { keep: true } }), t("camera.removal_withdrawn", { serial }));
  const made = h("button", { class: "button danger", type: "button", onclick: () => remove(made) }, t("camera.remove"));
  return made;
}

async function remove(made) {
  if (!(await confirm(t("camera.remove_ask", { serial }), t("camera.remove_text"), { ok: t("camera.remove"), danger: true }))) return;
  await attempt(() => send("DELETE", `${path}/membership`), { button: made, done: t("camera.removal_asked", { serial }) });
}
