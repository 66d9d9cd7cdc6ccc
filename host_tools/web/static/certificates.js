// The manager's certificates: made here, signed elsewhere, chosen. Nothing that is open is cut.

import { attempt, get, send } from "../kit/js/api.js";
import { confirm, form, show } from "../kit/js/dialog.js";
import { fill, h } from "../kit/js/dom.js";
import { at } from "../kit/js/format.js";
import { t } from "../kit/js/texts.js";
import { readText, saveFile } from "./files.js";
import { button, card, pairs, wordsOf } from "./pieces.js";

const KINDS = { active: "good", requested: "warn", installed: "", damaged: "bad" };
const NAME = { name: "name", label: t("security.certificate_name"), required: true, maxlength: 40, pattern: "[a-z0-9][a-z0-9_.\\-]{0,39}", hint: t("security.certificate_name_hint") };

export async function certificatesCard(holder) {
  const rows = await get("/certificates");
  const again = () => certificatesCard(holder);
  fill(
    holder,
    card(
      t("security.certificates"),
      h("p", { class: "muted" }, t("security.certificates_text")),
      h("div", { class: "columns" }, rows.map((row) => one(row, again))),
      h(
        "div",
        { class: "buttons" },
        h("button", { class: "button", type: "button", onclick: () => request(again) }, t("security.request")),
        h("button", { class: "button", type: "button", onclick: () => makeOwn(again) }, t("security.make")),
      ),
    ),
  );
}

function one(row, again) {
  const path = `/certificates/${encodeURIComponent(row.name)}`;
  const rows = row.sha256 ? [
    [t("security.hosts"), row.hosts.join(", ")],
    [t("security.ends"), [at(row.ends_unix_ms), row.ends_unix_ms < Date.now() ? [" ", h("span", { class: "badge bad" }, t("security.expired"))] : null]],
    [t("security.issuer"), row.issuer],
    ["SHA-256", h("code", { class: "small" }, row.sha256)],
  ] : [];
  return h(
    "article",
    { class: "card" },
    h("h3", {}, row.name, " ", h("span", { class: `badge ${KINDS[row.state]}` }, t(`security.state_${row.state}`))),
    pairs(rows),
    h(
      "div",
      { class: "buttons" },
      row.state === "requested" ? h("button", { class: "button small primary", type: "button", onclick: () => install(row, path, again) }, t("security.install")) : null,
      row.request ? saveRequest(row, "small") : null,
      row.state === "installed" ? button(t("security.activate"), "small primary", async () => {
        await send("POST", `${path}/activations`);
        await again();
      }, t("security.activated", { name: row.name })) : null,
      row.state === "active" ? null : h("button", { class: "button small danger", type: "button", onclick: () => remove(row, path, again) }, t("security.remove")),
    ),
  );
}

function hostsField() {
  return { name: "hosts", label: t("security.hosts"), required: true, value: location.hostname, hint: t("security.hosts_hint") };
}

async function makeOwn(again) {
  const done = await form(t("security.make"), [NAME, hostsField()], async ({ name, hosts }) => {
    await send("POST", "/certificates", { name, hosts: wordsOf(hosts) });
    return true;
  }, { ok: t("security.make") });
  if (done) await attempt(again);
}

async function request(again) {
  const fields = [NAME, hostsField(), { name: "organisation", label: t("security.organisation"), maxlength: 64 }];
  const made = await form(t("security.request"), fields, ({ name, hosts, organisation }) => send("POST", "/certificates/requests", { name, hosts: wordsOf(hosts), organisation }), { ok: t("security.request"), lead: t("security.request_text") });
  if (!made) return;
  await attempt(again);
  await show(
    t("security.request_made", { name: made.name }),
    h("p", {}, t("security.request_next")),
    h("pre", { class: "pem", tabindex: 0 }, made.request),
    saveRequest(made, ""),
  );
}

function saveRequest({ name, request: text }, kind) {
  return button(t("security.request_save"), kind, () => saveFile(`${name}.csr`, text, "application/pkcs10"));
}

async function install(row, path, again) {
  const file = h("input", { type: "file", id: "signed-file", accept: ".pem,.crt,.cer", required: true });
  const field = { name: "file", element: h("div", { class: "field" }, h("label", { for: "signed-file" }, t("security.signed")), file, h("p", { class: "hint" }, t("security.signed_hint"))), read: () => file.files[0] };
  const done = await form(t("security.install_heading", { name: row.name }), [field], async ({ file: chosen }) => {
    await send("PUT", `${path}/certificate`, { certificate: await readText(chosen) });
    return true;
  }, { ok: t("security.install") });
  if (done) await attempt(again);
}

async function remove(row, path, again) {
  if (!(await confirm(t("security.remove_ask", { name: row.name }), t("security.remove_text"), { ok: t("security.remove"), danger: true }))) return;
  await attempt(() => send("DELETE", path));
  await attempt(again);
}
