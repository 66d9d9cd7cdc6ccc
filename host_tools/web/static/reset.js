// Starting again: what is left that keeps the system from being reset, each thing with the way to it; and the reset.

import { attempt, get, send } from "../kit/js/api.js";
import { form } from "../kit/js/dialog.js";
import { fill, h } from "../kit/js/dom.js";
import { live } from "../kit/js/live.js";
import { t } from "../kit/js/texts.js";
import { may } from "./may.js";
import { passphraseField } from "./passphrase.js";
import { card } from "./pieces.js";

const READ_AFTER_MS = 1_000;
const TOLD = new Set(["added", "removed", "force_removed", "docked", "undocked", "held", "delivered", "erased", "set_aside"]);
const WAYS = { cameras_docked: "/cameras", cameras_away: "/cameras?state=undocked", undelivered: "/controller", set_aside: "/controller", refused: "/controller" };

/** What is left, one thing a line, with the way to where it is mended. */
export function reasonsList(reasons, kind) {
  return h("ul", { class: "reasons" }, reasons.map((each) => h("li", { class: `reason ${kind}` }, h("span", {}, reasonText(each)), WAYS[each.code] ? h("a", { href: WAYS[each.code] }, t(`reset_way.${each.code}`)) : null)));
}

export function reasonText({ code, count: n, names }) {
  return t(`reset_reason.${code}`, { n, names: names.join(", ") + (n > names.length ? " …" : "") });
}

/** Draws the card into `holder`, and anew when something has changed. */
export async function resetCard(holder) {
  if (!may("reset_system")) return;
  let drawn = "";
  const draw = async () => {
    const found = await get("/system-reset");
    if (JSON.stringify(found) === drawn) return;
    drawn = JSON.stringify(found);
    fill(holder, made(found));
  };
  let waiting = 0;
  live.addEventListener("happening", ({ detail }) => {
    if (!TOLD.has(detail.what) || waiting) return;
    waiting = setTimeout(() => {
      waiting = 0;
      attempt(draw);
    }, READ_AFTER_MS);
  });
  await attempt(draw);
}

function made(found) {
  const ask = h("button", { class: "button danger", type: "button", id: "reset-button", disabled: found.left.length > 0, onclick: () => reset(found) }, t("security.reset"));
  return card(
    t("security.reset"),
    h("p", { class: "muted" }, t("security.reset_text")),
    found.left.length ? [h("p", { class: "notice warn" }, t("security.reset_not_now")), reasonsList(found.left, "bad")] : h("p", { class: "notice good" }, t("security.reset_now")),
    found.goes.length ? [h("h3", {}, t("security.reset_goes")), reasonsList(found.goes, "warn")] : null,
    h("p", { class: "notice" }, t("security.destination_first")),
    ask,
  );
}

async function reset(found) {
  const fields = [{ name: "name", label: t("security.reset_name", { name: found.name }), required: true, autocapitalize: "none", spellcheck: "false" }, passphraseField()];
  const lead = [t("security.reset_lead"), ...found.goes.map(reasonText)].join(" ");
  const done = await form(t("security.reset"), fields, async (values) => {
    await send("POST", "/system-reset", values);
    return true;
  }, { ok: t("security.reset"), danger: true, lead });
  if (done) location.assign("/");
}
