// Accounts: who may come in, and as what.

import { attempt, get, send } from "../kit/js/api.js";
import { confirm, form } from "../kit/js/dialog.js";
import { byId, fill, h, meta } from "../kit/js/dom.js";
import { at } from "../kit/js/format.js";
import { Table } from "../kit/js/table.js";
import { toast } from "../kit/js/toast.js";
import { t } from "../kit/js/texts.js";
import { may } from "./may.js";
import { button } from "./pieces.js";

const ROOT = "root";
const DEMO = "demo";
const GIVEN = ["administrator", "local_administrator", "viewer"];
const PASSWORD = { type: "password", autocomplete: "new-password", required: true, minlength: 12 };

const holder = h("div", {});
fill(
  byId("accounts"),
  h("div", { class: "toolbar" }, may("add_account") ? h("div", { class: "buttons end" }, h("button", { class: "button primary", type: "button", onclick: add }, t("accounts.add"))) : null),
  holder,
  h("section", { class: "card roles-card" }, h("h2", {}, t("accounts.roles")), h("dl", { class: "pairs" }, [ROOT, ...GIVEN].map((role) => [h("dt", {}, t(`roles.${role}`)), h("dd", {}, t(`accounts.may_${role}`))]))),
);

const table = new Table(holder, {
  label: t("accounts.title"),
  keyOf: (row) => row.name,
  onOpen: open,
  minWidth: 640,
  columns: [
    { key: "name", label: t("login.name"), width: "minmax(140px, 1fr)", sort: (row) => row.name, render: (row) => row.name },
    { key: "role", label: t("accounts.role"), width: "minmax(150px, 1fr)", sort: (row) => t(`roles.${row.role}`), render: (row) => t(`roles.${row.role}`) },
    { key: "made", label: t("accounts.made"), width: "minmax(150px, 1fr)", sort: (row) => row.made_unix_ms, render: (row) => at(row.made_unix_ms) },
    { key: "actions", label: t("camera.actions"), width: "120px", render: (row) => h("button", { class: "button small", type: "button", "aria-label": t("accounts.open_label", { name: row.name }), onclick: () => open(row) }, t("accounts.open")) },
  ],
});
attempt(read);

async function read() {
  table.set(await get("/accounts"));
}

async function add() {
  const fields = [
    { name: "name", label: t("login.name"), required: true, maxlength: 64, autocapitalize: "none", spellcheck: "false" },
    { name: "role", label: t("accounts.role"), value: "viewer", options: GIVEN.map((role) => [role, t(`roles.${role}`)]) },
    { name: "password", label: t("login.password"), hint: t("account.hint"), ...PASSWORD },
  ];
  const made = await form(t("accounts.add"), fields, (values) => send("POST", "/accounts", values), { ok: t("accounts.add") });
  if (made) await attempt(read);
}

/** What can be done with one account. */
function open(row) {
  const path = `/accounts/${encodeURIComponent(row.name)}`;
  const own = row.name === meta("account");
  const fixed = row.name === ROOT || row.name === DEMO;
  const dialog = h("dialog", { "aria-labelledby": "account-heading" });
  const end = () => {
    dialog.close();
    dialog.remove();
  };
  const later = (action) => () => {
    end();
    action();
  };
  const choice = (text, action, kind = "") => h("button", { class: `button ${kind}`, type: "button", onclick: later(action) }, text);
  dialog.append(
    h("h2", { id: "account-heading" }, row.name),
    h("p", { class: "muted" }, t(`roles.${row.role}`)),
    h(
      "div",
      { class: "buttons" },
      fixed ? null : choice(t("accounts.change_role"), () => changeRole(row, path)),
      choice(t("accounts.change_password"), () => changePassword(row, path)),
      button(t("accounts.log_out"), "", () => send("DELETE", `${path}/sessions`), t("accounts.logged_out", { name: row.name })),
      button(t("accounts.unlock"), "", () => send("DELETE", `${path}/tries`), t("accounts.unlocked", { name: row.name })),
      fixed || own ? null : choice(t("accounts.remove"), () => remove(row, path), "danger"),
    ),
    h("div", { class: "dialog-buttons" }, h("button", { class: "button", type: "button", onclick: end }, t("dialog.close"))),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

async function changeRole(row, path) {
  const fields = [{ name: "role", label: t("accounts.role"), value: row.role, options: GIVEN.map((role) => [role, t(`roles.${role}`)]) }];
  await form(t("accounts.change_role"), fields, (values) => send("PUT", `${path}/role`, values), { ok: t("word.save"), lead: t("accounts.role_text", { name: row.name }) });
  await attempt(read);
}

async function changePassword(row, path) {
  const current = [ROOT, meta("account")].includes(row.name) ? [{ name: "current", label: t("account.current"), type: "password", autocomplete: "current-password", required: true }] : [];
  const fields = [...current, { name: "password", label: t("account.fresh"), hint: t("account.hint"), ...PASSWORD }];
  const done = await form(t("accounts.change_password"), fields, async (values) => {
    await send("PUT", `${path}/password`, values);
    return true;
  }, { ok: t("word.save"), lead: t("accounts.password_text", { name: row.name }) });
  if (done) toast(t("accounts.password_changed", { name: row.name }));
}

async function remove(row, path) {
  if (!(await confirm(t("accounts.remove_ask", { name: row.name }), t("accounts.remove_text"), { ok: t("accounts.remove"), danger: true }))) return;
  await attempt(() => send("DELETE", path));
  await attempt(read);
}
