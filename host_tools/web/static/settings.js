// Settings of the whole system. Each card is saved by itself; whoever saves second is told what the first has changed.

import { attempt, get, send } from "../kit/js/api.js";
import { byId, fill, h } from "../kit/js/dom.js";
import { at } from "../kit/js/format.js";
import { live } from "../kit/js/live.js";
import { toast } from "../kit/js/toast.js";
import { t } from "../kit/js/texts.js";
import { categoriesCard } from "./categories.js";
import { destinationCard } from "./destination.js";
import { may } from "./may.js";
import { notificationsCard } from "./notifications.js";
import { button, card, pageForm, pairs, saver } from "./pieces.js";
import { whoText } from "./words.js";

const FULL_HOURS = 24;
const writable = may("change_settings");
const YES_NO = [["true", t("word.yes")], ["false", t("word.no")]];
// A card each: `[name, [[field, kind, options]]]`. What a kind is: text, number with limits, choice, yes or no.
const CARDS = [
  ["system", [["name", { required: true, maxlength: 60 }], ["default_profile", { profiles: true }], ["power_line_hz", { number: true, options: [[50, "50 Hz"], [60, "60 Hz"]] }]]],
  ["time", [["time_zone", { required: true, zones: true }]]],
  ["notifications", [["notification_address", { type: "email" }]]],
  ["pickup", [["ready_battery_percent", { type: "number", min: 0, max: 100 }], ["ready_storage_percent", { type: "number", min: 0, max: 100 }], ["pickup_seconds", { type: "number", min: 10, max: 120 }]]],
  ["shift", [["shift_minutes", { type: "number", min: 30, max: 2880 }], ["empty_battery_alert", { flag: true }], ["smart_charge", { flag: true }], ["names_on_displays", { flag: true }]]],
  ["recordings", [["overlay_logo", { flag: true }], ["signed_video", { flag: true }], ["troubleshooting_pages", { flag: true }], ["daily_report", { flag: true }]]],
];
const LABELS = Object.fromEntries(CARDS.flatMap(([, fields]) => fields.map(([name]) => [name, t(`settings.${name}`)])));

const meanwhile = h("p", { class: "notice warn", role: "status", hidden: true });
const cards = h("div", { class: "packed" });
fill(byId("settings"), meanwhile, cards);
const notifications = notificationsCard();
const softwareCard = devicesCard();
const categories = categoriesCard();
let forms = [];

live.addEventListener("happening", (event) => {
  const { what, kind, by } = event.detail;
  if (what !== "changed" || kind !== "settings") return;
  if (isDirty()) tellBeside(by);
  else attempt(() => read(by));
});
attempt(read);

/** `by`: who has changed something; what was typed while it was read anew stays then. */
async function read(by = "") {
  const [row, profiles, session, destination] = await Promise.all([get("/settings"), get("/profiles"), get("/session"), destinationCard()]);
  if (by && isDirty()) {
    tellBeside(by);
    return;
  }
  meanwhile.hidden = true;
  forms = writable ? CARDS.map(([name, fields]) => formOf(name, fields, row, profiles)) : [];
  const made = writable ? forms.map((form) => form.element) : CARDS.map(([name, fields]) => card(t(`settings.card_${name}`), pairs(fields.map(([field, { options }]) => [LABELS[field], options?.find(([value]) => value === row[field])?.[1] ?? said(row[field])]))));
  const after = CARDS.findIndex(([name]) => name === "notifications") + 1;
  fill(cards, made.slice(0, after), notifications.element, made.slice(after), chargeCard(), destination, categories.element, clockCard(session), softwareCard, backupCard(), chosenCard(row));
  notifications.draw();
  categories.draw();
}

function isDirty() {
  return forms.some((form) => form.isDirty());
}

function tellBeside(who) {
  fill(meanwhile, t("word.changed_beside", { who: whoText(who) }));
  meanwhile.hidden = false;
}

function formOf(name, fields, row, profiles) {
  const save = saver(row, () => get("/settings"), (values, tag) => send("PATCH", "/settings", { changes: values }, { tag }), LABELS);
  return pageForm(t(`settings.card_${name}`), fields.map(([field, kind]) => fieldOf(field, kind, row[field], profiles)), async (values) => {
    await save(typed(fields, values));
    toast(t("word.saved"));
    await attempt(read);
  }, { ok: t("word.save"), lead: t(`settings.lead_${name}`) });
}

function fieldOf(name, { flag, profiles: ofProfiles, zones, options, number, ...more }, value, profiles) {
  const field = { name, label: LABELS[name], value, ...more };
  if (flag) return { ...field, type: "checkbox" };
  if (ofProfiles) return { ...field, options: profiles.map((each) => [each.name, each.name]) };
  if (zones) return { ...field, options: zonesWith(value) };
  return options ? { ...field, options } : field;
}

function zonesWith(value) {
  const known = new Set(["UTC", value, ...(Intl.supportedValuesOf?.("timeZone") ?? [])]);
  return [...known].sort().map((each) => [each, each.replaceAll("_", " ")]);
}

/** What the fields say, as the types that settings have. */
function typed(fields, values) {
  return Object.fromEntries(fields.map(([name, { number }]) => [name, number ? Number(values[name]) : values[name]]));
}

function said(value) {
  return typeof value === "boolean" ? YES_NO[value ? 0 : 1][1] : String(value) || "–";
}

function chosenCard(row) {
  return card(
    t("settings.chosen"),
    h("p", { class: "muted" }, t("settings.chosen_text")),
    pairs([
      [t("setup.mode"), t(`setup.mode_${row.assignment_mode}`)],
      [t("setup.step_kind"), t(row.evaluation ? "setup.evaluation" : "setup.standard")],
    ]),
  );
}

function clockCard(session) {
  const ahead = session.now_unix_ms - Date.now();
  return card(
    t("settings.clock"),
    pairs([[t("settings.clock_now"), at(session.now_unix_ms)], [t("settings.clock_differs"), t("unit.seconds", { n: Math.round(Math.abs(ahead) / 1000) })]]),
    h("p", { class: "muted" }, t("settings.clock_text")),
    may("confirm_clock") ? button(t("settings.clock_confirm"), "", () => send("POST", "/trust/clock-confirmations"), t("word.saved")) : null,
  );
}

function chargeCard() {
  if (!may("suspend_smart_charge")) return null;
  const charge = (hours) => send("POST", "/commands/suspend_smart_charge", { hours });
  return card(
    t("settings.charge"),
    h("p", { class: "muted" }, t("settings.charge_text")),
    h("div", { class: "buttons" }, button(t("settings.charge_full"), "", () => charge(FULL_HOURS), t("settings.charge_is_full")), button(t("settings.charge_smart"), "quiet", () => charge(0), t("settings.charge_is_smart"))),
  );
}

/** Which software runs on how many of which devices; kept up to date. */
function devicesCard() {
  const holder = h("div", {});
  let drawn = "";
  const draw = () => {
    const rows = devices();
    if (JSON.stringify(rows) === drawn) return;
    drawn = JSON.stringify(rows);
    fill(holder, devicesOf(rows));
  };
  live.watch((kinds) => (kinds.has("camera") || kinds.has("dock")) && draw());
  draw();
  return holder;
}

function devices() {
  const counted = new Map();
  for (const device of [...live.all("dock"), ...live.all("camera")]) {
    if (!device.firmware) continue;
    const key = `${device.model.replaceAll("_", " ")} ${device.firmware}`;
    counted.set(key, (counted.get(key) ?? 0) + 1);
  }
  return [...counted].sort(([a], [b]) => a.localeCompare(b));
}

function devicesOf(rows) {
  return card(
    t("settings.devices"),
    h("p", { class: "muted" }, t("settings.devices_text")),
    rows.length ? pairs(rows.map(([name, n]) => [name, t("settings.devices_count", { n })])) : h("p", {}, t("settings.devices_none")),
    may("report") ? h("p", {}, h("a", { href: "/reports" }, t("settings.devices_reports"))) : null,
  );
}

function backupCard() {
  return card(
    t("settings.backup"),
    h("p", { class: "muted" }, t("settings.backup_text")),
    may("make_restore_key") ? h("p", {}, h("a", { href: "/settings/security" }, t("settings.backup_key"))) : null,
    may("export_wearers") ? h("p", {}, h("a", { href: "/wearers" }, t("settings.backup_table"))) : null,
  );
}
