// All camera profiles: who has them, on which models they can be used.

import { attempt, get, send } from "../kit/js/api.js";
import { form } from "../kit/js/dialog.js";
import { byId, fill, h } from "../kit/js/dom.js";
import { live } from "../kit/js/live.js";
import { Table } from "../kit/js/table.js";
import { t } from "../kit/js/texts.js";
import { may } from "./may.js";

const NAME_CHARACTERS_MAX = 60;

const table = new Table(byId("table"), {
  label: t("profiles.title"),
  keyOf: (row) => row.name,
  href: addressOf,
  minWidth: 640,
  columns: [
    { key: "name", label: t("profiles.name"), width: "minmax(140px, 1fr)", sort: (row) => row.name, render: (row) => h("a", { href: addressOf(row) }, row.name) },
    { key: "description", label: t("profiles.description"), width: "minmax(160px, 2fr)", render: (row) => row.description || "–" },
    { key: "wearers", label: t("wearers.title"), width: "90px", class: "numeric", sort: (row) => row.wearers, render: (row) => String(row.wearers) },
    { key: "models", label: t("profiles.models"), width: "minmax(160px, 1.2fr)", render: modelsCell },
  ],
});

fill(byId("toolbar"), may("put_profile") ? h("div", { class: "buttons end" }, h("button", { class: "button primary", type: "button", onclick: add }, t("profiles.add"))) : null);
live.addEventListener("happening", (event) => event.detail.what === "changed" && ["profile", "wearer"].includes(event.detail.kind) && attempt(read));
attempt(read);

async function read() {
  table.set(await get("/profiles"));
}

function addressOf(row) {
  return `/profiles/${encodeURIComponent(row.name)}`;
}

function modelsCell(row) {
  const lacking = Object.keys(row.unsupported).length;
  const text = row.models.length ? row.models.map((each) => each.replaceAll("_", " ")).join(", ") : t("profiles.all_models");
  return [text, lacking ? [" ", h("span", { class: "badge warn" }, t("profiles.not_on", { n: lacking }))] : null];
}

async function add() {
  const like = [["", t("profiles.from_defaults")], ...table.rows.map((row) => [row.name, row.name])];
  const fields = [
    { name: "name", label: t("profiles.name"), required: true, maxlength: NAME_CHARACTERS_MAX },
    { name: "like", label: t("profiles.like"), options: like, value: "" },
  ];
  const made = await form(t("profiles.add"), fields, ({ name, like: from }) => {
    const { description = "", models = [], settings = {}, by_model = {} } = table.rows.find((row) => row.name === from) ?? {};
    return send("PUT", `/profiles/${encodeURIComponent(name)}`, { description, models, settings, by_model }, { tag: "new" });
  }, { ok: t("profiles.add") });
  if (made) location.assign(addressOf(made));
}
