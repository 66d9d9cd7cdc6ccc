// The audit trail: what was done, by whom, with which device, from where; searched on the server, newest first.

import { attempt, get, send } from "../kit/js/api.js";
import { show } from "../kit/js/dialog.js";
import { byId, fill, h } from "../kit/js/dom.js";
import { at } from "../kit/js/format.js";
import { Table } from "../kit/js/table.js";
import { names, t, tOr } from "../kit/js/texts.js";
import { toast } from "../kit/js/toast.js";
import { unixMs } from "../kit/js/zone.js";
import { saveFile } from "./files.js";
import { button, pairs } from "./pieces.js";

const PAGE_ROWS = 200;
const SEARCHES_MAX = 20; // of the server for one page: a rare word in a trail of more than a million lines
const TYPED_MS = 350;
const OUTCOME_KINDS = { done: "good", failed: "bad", refused: "bad", asked: "warn" };
const LOCAL = "local";
const DAY_MS = 86_400_000;
const ACTIONS = names("act.");

const fields = {
  account: h("input", { type: "search", id: "who", list: "accounts", autocomplete: "off", placeholder: t("audit.who_hint") }),
  action: h("select", { id: "action" }, h("option", { value: "" }, t("audit.all_actions")), ACTIONS.map((name) => [name, t(`act.${name}`)]).sort(([, a], [, b]) => a.localeCompare(b)).map(([name, text]) => h("option", { value: name }, text))),
  text: h("input", { type: "search", id: "about", autocomplete: "off", placeholder: t("audit.about_hint") }),
  since: h("input", { type: "date", id: "since" }),
  until: h("input", { type: "date", id: "until" }),
};
const accounts = h("datalist", { id: "accounts" });
const field = (label, input, kind = "") => h("div", { class: `field ${kind}` }, h("label", { for: input.id }, label), input);
const toolbar = byId("toolbar");
fill(
  toolbar,
  field(t("audit.about"), fields.text, "search"),
  field(t("audit.who"), fields.account, "short"),
  accounts,
  field(t("audit.action"), fields.action),
  field(t("audit.since"), fields.since),
  field(t("audit.until"), fields.until),
);
fill(byId("export"), button(t("audit.export"), "", exportAll));

const table = new Table(byId("table"), {
  label: t("audit.title"),
  keyOf: (row) => String(row.sequence),
  onOpen: open,
  empty: t("audit.none"),
  minWidth: 980,
  columns: [
    { key: "when", label: t("audit.when"), width: "minmax(206px, 0.7fr)", render: (row) => at(row.at_unix_ms) },
    { key: "who", label: t("audit.who"), width: "minmax(120px, 0.8fr)", render: (row) => h("span", { title: roleText(row) }, row.account) },
    { key: "action", label: t("audit.action"), width: "minmax(190px, 1.1fr)", render: (row) => h("strong", {}, actionText(row)) },
    { key: "details", label: t("audit.details"), width: "minmax(200px, 2.4fr)", render: (row) => h("span", { title: summary(row) }, summary(row) || "–") },
    { key: "from", label: t("audit.from"), width: "minmax(116px, 0.7fr)", render: originText },
    { key: "outcome", label: t("audit.outcome"), width: "126px", render: outcomeBadge },
  ],
});

let asked = 0;
let typed = 0;
toolbar.addEventListener("submit", (event) => event.preventDefault());
toolbar.addEventListener("input", () => {
  clearTimeout(typed);
  typed = setTimeout(() => attempt(() => read()), TYPED_MS);
});
attempt(async () => {
  fields.text.value = new URLSearchParams(location.search).get("about") ?? "";
  await read();
  fill(accounts, (await get("/accounts")).map((each) => h("option", { value: each.name })));
});

function wanted() {
  const start = unixMs(`${fields.since.value}T00:00`);
  const end = unixMs(`${dayAfter(fields.until.value)}T00:00`);
  return {
    account: fields.account.value.trim(),
    action: fields.action.value,
    text: fields.text.value.trim(),
    since_unix_ms: Number.isNaN(start) ? 0 : start,
    until_unix_ms: Number.isNaN(end) ? 0 : end,
  };
}

/** The day after one that was chosen, as a text; empty for none. */
function dayAfter(day) {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(ms) ? "" : new Date(ms + DAY_MS).toISOString().slice(0, 10);
}

/** The newest page, or with `before` the one that follows. What was asked for before something else was typed is dropped. */
async function read(before = 0, shown = []) {
  const mine = (asked += 1);
  const rows = [...shown];
  let next = before;
  for (let searched = 0; searched < SEARCHES_MAX && next !== null && rows.length < shown.length + PAGE_ROWS; searched += 1) {
    const found = await get("/audit-acts", { ...wanted(), before: next, limit: shown.length + PAGE_ROWS - rows.length });
    if (mine !== asked) return;
    rows.push(...found.rows);
    next = found.next;
  }
  table.set(rows);
  fill(byId("more"), next === null ? null : h("p", { class: "buttons" }, button(t("audit.older"), "", () => read(next, rows))));
}

async function exportAll() {
  const { file_name: name, csv, more } = await send("POST", "/audit-exports", wanted());
  saveFile(name, csv);
  if (more) toast(t("audit.exported_part"), "warn");
}

function open(row) {
  show(
    actionText(row),
    pairs([
      [t("audit.when"), at(row.at_unix_ms)],
      [t("audit.who"), `${row.account} (${roleText(row)})`],
      [t("audit.from"), originText(row)],
      [t("audit.outcome"), [outcomeBadge(row), row.error ? h("p", {}, row.error) : null]],
      ...Object.entries(row.details).map(([name, value]) => [argumentText(name), valueText(name, value)]),
    ]),
    h("p", { class: "muted small" }, t("audit.entry", { n: row.sequence })),
  );
}

function actionText(row) {
  return tOr(`act.${row.action}`, row.action.replaceAll("_", " "));
}

function roleText(row) {
  return tOr(`roles.${row.role}`, row.role.replaceAll("_", " "));
}

function originText(row) {
  return row.origin === LOCAL ? t("audit.local") : row.origin;
}

function outcomeBadge(row) {
  return h("span", { class: `badge ${OUTCOME_KINDS[row.outcome] ?? ""}` }, tOr(`outcome_of.${row.outcome}`, row.outcome));
}

function argumentText(name) {
  return tOr(`argument.${name}`, name.replaceAll("_", " "));
}

function valueText(name, value) {
  if (typeof value === "boolean") return t(value ? "word.yes" : "word.no");
  if (Array.isArray(value)) return value.join(", ") || "–";
  if (name.endsWith("_unix_ms") && value) return at(value);
  return String(value ?? "") || "–";
}

/** What a line of a table says of it: arguments that say something, then why it failed. */
function summary(row) {
  const said = Object.entries(row.details).filter(([name, value]) => value !== "" && value !== null && value !== 0 && name !== "token" && !(Array.isArray(value) && !value.length));
  return [...said.map(([name, value]) => `${argumentText(name)}: ${valueText(name, value)}`), row.error].filter(Boolean).join(" · ");
}
