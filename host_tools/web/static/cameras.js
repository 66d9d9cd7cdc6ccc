// All cameras: filter, search, sort; a thousand without lag. Follows the live view.

import { attempt, send } from "../kit/js/api.js";
import { byId, fill, h } from "../kit/js/dom.js";
import { size, span } from "../kit/js/format.js";
import { live } from "../kit/js/live.js";
import { Table } from "../kit/js/table.js";
import { t } from "../kit/js/texts.js";
import { may } from "./may.js";
import { batteryText, placeText, stateBadge, stateText } from "./words.js";

const table = new Table(byId("table"), {
  label: t("cameras.title"),
  keyOf: (camera) => `${camera.serial} ${camera.admission}`,
  href: (camera) => addressOf(camera),
  minWidth: 976,
  columns: [
    { key: "serial", label: t("cameras.serial"), width: "minmax(130px, 1.6fr)", sort: (camera) => camera.name || camera.serial, render: nameCell },
    { key: "state", label: t("cameras.state"), width: "minmax(124px, 0.8fr)", sort: (camera) => stateText(camera.state), render: (camera) => stateBadge(camera.state) },
    { key: "where", label: t("cameras.where"), width: "minmax(176px, 1fr)", sort: placeText, render: placeText },
    { key: "away", label: t("cameras.away_for"), width: "minmax(92px, 0.6fr)", sort: (camera) => (camera.online ? null : camera.seen_unix_ms), render: awayText },
    { key: "wearer", label: t("cameras.wearer"), width: "minmax(164px, 1.3fr)", sort: (camera) => camera.wearer, render: wearerCell },
    { key: "battery", label: t("cameras.battery"), width: "84px", class: "numeric", sort: (camera) => camera.battery_percent, render: (camera) => h("span", camera.online ? {} : { class: "muted", title: t("cameras.as_last_seen") }, batteryText(camera)) },
    { key: "card", label: t("cameras.card"), width: "98px", class: "numeric", sort: (camera) => camera.storage_free_bytes, render: (camera) => size(camera.storage_free_bytes ?? Number.NaN) },
    { key: "recordings", label: t("cameras.recordings"), width: "108px", class: "numeric", sort: (camera) => camera.recordings, render: (camera) => String(camera.recordings) },
  ],
});

const search = h("input", { type: "search", id: "search", placeholder: t("cameras.search"), autocomplete: "off", oninput: () => narrow() });
const state = h("select", { id: "state", onchange: () => narrow() });
fill(
  byId("toolbar"),
  h("div", { class: "field search" }, h("label", { for: "search" }, t("table.search")), search),
  h("div", { class: "field" }, h("label", { for: "state" }, t("cameras.state")), state),
);

let wanted = new URLSearchParams(location.search).get("state") ?? "";
if (wanted === "undocked") sortByTimeAway();
live.watch((kinds) => kinds.has("camera") && draw());
draw();

function draw() {
  const cameras = live.all("camera");
  const states = [...new Set(cameras.map((camera) => camera.state))].sort();
  if (wanted && !states.includes(wanted)) states.push(wanted);
  const options = ["", ...states].join("|");
  if (state.dataset.options !== options) {
    state.dataset.options = options;
    fill(state, h("option", { value: "" }, t("table.all")), states.map((each) => h("option", { value: each, selected: each === wanted }, stateText(each))));
  }
  table.set(cameras);
  if (!table.narrowed) narrow();
}

function narrow() {
  table.narrowed = true;
  if (state.value === "undocked" && wanted !== state.value) sortByTimeAway();
  wanted = state.value;
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  table.setFilter((camera) => {
    if (wanted && camera.state !== wanted) return false;
    const text = `${camera.serial} ${camera.name ?? ""} ${camera.model} ${camera.wearer} ${(camera.tags ?? []).join(" ")} ${placeText(camera)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function sortByTimeAway() {
  table.sortKey = "away";
  table.down = false;
}

/** How long it has been away. The longest comes first: those whose certificate has ended are among them. */
function awayText(camera) {
  return !camera.online && camera.seen_unix_ms ? span(Date.now() - camera.seen_unix_ms) : "–";
}

function nameCell(camera) {
  return h("a", { href: addressOf(camera) }, camera.name || camera.serial);
}

/** Whose it is; of one that is nobody's yet, the way into the system. */
function wearerCell(camera) {
  if (camera.admission !== "factory" || !may("add_camera")) return camera.wearer || "–";
  const add = h("button", { class: "button small", type: "button", onclick: () => attempt(() => send("POST", `/cameras/${encodeURIComponent(camera.serial)}/membership`), { button: add, done: t("camera.added", { serial: camera.serial }) }) }, t("cameras.add"));
  return add;
}

function addressOf(camera) {
  return `/cameras/${encodeURIComponent(camera.serial)}`;
}
