// How the destination says what a recording is: its name, state and lock; and who is logged in.

import { get } from "../kit/js/api.js";
import { h } from "../kit/js/dom.js";
import { zone } from "../kit/js/format.js";
import { language, t, tOr } from "../kit/js/texts.js";

const KINDS = { complete: "good", arriving: "info", quarantine: "bad", rejected: "warn" };
export const STATES = Object.keys(KINDS);
const day = new Intl.DateTimeFormat(language, { timeZone: zone, year: "numeric", month: "short", day: "numeric" });

const session = get("/session").catch(() => ({ may: [] }));

/** Whether whoever is logged in may: decides what is shown. The server decides what happens. */
export async function may(what) {
  return (await session).may.includes(what);
}

export function stateBadge(row) {
  return h("span", { class: `badge ${KINDS[row.state] ?? ""}` }, tOr(`state.${row.state}`, row.state));
}

/** Until when it is kept, and what locks it. */
export function keptText(row) {
  if (row.keep_until_unix_ms === null) return t("keep.for_ever");
  return t(row.locked_by ? "keep.locked" : "keep.until", { when: day.format(new Date(row.keep_until_unix_ms)), by: row.locked_by });
}

export function keptBadge(row) {
  if (!row.locked_by) return null;
  return h("span", { class: "badge accent" }, keptText(row));
}

export function wearerText(row) {
  return named(row.wearer_name, row.wearer_key || row.wearer) || t("recording.nobody");
}

export function cameraText(row) {
  return named(row.camera_name, row.camera);
}

export function causeText(cause) {
  return tOr(`cause.${cause}`, cause || "–");
}

export function addressOf(container) {
  return `/recordings/${encodeURIComponent(container)}`;
}

export function named(name, id) {
  return name && name !== id ? `${name} (${id})` : id;
}

/** Hours, minutes and seconds of a place in a recording. */
export function clockText(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value) => String(value).padStart(2, "0");
  const rest = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return whole >= 3600 ? `${Math.floor(whole / 3600)}:${rest}` : rest;
}

/** A table of plain rows: `columns` `[{label, render(row), class}]`; a stack of cards where there is no room. */
export function plainTable(label, columns, rows) {
  return h(
    "table",
    { class: "rows", "aria-label": label },
    h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col", class: column.class ?? "" }, column.label)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, columns.map((column) => h("td", { class: column.class ?? "", "data-label": column.label }, column.render(row)))))),
  );
}
