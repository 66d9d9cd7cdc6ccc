// The dashboard for a screen on the wall: who is docked and who is away, for how long, and what needs somebody.
// It changes nothing, asks for nothing, and comes back by itself when the connection was lost.

import { get } from "../kit/js/api.js";
import { byId, fill, h } from "../kit/js/dom.js";
import { clock, count, span } from "../kit/js/format.js";
import { live } from "../kit/js/live.js";
import { t, tOr } from "../kit/js/texts.js";
import { alertTitle, batteryText, bayOf, placeText, stateText } from "./words.js";

const FRESH_MS = 60_000; // a change stands out for so long: time to look up from a desk
const TICK_MS = 1_000;
const SETTINGS_MS = 300_000;
const ALERTS_SHOWN_MAX = 5;
const LOW_PERCENT = 20;
const OF_A_PERSON = "person_refused"; // a wearer or a camera, by name
const NAMES_KEY = "openbwc-tv-names";
const MESSAGES = { live: "frame.live", lost: "frame.lost", connecting: "frame.connecting" };

const known = new Map(); // serial -> what it was last, and since when it is different
let settings = { shift_minutes: 600, names_on_displays: true };
let drawn = "";
let begun = false; // what is there when the page opens is nothing new

const names = byId("names");
names.addEventListener("click", () => {
  remember(namesShown() ? "hidden" : "shown");
  draw();
});

live.watch(draw);
live.addEventListener("state", showState);
live.addEventListener("happening", (event) => event.detail.what === "changed" && event.detail.kind === "settings" && readSettings());
showState();
live.start();
readSettings();
setInterval(draw, TICK_MS);
setInterval(readSettings, SETTINGS_MS);

async function readSettings() {
  settings = await get("/settings").catch(() => settings); // without them it goes on as it was
  draw();
}

function namesShown() {
  return settings.names_on_displays && choice() !== "hidden";
}

function choice() {
  try {
    return localStorage.getItem(NAMES_KEY);
  } catch {
    return "";
  }
}

function remember(value) {
  try {
    localStorage.setItem(NAMES_KEY, value);
  } catch {
    // then it lasts until the page is loaded anew: names are shown
  }
}

function showState() {
  const state = byId("link-state");
  state.dataset.state = live.state;
  fill(state.querySelector(".link-state-text"), t(MESSAGES[live.state]));
}

function draw() {
  const nowMs = Date.now();
  fill(byId("clock"), clock(nowMs));
  const cameras = live.all("camera").filter((camera) => camera.admission === "member" || camera.online);
  const seen = cameras.map((camera) => row(camera, nowMs));
  begun ||= cameras.length > 0;
  const alerts = live.all("alert").filter((alert) => alert.severity !== "note");
  const key = JSON.stringify([seen, alerts, namesShown()]);
  if (key === drawn) return;
  drawn = key;
  names.hidden = !settings.names_on_displays;
  names.setAttribute("aria-pressed", String(!namesShown()));
  const docked = seen.filter((each) => each.online);
  const away = seen.filter((each) => !each.online);
  fill(byId("counts"), t("tv.counts", { docked: count(docked.length), away: count(away.length) }));
  fill(byId("docked"), docked.length ? docked.sort(byName).map(item) : h("li", { class: "tv-none" }, t("tv.none_docked")));
  fill(byId("away"), away.length ? away.sort((a, b) => b.awayMinutes - a.awayMinutes).map(item) : h("li", { class: "tv-none" }, t("tv.none_away")));
  drawAlerts(alerts);
}

function byName(a, b) {
  return a.label.localeCompare(b.label, undefined, { numeric: true });
}

/** What is shown of a camera, and whether that is new. Minutes, not seconds: a wall is not drawn anew every second. */
function row(camera, nowMs) {
  const awayMs = camera.online || !camera.seen_unix_ms ? 0 : Math.max(0, nowMs - camera.seen_unix_ms);
  const lamp = camera.admission === "member" ? bayOf(camera)?.lamp : "";
  const state = camera.trouble || (lamp ? tOr(`lamp.${lamp}`, stateText(camera.state)) : stateText(camera.state));
  const before = known.get(camera.serial);
  const now = `${camera.online} ${camera.state} ${lamp} ${camera.trouble} ${camera.wearer}`;
  if (!before) known.set(camera.serial, { now, atMs: begun ? nowMs : 0 });
  else if (before.now !== now) known.set(camera.serial, { now, atMs: nowMs });
  return {
    serial: camera.serial,
    online: camera.online,
    label: (namesShown() && camera.wearer) || camera.name || camera.serial,
    under: namesShown() && camera.wearer ? camera.name || camera.serial : "",
    battery: camera.online ? batteryText(camera) : "",
    state: camera.online ? `${state}, ${placeText(camera)}` : state,
    awayMinutes: Math.floor(awayMs / 60_000),
    kind: kindOf(camera, awayMs),
    late: isLate(awayMs),
    fresh: nowMs - known.get(camera.serial).atMs < FRESH_MS,
  };
}

function isLate(awayMs) {
  return awayMs > settings.shift_minutes * 60_000;
}

function kindOf(camera, awayMs) {
  if (camera.trouble || ["malfunctioning", "unknown", "refused"].includes(camera.state)) return "bad";
  if (isLate(awayMs) || (camera.online && (camera.admission !== "member" || camera.battery_percent < LOW_PERCENT))) return "warn";
  return camera.state === "ready" || bayOf(camera)?.lamp === "ready" ? "good" : "";
}

function item(each) {
  const away = each.online ? "" : each.awayMinutes < 1 ? t("tv.away_now") : t("tv.away_for", { time: span(each.awayMinutes * 60_000) });
  return h(
    "li",
    { class: `tv-camera ${each.kind} ${each.fresh ? "fresh" : ""}`, "data-serial": each.serial },
    h("span", { class: "tv-name" }, each.label, each.under ? [" ", h("span", { class: "muted small tv-under" }, each.under)] : null),
    h("span", { class: "tv-battery" }, each.battery),
    h("span", { class: "tv-state" }, each.online ? each.state : away, each.late ? [" ", h("strong", {}, t("tv.late"))] : null),
  );
}

/** Of an alert about a person nothing but that there is one, where names are hidden. */
function deviceText(alert) {
  return alert.kind === OF_A_PERSON && !namesShown() ? "" : alert.device;
}

function drawAlerts(alerts) {
  const shown = [...alerts].sort((a, b) => (a.severity === "error" ? 0 : 1) - (b.severity === "error" ? 0 : 1)).slice(0, ALERTS_SHOWN_MAX);
  const more = alerts.length - shown.length;
  fill(
    byId("alerts"),
    shown.map((alert) => h("p", { class: `tv-alert ${alert.severity === "error" ? "bad" : ""}` }, h("strong", {}, `${tOr(`severity.${alert.severity}`, "")}: `), [deviceText(alert), alertTitle(alert)].filter(Boolean).join(": "))),
    more > 0 ? h("p", { class: "tv-none" }, t("tv.more_alerts", { n: more })) : null,
  );
}
