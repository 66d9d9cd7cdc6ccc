// All users (wearers): who wears what.

import { attempt, get } from "../kit/js/api.js";
import { byId, fill, h } from "../kit/js/dom.js";
import { Table } from "../kit/js/table.js";
import { t } from "../kit/js/texts.js";

const PAGE_ROWS = 500;

const table = new Table(byId("table"), {
  label: t("wearers.title"),
  keyOf: (row) => row.id,
  minWidth: 720,
  columns: [
    { key: "id", label: t("wearers.id"), width: "minmax(100px, 0.8fr)", sort: (row) => row.id, render: (row) => row.id },
    { key: "name", label: t("wearers.name"), width: "minmax(160px, 1.5fr)", sort: (row) => row.name, render: (row) => row.name },
    { key: "profile", label: t("wearers.profile"), width: "minmax(120px, 1fr)", sort: (row) => row.profile, render: (row) => row.profile },
    { key: "email", label: t("wearers.email"), width: "minmax(140px, 1.2fr)", sort: (row) => row.email, render: (row) => row.email || "–" },
    { key: "tags", label: t("wearers.tags"), width: "90px", class: "numeric", sort: (row) => row.tags.length, render: (row) => String(row.tags.length) },
  ],
});

const search = h("input", { type: "search", id: "search", placeholder: t("wearers.search"), autocomplete: "off", oninput: () => narrow() });
fill(byId("toolbar"), h("div", { class: "field search" }, h("label", { for: "search" }, t("table.search")), search));

function narrow() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  table.setFilter((row) => words.every((word) => `${row.id} ${row.name} ${row.email} ${row.profile}`.toLowerCase().includes(word)));
}

async function read() {
  const rows = [];
  let after = "";
  do {
    const answer = await get("/wearers", { after, limit: PAGE_ROWS });
    rows.push(...answer.rows);
    after = answer.next;
    table.set([...rows]);
  } while (after);
}

attempt(read);
