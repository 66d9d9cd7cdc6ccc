// A session that ends while somebody is typing: what was typed stays, and its account may come in again beside it.

import { form } from "./dialog.js";
import { meta } from "./dom.js";
import { t } from "./texts.js";

const typed = new Set(); // fields that a person has changed; what is drawn anew after saving is another one
addEventListener("input", (event) => event.target.type !== "search" && typed.add(event.target), true);

let asking = null; // of several requests that meet the end of a session, one asks
let declined = false;

/** Whether something was typed on this page that is still there. */
export function hasTyped() {
  for (const field of typed) if (!field.isConnected) typed.delete(field);
  return typed.size > 0;
}

/**
 * Ask for the password. `login(name, password)` answers the new session. Answers whether somebody has come in. Whoever
 * would rather not stays where they are, and is asked again when they do something: `byPerson`.
 */
export function comeInAgain(login, byPerson) {
  if (declined && !byPerson) return Promise.resolve(false);
  asking ??= ask(login).finally(() => (asking = null));
  return asking;
}

async function ask(login) {
  const account = meta("account");
  const password = { name: "password", type: "password", label: t("login.password"), required: true, autocomplete: "current-password", maxlength: 1024 };
  const session = await form(t("login.again"), [password], (values) => login(account, values.password), { ok: t("login.submit"), lead: t("login.again_text", { name: account }) });
  declined = !session;
  if (session) document.querySelector('meta[name="openbwc-csrf"]').content = session.csrf;
  return Boolean(session);
}
