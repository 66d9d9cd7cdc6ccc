// What needs the system's passphrase: coming back from safe mode, the restore key, new keys; and makers.

import { attempt, get, send } from "../kit/js/api.js";
import { form } from "../kit/js/dialog.js";
import { fill, h } from "../kit/js/dom.js";
import { toast } from "../kit/js/toast.js";
import { t } from "../kit/js/texts.js";
import { saveFile } from "./files.js";
import { may } from "./may.js";
import { button, card } from "./pieces.js";

const SAVED_NAME = "restore-key.txt";

export function passphraseField() {
  return { name: "passphrase", label: t("security.passphrase"), type: "password", required: true, autocomplete: "off", hint: t("security.passphrase_hint") };
}

export function passphraseCards() {
  return [safeMode(), keys(), makers()].filter(Boolean);
}

function safeMode() {
  if (!may("allow_back_always")) return null;
  const holder = h("div", {});
  const draw = async () => fill(holder, safeModeCard((await get("/safe-mode")).automatic, draw));
  attempt(draw);
  return holder;
}

function safeModeCard(automatic, draw) {
  const change = (action) => async (values) => {
    await action(values);
    await draw();
  };
  return card(
    t("security.safe_mode"),
    h("p", { class: "muted" }, t("security.safe_mode_text")),
    h("p", { class: `notice ${automatic ? "warn" : ""}` }, t(automatic ? "security.back_always_done" : "security.back_ask_done")),
    automatic
      ? button(t("security.back_ask"), "", change(() => send("DELETE", "/safe-mode/automatic-return")), t("security.back_ask_done"))
      : withPassphrase(t("security.back_always"), t("security.back_always_text"), change((values) => send("PUT", "/safe-mode/automatic-return", values)), t("security.back_always_done")),
  );
}

function keys() {
  if (!may("make_restore_key")) return null;
  const restore = h("button", { class: "button", type: "button", onclick: saveRestoreKey }, t("setup.save_key"));
  return card(
    t("security.keys"),
    h("p", { class: "muted" }, t("setup.key_text")),
    h(
      "div",
      { class: "buttons" },
      restore,
      withPassphrase(t("security.rotate_sealing"), t("security.rotate_sealing_text"), (values) => send("POST", "/trust/sealing-keys", values), t("security.rotated")),
      withPassphrase(t("security.rotate_issuing"), t("security.rotate_issuing_text"), (values) => send("POST", "/trust/issuing-keys", values), t("security.rotated")),
    ),
  );
}

async function saveRestoreKey() {
  const key = await form(t("setup.save_key"), [passphraseField()], (values) => send("POST", "/trust/restore-keys", values), { ok: t("setup.save_key") });
  if (key) saveFile(SAVED_NAME, key, "text/plain;charset=utf-8");
}

function makers() {
  if (!may("trust_maker")) return null;
  const file = h("input", { type: "file", id: "maker-file" });
  const done = () => {
    file.value = "";
  };
  return card(
    t("security.makers"),
    h("p", { class: "muted" }, t("security.makers_text")),
    h("div", { class: "field" }, h("label", { for: "maker-file" }, t("security.maker_file")), file),
    button(t("security.trust_maker"), "", async () => {
      if (!file.files.length) {
        toast(t("security.choose_file"), "bad");
        return;
      }
      const bytes = certificateBytes(new Uint8Array(await file.files[0].arrayBuffer()));
      const root = Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
      await send("POST", "/trust/makers", { root });
      toast(t("security.maker_trusted"));
      done();
    }),
  );
}

/** A certificate's own bytes, of a file in PEM or DER. */
function certificateBytes(bytes) {
  const found = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(new TextDecoder("latin1").decode(bytes));
  return found ? Uint8Array.from(atob(found[1].replace(/\s/g, "")), (each) => each.charCodeAt(0)) : bytes;
}

function withPassphrase(text, lead, action, done) {
  return h("button", { class: "button", type: "button", onclick: ask }, text);
  async function ask() {
    const answer = await form(text, [passphraseField()], async (values) => {
      await action(values);
      return true;
    }, { ok: text, lead });
    if (answer) toast(done);
  }
}
