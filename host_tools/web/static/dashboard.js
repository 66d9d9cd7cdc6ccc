// The dashboard: what needs a person, what is docked where, what is on its way. Follows the live view.

import { send } from "../kit/js/api.js";
import { byId, fill, h, icon } from "../kit/js/dom.js";
import { ago, count, percent, rate, size } from "../kit/js/format.js";
import { live } from "../kit/js/live.js";
import { t, tOr } from "../kit/js/texts.js";
import { may } from "./may.js";
import { button } from "./pieces.js";
import { alertDetails, alertMeaning, alertRemedies, alertTitle, bar, destinationText, stateText } from "./words.js";

const TRANSFERS_SHOWN_MAX = 20;
const SEVERITY_ORDER = ["error", "warning", "note"];
const SEVERITY_KINDS = { error: "bad", warning: "warn", note: "info" };
const ENDED = new Set(["delivered", "erased"]);
const TROUBLED = new Set(["set_aside", "trouble"]);

const drawn = new Map(); // what each part was drawn from, so that nothing is drawn twice

live.watch(draw);
draw();

function draw() {
  part("figures", figures, [live.all("camera"), live.all("alert"), live.all("storage"), live.all("destination"), live.all("transfer")]);
  part("alerts", alerts, live.all("alert"));
  part("docks", docks, [live.all("dock"), live.all("camera"), live.all("transfer"), live.all("alert")]);
  part("transfers", transfers, [live.all("transfer"), live.all("camera")]);
}

function part(id, make, from) {
  const key = JSON.stringify(from);
  if (drawn.get(id) === key) return;
  drawn.set(id, key);
  fill(byId(id), make());
}

// -- at a glance

function figures() {
  const cameras = live.all("camera");
  const members = cameras.filter((camera) => camera.admission === "member");
  const docked = members.filter((camera) => camera.online);
  const troubled = cameras.filter((camera) => camera.trouble || (camera.online && camera.admission !== "member")).map((camera) => camera.serial);
  const trouble = new Set([...troubled, ...live.all("alert").map((alert) => alert.device)]); // devices of any kind, each once
  const moving = live.all("transfer").filter((transfer) => transfer.stage === "offloading" || transfer.stage === "delivering");
  const destination = live.find("destination", "destination");
  return [
    tile(t("dashboard.cameras_docked"), `${count(docked.length)} / ${count(members.length)}`, "", "/cameras"),
    tile(t("dashboard.cameras_away"), count(members.length - docked.length), "", "/cameras?state=undocked"),
    tile(t("dashboard.trouble"), count(trouble.size), trouble.size ? "warn" : "", "#alerts"),
    tile(t("dashboard.transferring"), count(moving.length), moving.length ? "accent" : ""),
    storage(live.find("storage", "spool")),
    destination
      ? tile(t("dashboard.destination"), destination.trouble ? t("dashboard.destination_down") : t("dashboard.destination_up"), destination.trouble ? "bad" : "good", "", destinationText(destination.trouble || destination.name))
      : null,
  ];
}

function tile(label, value, kind = "", href = "", note = "") {
  const inner = [h("span", { class: "tile-label" }, label), h("span", { class: "tile-value" }, value), note ? h("span", { class: "tile-note" }, note) : null];
  return href ? h("a", { class: `tile ${kind}`, href }, inner) : h("div", { class: `tile ${kind}` }, inner);
}

function storage(spool) {
  if (!spool) return null;
  const kind = { ok: "", almost_full: "warn", full: "bad" }[spool.level] ?? "";
  // What other programs have on the disk is neither ours nor free.
  const room = spool.used_bytes + spool.reserved_bytes + spool.free_bytes;
  const used = t("dashboard.storage_of", { used: size(spool.used_bytes), free: size(spool.free_bytes) });
  const share = (spool.used_bytes + spool.reserved_bytes) / room;
  return h(
    "div",
    { class: `tile ${kind}` },
    h("span", { class: "tile-label" }, t("dashboard.storage")),
    h("span", { class: "tile-value" }, percent(spool.used_bytes, room)),
    bar(share, kind),
    h("span", { class: "tile-note" }, spool.reserved_bytes ? `${used}, ${t("dashboard.reserved", { size: size(spool.reserved_bytes) })}` : used),
  );
}

// -- alerts

function alerts() {
  const open = live.all("alert").sort(byGravity);
  fill(byId("alerts-count"), open.length ? `(${open.length})` : "");
  if (!open.length) return h("p", { class: "notice good" }, t("dashboard.no_alerts"));
  return open.map(alertCard);
}

/** The gravest thing that is wrong with a device; undefined for none. */
function worstAlert(device) {
  return live.all("alert").filter((alert) => alert.device === device && alert.severity !== "note").sort(byGravity)[0];
}

function byGravity(a, b) {
  return SEVERITY_ORDER.indexOf(a.severity) - SEVERITY_ORDER.indexOf(b.severity) || (b.raised_unix_ms ?? 0) - (a.raised_unix_ms ?? 0);
}

function alertCard(alert) {
  const kind = SEVERITY_KINDS[alert.severity] ?? "warn";
  const [details, remedies] = [alertDetails(alert), alertRemedies(alert)];
  return h(
    "article",
    { class: `alert ${kind}` },
    icon("alert", tOr(`severity.${alert.severity}`, "")),
    h(
      "div",
      { class: "alert-text" },
      h("h3", {}, alert.device ? deviceLink(alert) : null, alertMeaning(alert)),
      details ? h("p", { class: "muted" }, details) : null,
      remedies.length ? h("div", {}, h("span", { class: "alert-do" }, t("dashboard.what_to_do")), h("ol", {}, remedies.map((each) => h("li", {}, each)))) : null,
    ),
    Number.isFinite(alert.raised_unix_ms) ? h("span", { class: "muted small nowrap" }, ago(alert.raised_unix_ms)) : null,
  );
}

function deviceLink(alert) {
  const text = `${alert.device}: `;
  return live.find("camera", alert.device) ? [h("a", { href: `/cameras/${encodeURIComponent(alert.device)}` }, alert.device), ": "] : text;
}

// -- docks and bays

function docks() {
  const found = live.all("dock").sort((a, b) => a.serial.localeCompare(b.serial, undefined, { numeric: true }));
  if (!found.length) return h("p", { class: "empty" }, t("dashboard.no_docks"));
  return found.map((dock) =>
    h("article", { class: "card dock" }, h("h3", {}, dock.serial, " ", h("span", { class: "muted small" }, dock.model.replaceAll("_", " "))), h("div", { class: "bays" }, dock.bays.map((bay) => bayTile(bay, dock)))),
  );
}

function bayTile(bay, dock) {
  const camera = bay.camera ? live.find("camera", bay.camera) : null;
  const alert = camera ? worstAlert(camera.serial) : null;
  const kind = bayKind(bay, camera, alert);
  const label = h("span", { class: "bay-number" }, t("dashboard.bay", { n: bay.bay }));
  if (bay.state === "free") return h("div", { class: "bay free" }, label, h("span", { class: "muted" }, t("dashboard.bay_free")));
  if (!camera) return h("div", { class: `bay ${kind}` }, label, h("span", {}, bay.camera || t("dashboard.bay_no_camera")), h("span", { class: "muted small" }, bayState(bay)), again(bay, dock));
  const transfer = live.all("transfer").find((each) => each.recording === camera.offloading);
  return h(
    "a",
    { class: `bay ${kind}`, href: `/cameras/${encodeURIComponent(camera.serial)}` },
    h("span", { class: "bay-top" }, label, h("span", { class: `lamp lamp-${bay.lamp}`, "aria-hidden": "true" })),
    h("strong", {}, camera.name || camera.serial),
    h("span", { class: "bay-wearer" }, camera.wearer || t("dashboard.nobody")),
    h("span", { class: "muted small" }, camera.trouble || (alert ? alertTitle(alert) : "") || (transfer ? tOr(`stage.${transfer.stage}`, "") : camera.admission === "member" ? tOr(`lamp.${bay.lamp}`, stateText(camera.state)) : stateText(camera.state))),
    transfer ? bar(transfer.bytes_here / transfer.bytes_whole, "") : Number.isFinite(camera.battery_percent) ? battery(camera, bay, alert) : null,
  );
}

/** The way out for a bay without power: what was switched off is switched on, what is at fault is tried once more. */
function again(bay, dock) {
  const path = `/docks/${encodeURIComponent(dock.serial)}/bays/${bay.bay}`;
  if (bay.state === "off" && may("set_bay_power")) return button(t("dashboard.power_on"), "small", () => send("PUT", `${path}/power`, { on: true }), t("dashboard.power_is_on", { n: bay.bay }));
  if (bay.state === "fault" && may("power_cycle_bay")) return button(t("dashboard.power_again"), "small", () => send("POST", `${path}/power-cycles`), t("dashboard.power_tried", { n: bay.bay }));
  return null;
}

function battery(camera, bay, alert) {
  const low = camera.battery_percent < 20;
  return h(
    "span",
    { class: "battery" },
    bar(camera.battery_percent / 100, low ? "bad" : "good"),
    h("span", { class: "small nowrap" }, bay.current_ua > 20_000 && alert?.kind !== "unable_to_charge" ? icon("bolt", t("dashboard.charging")) : null, `${camera.battery_percent} %`),
  );
}

function bayKind(bay, camera, alert) {
  if (alert?.severity === "error" || bay.state === "fault" || bay.verdict === "fail" || camera?.trouble) return "bad";
  if (alert || bay.verdict === "marginal" || (camera && camera.admission !== "member") || (bay.state !== "free" && !camera)) return "warn";
  return bay.lamp === "ready" ? "good" : "accent";
}

function bayState(bay) {
  return tOr(`bay.${bay.state}`, bay.state);
}

// -- transfers

function transfers() {
  const found = live.all("transfer").sort((a, b) => rank(a) - rank(b) || b.changed_unix_ms - a.changed_unix_ms);
  if (!found.length) return h("p", { class: "empty" }, t("dashboard.no_transfers"));
  return found.slice(0, TRANSFERS_SHOWN_MAX).map(transferRow);
}

function rank(transfer) {
  return TROUBLED.has(transfer.stage) ? 0 : ENDED.has(transfer.stage) ? 2 : 1;
}

function transferRow(transfer) {
  const camera = live.find("camera", transfer.camera);
  const part = transfer.stage === "offloading" ? transfer.bytes_here / transfer.bytes_whole : 1;
  const kind = TROUBLED.has(transfer.stage) ? "bad" : ENDED.has(transfer.stage) ? "good" : "";
  const stage = tOr(`stage.${transfer.stage}`, transfer.stage);
  const speed = transfer.stage === "offloading" && camera?.mb_per_s ? rate(camera.mb_per_s) : "";
  return h(
    "div",
    { class: "transfer" },
    h("span", { class: "transfer-who" }, h("strong", {}, transfer.camera || "–"), " ", h("span", { class: "muted" }, camera?.wearer ?? "")),
    h("span", { class: `badge ${kind || "accent"}` }, stage),
    bar(part, kind, `${transfer.camera} ${stage}`),
    h("span", { class: "small muted numeric nowrap" }, `${size(transfer.bytes_here)} / ${size(transfer.bytes_whole)}${speed ? `, ${speed}` : ""}`),
    transfer.text ? h("p", { class: "transfer-text small" }, transfer.text) : null,
  );
}
