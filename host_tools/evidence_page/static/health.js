// How the destination is: the light and its reasons, storage, quarantine, each wearer and camera. Looks again by itself.

import { get, tell } from "../kit/js/api.js";
import { byId, fill, h } from "../kit/js/dom.js";
import { at, count, size } from "../kit/js/format.js";
import { Table } from "../kit/js/table.js";
import { t } from "../kit/js/texts.js";
import { addressOf, may, named, plainTable } from "./words.js";

const LOOK_MS = 15_000;
const KINDS = { live: "info", ok: "good", licence: "bad", missing: "bad", disabled: "" };

const devices = new Table(byId("devices"), {
  label: t("health.devices"),
  keyOf: (row) => `${row.kind} ${row.id}`,
  empty: t("health.no_devices"),
  sortBy: "name",
  minWidth: 560,
  columns: [
    { key: "name", label: t("health.name"), width: "minmax(180px, 2fr)", sort: (row) => row.name || row.key || row.id, render: (row) => named(row.name, row.key || row.id) },
    { key: "kind", label: t("health.kind"), width: "120px", sort: (row) => row.kind, render: (row) => t(`kind.${row.kind}`) },
    { key: "status", label: t("health.status"), width: "minmax(150px, 1fr)", sort: (row) => Object.keys(KINDS).indexOf(row.status), render: (row) => h("span", { class: `badge ${KINDS[row.status] ?? ""}` }, t(`device.${row.status}`)) },
    { key: "last", label: t("health.last"), width: "minmax(150px, 1fr)", sort: (row) => row.last_unix_ms, render: (row) => (row.last_unix_ms === null ? "–" : at(row.last_unix_ms)) },
  ],
});

let told = "";
await look();
setInterval(look, LOOK_MS);
byId("log").hidden = !(await may("log"));

async function look() {
  try {
    show(await get("/overview"), await may("view"));
  } catch (error) {
    if (error.message !== told) tell(error); // once, not every time
    told = error.message;
  }
}

function show(found, mayLook) {
  told = "";
  byId("light").dataset.light = found.light;
  fill(byId("light-heading"), t(`light.${found.light}`));
  fill(byId("problems"), found.problems.map((problem) => h("li", {}, problem)));
  fill(byId("figures"), figures(found).map(([label, value, note, kind]) => tile(label, value, note, kind)));
  showQuarantine(found, mayLook);
  devices.set(found.devices);
}

function figures(found) {
  const { storage, keeping } = found;
  const low = storage.free_bytes < storage.warn_below_bytes ? "bad" : storage.free_bytes < storage.advised_bytes ? "warn" : "";
  const days = keeping.days === null ? t("keep.for_ever") : t("health.keep_days", { n: keeping.days });
  return [
    [t("health.free"), size(storage.free_bytes), t("health.free_note", { size: size(storage.warn_below_bytes) }), low],
    [t("health.held"), size(storage.held_bytes), days, ""],
    [t("health.recordings"), count(found.recordings), t("health.receiving", { n: found.receiving }), ""],
    [t("health.licences"), found.licences === null ? count(found.licences_used) : t("health.of", { used: count(found.licences_used), all: count(found.licences) }), t(`health.mode.${found.mode}`), found.licences !== null && found.licences_used >= found.licences ? "warn" : ""],
  ];
}

function tile(label, value, note, kind) {
  return h("div", { class: `card tile ${kind}` }, h("h2", {}, label), h("p", { class: "figure" }, value), h("p", { class: "muted small" }, note));
}

function showQuarantine(found, mayLook) {
  const columns = [
    { label: t("recording.title"), class: "lead", render: (row) => (mayLook ? h("a", { href: addressOf(row.container) }, row.container) : row.container) },
    { label: t("recording.camera"), render: (row) => row.camera },
    { label: t("health.reason"), render: (row) => row.reason },
    { label: t("health.days_left"), class: "nowrap", render: (row) => (row.days_left === null ? t("keep.for_ever") : t("health.days", { n: row.days_left })) },
  ];
  const none = found.keeping.quarantine_days === null ? t("health.quarantine_off") : t("health.quarantine_empty");
  fill(byId("quarantine"), found.quarantined.length ? plainTable(t("health.quarantine"), columns, found.quarantined) : h("p", { class: "empty" }, none));
}
