// What recordings can be filed under: as the destination has it, or this system's own where the destination leaves that to us.

import { attempt, etagOf, get, send } from "../kit/js/api.js";
import { confirm, form } from "../kit/js/dialog.js";
import { fill, h } from "../kit/js/dom.js";
import { live } from "../kit/js/live.js";
import { toast } from "../kit/js/toast.js";
import { t } from "../kit/js/texts.js";
import { may } from "./may.js";
import { card } from "./pieces.js";

const NAME_CHARACTERS_MAX = 60;
const DAYS_MAX = 36_500;

/** `{element, draw()}`; drawn anew when somebody changes one. */
export function categoriesCard() {
  const element = h("div", {});
  const draw = () => attempt(async () => {
    const [own, { destination }] = await Promise.all([get("/categories"), get("/status")]);
    fill(element, destination.categories ? theirs(destination.categories) : ours(own, takesThem(destination)));
  });
  live.addEventListener("happening", (event) => event.detail.what === "changed" && event.detail.kind === "category" && draw());
  return { element, draw };
}

/** What can be chosen, `[[id, name]]`; one of this system's own is called by its name. null: the destination takes none. */
export async function categoryChoices() {
  const { destination } = await get("/status");
  if (!takesThem(destination)) return null;
  if (destination.categories) return sorted(destination.categories).map((each) => [each.id, each.name]);
  return (await get("/categories")).map((each) => [each.name, each.name]);
}

/** The destination's: seen here, changed there. */
function theirs(rows) {
  return card(
    t("categories.heading"),
    h("p", { class: "muted" }, t("categories.theirs")),
    rows.length ? list([t("categories.id"), t("categories.name")], sorted(rows).map((each) => [each.id, each.name])) : h("p", {}, t("categories.none_there")),
  );
}

/** Categories travel as bookmarks. */
function takesThem(destination) {
  return destination.capabilities.includes("StoreBookmarks");
}

function sorted(rows) {
  return [...rows].sort((a, b) => a.id.localeCompare(b.id, undefined, { numeric: true }));
}

function ours(rows, areTaken) {
  const cells = (row) => [row.name, row.retention_days ? t("categories.days", { n: row.retention_days }) : "–", row.description || "–", may("put_category") ? doing(row) : null];
  const heads = [t("categories.name"), t("categories.kept"), t("categories.description"), may("put_category") ? t("camera.actions") : null];
  return card(
    t("categories.heading"),
    h("p", { class: "muted" }, t("categories.ours")),
    areTaken ? null : h("p", { class: "notice warn" }, t("categories.not_taken")),
    rows.length ? list(heads.filter(Boolean), rows.map((row) => cells(row).filter(Boolean))) : h("p", {}, t("categories.none")),
    may("put_category") ? h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: () => edit(null) }, t("categories.add"))) : null,
  );
}

function doing(row) {
  const press = (text, label, action) => h("button", { class: "button small", type: "button", "aria-label": label, onclick: action }, text);
  return h("div", { class: "buttons" }, press(t("categories.change"), t("categories.change_label", row), () => edit(row)), press(t("categories.remove"), t("categories.remove_label", row), () => remove(row)));
}

async function edit(row) {
  const name = { name: "name", label: t("categories.name"), required: true, maxlength: NAME_CHARACTERS_MAX };
  const fields = [
    ...(row ? [] : [name]),
    { name: "days", label: t("categories.kept_field"), type: "number", min: 1, max: DAYS_MAX, value: row?.retention_days ?? "", hint: t("categories.kept_hint") },
    { name: "description", label: t("categories.description"), value: row?.description ?? "" },
  ];
  const heading = row ? t("categories.change_heading", row) : t("categories.add");
  const made = await form(heading, fields, ({ name: wanted, days, description }) => {
    const values = { retention_days: days || null, description };
    return send("PUT", addressOf(row ? row.name : wanted.trim()), values, { tag: row ? etagOf(row) : "new" });
  }, { ok: t("word.save") });
  if (made) toast(t("word.saved"));
}

async function remove(row) {
  if (!(await confirm(t("categories.remove_ask", row), t("categories.remove_text"), { ok: t("categories.remove"), danger: true }))) return;
  await attempt(() => send("DELETE", addressOf(row.name), undefined, { tag: etagOf(row) }));
}

function addressOf(name) {
  return `/categories/${encodeURIComponent(name)}`;
}

function list(heads, rows) {
  return h(
    "div",
    { class: "plain-table", tabindex: 0, role: "region", "aria-label": t("categories.heading") },
    h("table", {}, h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)))))),
  );
}
