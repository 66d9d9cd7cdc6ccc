// One's own account: another password, and an end to all sessions.

import { attempt, send } from "../kit/js/api.js";
import { byId } from "../kit/js/dom.js";
import { toast } from "../kit/js/toast.js";
import { t } from "../kit/js/texts.js";
import { may } from "./may.js";

const LEAVE_MS = 2_500; // time to read what has happened

const form = byId("password-form");
form.hidden = !may("change_own_password");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!form.reportValidity()) return;
  const button = form.querySelector("button");
  const body = { current: byId("current").value, password: byId("fresh").value };
  if ((await attempt(() => send("PUT", "/account/password", body), { button })) === undefined) return;
  toast(t("account.changed"));
  setTimeout(() => location.assign("/login"), LEAVE_MS);
});

byId("everywhere").addEventListener("click", async (event) => {
  if ((await attempt(() => send("DELETE", "/account/sessions"), { button: event.currentTarget })) !== undefined) location.assign("/login");
});
