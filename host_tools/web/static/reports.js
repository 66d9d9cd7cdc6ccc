// Reports: four tables as CSV, and archives of everything that whoever looks for a fault needs.

import { attempt, get, send } from "../kit/js/api.js";
import { makeField } from "../kit/js/dialog.js";
import { byId, fill, h } from "../kit/js/dom.js";
import { at, size } from "../kit/js/format.js";
import { t } from "../kit/js/texts.js";
import { saveFile } from "./files.js";
import { may } from "./may.js";
import { button, card } from "./pieces.js";

const NAMES = ["camera_usage", "camera_status", "camera_connection", "software_versions"];
const archives = h("div", { "aria-live": "polite" });

fill(
  byId("reports"),
  h("div", { class: "columns" }, NAMES.map(reportCard)),
  may("list_system_reports")
    ? card(t("reports.system"), h("p", { class: "muted" }, t("reports.system_text")), may("make_system_report") ? h("p", {}, button(t("reports.make"), "", make, t("reports.made"))) : null, archives)
    : null,
);
if (may("list_system_reports")) attempt(read);

function reportCard(name) {
  const tag = makeField({ name: `${name}-tag`, label: t("reports.tag"), hint: t("reports.tag_hint") });
  const search = name === "camera_status" ? makeField({ name: `${name}-search`, label: t("table.search"), hint: t("reports.search_hint") }) : null;
  const save = button(t("reports.save"), "", async () => {
    const { file_name: file, csv } = await get(`/reports/${name}`, { tag: tag.read().trim(), search: search?.read().trim() ?? "" });
    saveFile(file, csv);
  });
  save.setAttribute("aria-label", t("reports.save_label", { name: t(`reports.${name}`) }));
  return card(t(`reports.${name}`), h("p", { class: "muted" }, t(`reports.${name}_text`)), tag.element, search?.element, save);
}

async function read() {
  const rows = await get("/system-reports");
  fill(archives, rows.length ? h("ul", { class: "plain-list" }, rows.map((row) => h("li", {}, h("span", {}, at(row.made_unix_ms), " ", h("code", { class: "small" }, row.name)), saveButton(row)))) : h("p", { class: "empty" }, t("reports.none")));
}

function saveButton(row) {
  const made = button(t("reports.save"), "small", () => saveArchive(row.name, made));
  made.setAttribute("aria-label", t("reports.save_label", { name: row.name }));
  return made;
}

async function make() {
  await send("POST", "/system-reports");
  await read();
}

/** Read piece by piece; says how far it is, and what it was for again however it ends. */
async function saveArchive(name, made) {
  const label = made.textContent;
  try {
    saveFile(name, new Blob(await piecesOf(name, made)), "application/octet-stream");
  } finally {
    fill(made, label);
  }
}

async function piecesOf(name, made) {
  const pieces = [];
  let offset = 0;
  let whole = 0;
  do {
    const answer = await get(`/system-reports/${encodeURIComponent(name)}`, { offset });
    const piece = Uint8Array.from(atob(answer.data), (each) => each.charCodeAt(0));
    if (!piece.length) break;
    pieces.push(piece);
    offset += piece.length;
    whole = answer.size_bytes;
    fill(made, `${size(offset)} / ${size(whole)}`);
  } while (offset < whole);
  return pieces;
}
