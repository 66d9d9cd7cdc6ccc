// How a camera's battery and contacts did over time, as charts with a table beside them.

import { attempt, get } from "../kit/js/api.js";
import { lineChart } from "../kit/js/chart.js";
import { fill, h } from "../kit/js/dom.js";
import { at } from "../kit/js/format.js";
import { live } from "../kit/js/live.js";
import { t, tOr } from "../kit/js/texts.js";
import { may } from "./may.js";
import { card, pairs } from "./pieces.js";
import { verdictBadge } from "./words.js";

const UNKNOWN_PERCENT = 255;
const DOCKINGS_MAX = 200;
const ROWS_SHOWN = 12;
const PASS_MOHM = 60; // docs/docking.md: beyond it a pair of contacts is worth a look
const TOLD = new Set(["docked", "camera_ready", "contact_history", "usage_read", "contacts"]);
const READ_AFTER_MS = 2_000;

/** Draws both cards into `holder`, and anew when the camera was docked. */
export function healthCards(holder, serial) {
  const battery = h("div", {});
  const contacts = h("div", {});
  fill(holder, battery, contacts);
  let charges = [];
  const told = () => {
    const camera = live.find("camera", serial);
    const { charging, cell_uv, charge_ua, ...kept } = camera?.battery ?? {}; // the first three are of this moment
    return camera?.online ? camera.battery ?? {} : kept;
  };
  const drawBattery = () => fill(battery, batteryCard(told(), charges));
  const read = async () => {
    charges = await get(`/cameras/${encodeURIComponent(serial)}/charges`);
    drawBattery();
    if (may("contact_history")) fill(contacts, contactsCard(await get("/contact-history", { camera: serial, limit: DOCKINGS_MAX })));
  };
  let waiting = 0;
  live.addEventListener("happening", ({ detail }) => {
    if (!TOLD.has(detail.what) || (detail.camera && detail.camera !== serial) || waiting) return;
    waiting = setTimeout(() => {
      waiting = 0;
      attempt(read);
    }, READ_AFTER_MS);
  });
  let shown = "";
  live.watch((kinds) => {
    const key = JSON.stringify(told());
    if (!kinds.has("camera") || key === shown) return;
    shown = key;
    drawBattery();
  });
  attempt(read);
}

function batteryCard(battery, charges) {
  const known = (value) => Number.isFinite(value) && value !== UNKNOWN_PERCENT;
  const rows = [
    battery.charging ? [t("health.charging"), [tOr(`charging.${battery.charging}`, battery.charging.replaceAll("_", " ")), battery.reason ? ` (${battery.reason})` : ""]] : null,
    known(battery.cell_uv) && battery.cell_uv > 0 ? [t("health.cell"), `${(battery.cell_uv / 1e6).toFixed(2)} V`] : null,
    known(battery.charge_ua) && battery.charging ? [t("health.current"), `${Math.round(battery.charge_ua / 1000)} mA`] : null,
    known(battery.docked_percent) ? [t("health.docked"), `${battery.docked_percent} %`] : null,
    known(battery.undocked_percent) ? [t("health.undocked"), `${battery.undocked_percent} %`] : null,
    known(battery.cycles_percent) ? [t("health.cycles"), (battery.cycles_percent / 100).toFixed(1)] : null,
    known(battery.empty_shutdowns) ? [t("health.empty"), h("span", { class: `badge ${battery.empty_shutdowns ? "warn" : "good"}` }, String(battery.empty_shutdowns))] : null,
  ].filter(Boolean);
  return card(
    t("health.battery"),
    rows.length ? pairs(rows) : h("p", { class: "muted" }, t("health.battery_unknown")),
    charges.length > 1
      ? lineChart(charges.map((each) => [each.at_unix_ms, each.percent]), { label: chargeText(charges), xText: at, yText: (value) => `${value} %`, yMin: 0, yMax: 100, limit: 20 })
      : h("p", { class: "muted" }, t("health.no_charges")),
    charges.length > 1 ? h("p", { class: "muted small" }, chargeText(charges)) : null,
  );
}

function chargeText(charges) {
  const lowest = Math.min(...charges.map((each) => each.percent));
  return t("health.charges", { n: charges.length, lowest, latest: charges.at(-1).percent });
}

function contactsCard(rows) {
  const measured = rows.filter((row) => Number.isFinite(row.resistance_uohm)).reverse();
  const points = measured.map((row) => [row.at_unix_ms, row.resistance_uohm / 1000]);
  const highest = Math.max(PASS_MOHM * 1.2, ...points.map(([, y]) => y));
  const said = points.length ? t("health.resistances", { n: points.length, latest: points.at(-1)[1].toFixed(0), limit: PASS_MOHM }) : "";
  return card(
    t("health.contacts"),
    points.length > 1
      ? [lineChart(points, { label: said, xText: at, yText: (value) => `${Math.round(value)} mΩ`, yMin: 0, yMax: highest, limit: PASS_MOHM }), h("p", { class: "muted small" }, said)]
      : h("p", { class: "muted" }, said || t("health.no_resistance")),
    rows.length ? table(rows.slice(0, ROWS_SHOWN)) : h("p", { class: "muted" }, t("health.no_dockings")),
  );
}

function table(rows) {
  const heads = [t("health.when"), t("health.bay"), t("health.verdict"), t("health.resistance")];
  return h(
    "div",
    { class: "plain-table", tabindex: 0, role: "region", "aria-label": t("health.contacts") },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, [at(row.at_unix_ms), `${row.dock}, ${row.bay}`, verdictBadge(row.verdict), Number.isFinite(row.resistance_uohm) ? `${(row.resistance_uohm / 1000).toFixed(0)} ± ${((row.uncertainty_uohm ?? 0) / 1000).toFixed(0)} mΩ` : "–"].map((cell) => h("td", {}, cell))))),
    ),
  );
}
