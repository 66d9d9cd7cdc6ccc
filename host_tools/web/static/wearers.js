// All users (wearers): who wears what; new ones, one by one or as a table.

import { attempt, get, send } from "../kit/js/api.js";
import { form } from "../kit/js/dialog.js";
import { byId, fill, h } from "../kit/js/dom.js";
import { live } from "../kit/js/live.js";
import { Table } from "../kit/js/table.js";
import { t } from "../kit/js/texts.js";
import { saveFile } from "./files.js";
import { may } from "./may.js";
import { button } from "./pieces.js";
import { wearerFields } from "./wearer_fields.js";
import { importWearers } from "./wearers_import.js";

const PAGE_ROWS = 500;
const READ_AFTER_MS = 400; // changes come in storms when a table is imported

const table = new Table(byId("table"), {
  label: t("wearers.title"),
  keyOf: (row) => row.id,
  href: addressOf,
  minWidth: 820,
  columns: [
    { key: "id", label: t("wearers.id"), width: "minmax(100px, 0.8fr)", sort: (row) => row.id, render: (row) => h("a", { href: addressOf(row) }, row.id) },
    { key: "name", label: t("wearers.name"), width: "minmax(160px, 1.5fr)", sort: (row) => row.name, render: (row) => row.name },
    { key: "profile", label: t("wearers.profile"), width: "minmax(120px, 1fr)", sort: (row) => row.profile, render: (row) => row.profile },
    { key: "email", label: t("wearers.email"), width: "minmax(140px, 1.2fr)", sort: (row) => row.email, render: (row) => row.email || "–" },
    { key: "cameras", label: t("wearers.cameras"), width: "minmax(110px, 0.8fr)", sort: (row) => row.cameras.join(" "), render: (row) => row.cameras.join(", ") || "–" },
    { key: "tags", label: t("wearers.tags"), width: "100px", class: "numeric", sort: (row) => row.tags.length, render: (row) => String(row.tags.length) },
  ],
});

const search = h("input", { type: "search", id: "search", placeholder: t("wearers.search"), autocomplete: "off", oninput: () => narrow() });
fill(
  byId("toolbar"),
  h("div", { class: "field search" }, h("label", { for: "search" }, t("table.search")), search),
  h(
    "div",
    { class: "buttons end" },
    may("export_wearers") ? button(t("wearers.export"), "", exportAll) : null,
    may("import_wearers") ? h("button", { class: "button", type: "button", onclick: () => importWearers(() => attempt(read)) }, t("wearers.import")) : null,
    may("add_wearer") ? h("button", { class: "button primary", type: "button", onclick: add }, t("wearers.add")) : null,
  ),
);

function addressOf(row) {
  return `/wearers/${encodeURIComponent(row.id)}`;
}

function narrow() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  table.setFilter((row) => words.every((word) => `${row.id} ${row.name} ${row.email} ${row.profile} ${row.cameras.join(" ")}`.toLowerCase().includes(word)));
}

async function read() {
  const rows = [];
  let after = "";
  do {
    const answer = await get("/wearers", { after, limit: PAGE_ROWS });
    rows.push(...answer.rows);
    after = answer.next;
    if (!table.rows.length) table.set([...rows]);
  } while (after);
  table.set(rows);
}

async function add() {
  const profiles = await attempt(() => get("/profiles"));
  const settings = profiles && (await attempt(() => get("/settings")));
  if (!settings) return;
  const made = await form(t("wearers.add"), wearerFields({ profile: settings.default_profile }, profiles, { withId: true }), (values) => send("POST", "/wearers", values), { ok: t("wearers.add") });
  if (made) location.assign(addressOf(made));
}

async function exportAll() {
  const { file_name: name, csv } = await get("/wearer-exports");
  saveFile(name, csv);
}

let waiting = 0;
live.addEventListener("happening", (event) => {
  if (event.detail.what !== "changed" || !["wearer", "assignment"].includes(event.detail.kind) || waiting) return;
  waiting = setTimeout(() => {
    waiting = 0;
    attempt(read);
  }, READ_AFTER_MS);
});

attempt(read);
