// Badges of a user: shown, taken away, typed, or paired at a reader (the controller's, or one here) by holding them to it
// twice.

import { attempt, get, send } from "../kit/js/api.js";
import { confirm, form, show } from "../kit/js/dialog.js";
import { fill, h } from "../kit/js/dom.js";
import { live } from "../kit/js/live.js";
import { toast } from "../kit/js/toast.js";
import { t } from "../kit/js/texts.js";
import { may } from "./may.js";
import { pairHere } from "./own_badge.js";
import { card } from "./pieces.js";

const READY = "ready";

/** The card of a wearer's badges; `changed()` reads them anew. */
export function badges(row, changed) {
  const path = `/wearers/${encodeURIComponent(row.id)}/tags`;
  return card(
    t("wearers.tags"),
    row.tags.length ? h("ul", { class: "plain-list" }, row.tags.map((tag) => h("li", {}, h("code", {}, tag), may("unpair_tag") ? takeAway(row, tag, path, changed) : null))) : h("p", { class: "muted" }, t("badge.none")),
    may("pair_tag")
      ? h(
          "div",
          { class: "buttons" },
          h("button", { class: "button", type: "button", onclick: () => pairAtReader(row, path, changed) }, t("badge.at_reader")),
          h("button", { class: "button", type: "button", onclick: () => pairHere(row, path, changed) }, t("badge.here")),
          h("button", { class: "button quiet", type: "button", onclick: () => typeNumber(row, path, changed) }, t("badge.type")),
        )
      : null,
  );
}

function takeAway(row, tag, path, changed) {
  const made = h("button", { class: "button small", type: "button", "aria-label": t("badge.take_label", { tag }) }, t("badge.take"));
  made.addEventListener("click", async () => {
    if (!(await confirm(t("badge.take_ask", { tag }), t("badge.take_text", { name: row.name }), { ok: t("badge.take"), danger: true }))) return;
    await attempt(() => send("DELETE", `${path}/${encodeURIComponent(tag)}`), { button: made });
    await attempt(changed);
  });
  return made;
}

async function typeNumber(row, path, changed) {
  const fields = [{ name: "tag", label: t("badge.number"), required: true, hint: t("badge.number_hint"), pattern: "[0-9A-Fa-f :\\-]+" }];
  const done = await form(t("badge.type"), fields, ({ tag }) => send("PUT", `${path}/${encodeURIComponent(tag)}`), { ok: t("badge.pair") });
  if (done) await attempt(changed);
}

async function pairAtReader(row, path, changed) {
  const status = await attempt(() => get("/status"));
  if (!status) return;
  const usable = (status.readers ?? []).filter((each) => each.state === READY);
  if (!usable.length) {
    const found = (status.readers ?? []).map((each) => h("li", {}, `${each.model || each.identity || each.url}: ${each.text || each.state}`));
    show(t("badge.at_reader"), h("p", { class: "notice warn" }, t("badge.no_reader")), found.length ? h("ul", {}, found) : null, h("p", { class: "muted" }, t("badge.or_here")));
    return;
  }
  await follow(row, path, changed);
}

/** Asks the controller for the next badge until it has one, or the dialog is closed. */
async function follow(row, path, changed) {
  const said = h("p", { class: "notice", role: "status", "aria-live": "polite" }, t("badge.hold"));
  let open = true;
  const onHappening = (event) => event.detail.what === "badge_reading" && event.detail.text && fill(said, event.detail.text);
  live.addEventListener("happening", onHappening);
  const closed = show(t("badge.heading", { name: row.name }), h("p", {}, t("badge.how")), said).then(() => {
    open = false;
    live.removeEventListener("happening", onHappening);
  });
  while (open) {
    try {
      const { tag } = await send("POST", "/badge-readings");
      if (!open) return;
      if (!tag) continue; // nobody came: it waits on
      await send("PUT", `${path}/${encodeURIComponent(tag)}`);
      said.closest("dialog").querySelector(".dialog-buttons button").click();
      toast(t("badge.paired", { name: row.name, tag }));
      await attempt(changed);
    } catch (error) {
      said.className = "notice bad";
      fill(said, error.message);
      break;
    }
  }
  await closed;
}
