// Logging in: the only page without a session.

import { ProblemError, send } from "./api.js";
import { byId, fill } from "./dom.js";
import { t } from "./texts.js";

const form = byId("login-form");
const problem = byId("login-problem");
const button = form.querySelector("button");
const query = new URLSearchParams(location.search);

if (query.has("ended")) {
  fill(byId("login-notice"), t("login.ended"));
  byId("login-notice").hidden = false;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!form.reportValidity()) return;
  button.disabled = true;
  problem.hidden = true;
  try {
    await send("POST", "/session", { name: byId("name").value, password: byId("password").value });
    location.assign(target(query.get("next")));
  } catch (error) {
    await refuse(error);
  }
});

async function refuse(error) {
  const wait = error instanceof ProblemError ? error.more.wait_s : 0;
  const password = byId("password");
  password.value = "";
  password.focus();
  problem.hidden = false;
  for (let seconds = wait ?? 0; seconds > 0; seconds -= 1) {
    fill(problem, t("login.wait", { seconds }));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  fill(problem, error.message);
  button.disabled = false;
}

/** Only a page of this server: `//elsewhere` and `https:` are not. Whole, for a path alone may begin with `//`, too. */
function target(next) {
  const url = new URL(next || "/", location.origin);
  return url.origin === location.origin && !url.pathname.startsWith("/login") ? url.href : "/";
}
