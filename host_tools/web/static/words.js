// How the manager says what a row of the live view is: states, places, badges.

import { h } from "../kit/js/dom.js";
import { live } from "../kit/js/live.js";
import { t, tOr } from "../kit/js/texts.js";

const STATE_KINDS = {
  ready: "good",
  docked: "accent",
  recording: "info",
  undocked: "",
  factory: "warn",
  safe_mode: "warn",
  malfunctioning: "bad",
  unknown: "bad",
  refused: "bad",
  revoked: "bad",
};
const VERDICT_KINDS = { pass: "good", marginal: "warn", fail: "bad", not_measured: "" };

export function stateText(state) {
  return tOr(`state.${state || "unknown"}`, state.replaceAll("_", " "));
}

export function stateBadge(state) {
  return h("span", { class: `badge ${STATE_KINDS[state] ?? ""}` }, stateText(state));
}

export function verdictBadge(verdict) {
  return h("span", { class: `badge ${VERDICT_KINDS[verdict] ?? ""}` }, tOr(`verdict.${verdict}`, verdict));
}

// What an alert says, by its codes; its own English where this page's catalogue is older than the controller.

export function alertTitle(alert) {
  return tOr(`alert.${alert.kind}.title`, alert.title);
}

export function alertMeaning(alert) {
  return tOr(`alert.${alert.kind}.meaning`, alert.meaning);
}

export function alertDetails(alert) {
  return alert.words.details ? said(alert.words.details, alert.details) : alert.details;
}

export function alertRemedies(alert) {
  return alert.words.remedies.map((each, place) => said(each, alert.remedies[place]));
}

/** A code with its values, some of which may be codes themselves. */
function said({ code, values }, otherwise) {
  return tOr(code, otherwise, Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.code ? said(value, "") : value])));
}

export function placeText(camera) {
  if (camera.place?.dock) return t("cameras.docked_in", camera.place);
  return camera.online ? t("cameras.connected") : t("cameras.away");
}

/** The bay that a camera is in; undefined if it is in none. */
export function bayOf(camera) {
  const dock = camera.place?.dock ? live.find("dock", camera.place.dock) : null;
  return dock?.bays.find((each) => each.bay === camera.place.bay);
}

export function batteryText(camera) {
  return Number.isFinite(camera.battery_percent) ? `${camera.battery_percent} %` : "–";
}

/** Who changed something, as people call them: whoever asked at the machine itself has no account of ours. */
export function whoText(by) {
  const local = /^local:(.+)$/.exec(by);
  return local ? t("word.at_machine", { name: local[1] }) : by;
}

/** A destination as people call it: of a folder its name, not the way there. */
export function destinationText(name) {
  return name.replace(/(^|\s)\/(?:[^\s/]+\/)*([^\s/]+)/g, "$1$2");
}

/** A bar of 0 to 1; `kind`: good, warn, bad or nothing. */
export function bar(part, kind = "", label = "") {
  const percent = Math.round(100 * Math.max(0, Math.min(1, part || 0)));
  const named = label ? { role: "progressbar", "aria-label": label, "aria-valuenow": percent, "aria-valuemin": 0, "aria-valuemax": 100 } : { "aria-hidden": "true" };
  return h("div", { class: "bar", ...named }, h("div", { class: `bar-fill ${kind}`, style: { width: `${percent}%` } }));
}
