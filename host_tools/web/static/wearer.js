// One user: what is known of them, their badges, their cameras.

import { attempt, etagOf, get, send } from "../kit/js/api.js";
import { confirm } from "../kit/js/dialog.js";
import { byId, fill, h, meta } from "../kit/js/dom.js";
import { at } from "../kit/js/format.js";
import { live } from "../kit/js/live.js";
import { toast } from "../kit/js/toast.js";
import { t } from "../kit/js/texts.js";
import { badges } from "./badges.js";
import { may } from "./may.js";
import { button, card, pageForm, pairs, saver } from "./pieces.js";
import { wearerFields } from "./wearer_fields.js";
import { whoText } from "./words.js";

const id = meta("argument-id");
const path = `/wearers/${encodeURIComponent(id)}`;
const LABELS = { name: t("wearers.name"), profile: t("wearers.profile"), email: t("wearers.email") };

let form = null;
let seen = null; // the row that the form was made from
let newest = null; // the row as it was read last: badges and cameras are drawn from it

const facts = h("div", {});
const badgeCard = h("div", {});
const cameraCard = h("div", {});
const actionCard = h("div", {});
const meanwhile = h("p", { class: "notice warn", role: "status", hidden: true });
fill(byId("wearer"), meanwhile, h("div", { class: "columns" }, facts, badgeCard, cameraCard, actionCard));

live.addEventListener("happening", (event) => onHappening(event.detail));
attempt(() => readAll());

/** `happening`: why it is read anew; what was typed meanwhile stays then. */
async function readAll(happening = null) {
  const [row, profiles, first] = await Promise.all([get(path), get("/profiles"), get("/priorities")]);
  if (happening && form?.isDirty()) {
    if (row.version !== seen.version) tellBeside(happening.by);
    drawRest(row, first);
    return;
  }
  seen = row;
  meanwhile.hidden = true;
  fill(byId("heading"), row.name, " ", h("span", { class: "muted small" }, row.id));
  document.title = document.title.replace(/^[^·]*/, `${row.name} `);
  drawFacts(row, profiles);
  drawRest(row, first);
}

function drawFacts(row, profiles) {
  if (!may("change_wearer")) {
    form = null;
    fill(facts, card(t("wearer.details"), pairs([[t("wearers.name"), row.name], [t("wearers.profile"), row.profile], [t("wearers.email"), row.email || "–"], linked(row)])));
    return;
  }
  const save = saver(row, () => get(path), (values, tag) => send("PATCH", path, values, { tag }), LABELS);
  form = pageForm(t("wearer.details"), wearerFields(row, profiles), async (values) => {
    await save(values);
    toast(t("word.saved"));
    await attempt(() => readAll());
  }, { ok: t("word.save"), lead: row.changed_by ? t("word.last_changed", { who: whoText(row.changed_by), when: at(row.changed_unix_ms) }) : "" });
  if (row.linked_username) form.element.append(pairs([linked(row)]));
  fill(facts, form.element);
}

function linked(row) {
  return row.linked_username ? [t("wearer.linked"), row.linked_username] : null;
}

function drawRest(row, first) {
  newest = row;
  fill(badgeCard, badges(row, readRest));
  fill(cameraCard, card(t("wearers.cameras"), row.cameras.length ? h("ul", { class: "plain-list" }, row.cameras.map((serial) => h("li", {}, h("a", { href: `/cameras/${encodeURIComponent(serial)}` }, serial)))) : h("p", { class: "muted" }, t("wearer.no_cameras"))));
  const untilMs = first[row.id];
  const prioritise = async (on) => {
    await send("PUT", `${path}/priority`, { on });
    await readRest();
  };
  const actions = [
    !may("prioritise_wearer") ? null : untilMs ? button(t("wearer.not_first"), "", () => prioritise(false), t("wearer.is_not_first", { name: row.name })) : button(t("wearer.prioritise"), "", () => prioritise(true), t("wearer.prioritised", { name: row.name })),
    may("remove_wearer") ? h("button", { class: "button danger", type: "button", onclick: remove }, t("wearer.remove")) : null,
  ].filter(Boolean);
  fill(actionCard, actions.length ? card(t("camera.actions"), untilMs ? h("p", { class: "notice" }, t("wearer.first_until", { when: at(untilMs) })) : null, h("div", { class: "buttons" }, actions)) : null);
}

/** Badges and cameras anew; what is being typed stays. */
async function readRest() {
  const [row, first] = await Promise.all([get(path), get("/priorities")]);
  drawRest(row, first);
  if (form && !form.isDirty() && row.version !== seen.version) await readAll({ by: row.changed_by });
}

async function remove() {
  if (!(await confirm(t("wearer.remove_ask", { name: seen.name }), t("wearer.remove_text"), { ok: t("wearer.remove"), danger: true }))) return;
  const done = await attempt(() => send("DELETE", path, undefined, { tag: etagOf(newest) }));
  if (done !== undefined) location.assign("/wearers");
}

function onHappening(happening) {
  if (happening.what === "changed" && happening.kind === "priority" && happening.key === id) attempt(readRest);
  const ours = happening.what === "changed" && ((happening.kind === "wearer" && happening.key === id) || happening.kind === "assignment");
  if (!ours) return;
  if (happening.removed && happening.kind === "wearer") {
    fill(meanwhile, t("wearer.gone", { who: whoText(happening.by) }));
    meanwhile.hidden = false;
  } else if (form?.isDirty() && happening.kind === "wearer") {
    tellBeside(happening.by);
  } else {
    attempt(form?.isDirty() ? readRest : () => readAll(happening));
  }
}

function tellBeside(who) {
  fill(meanwhile, t("word.changed_beside", { who: whoText(who) }));
  meanwhile.hidden = false;
}
