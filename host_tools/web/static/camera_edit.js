// What people write on a camera, whose it always is, and what is done with it that needs a question first.

import { attempt, etagOf, get, send } from "../kit/js/api.js";
import { confirm, form, show } from "../kit/js/dialog.js";
import { fill, h } from "../kit/js/dom.js";
import { live } from "../kit/js/live.js";
import { toast } from "../kit/js/toast.js";
import { t } from "../kit/js/texts.js";
import { may } from "./may.js";
import { button, card, pageForm, pairs, saver, wordsOf } from "./pieces.js";
import { passphraseField } from "./passphrase.js";

const FOUND_MAX = 20;
const NAME_CHARACTERS_MAX = 60;

/** Draws the cards of name and assignment into `holder`, and keeps them up to date. */
export function editCards(holder, serial) {
  const nameCard = h("div", {});
  const wearerCard = h("div", {});
  fill(holder, nameCard, wearerCard);
  const state = { form: null };
  const again = (keepsTyped) => attempt(() => read(serial, nameCard, wearerCard, state, keepsTyped));
  live.addEventListener("happening", ({ detail: { what, kind, key } }) => {
    if (what === "changed" && key === serial && ["camera", "assignment"].includes(kind) && !state.form?.isDirty()) again(true);
  });
  again(false);
}

/** `keepsTyped`: what was typed while it was read anew stays. */
async function read(serial, nameCard, wearerCard, state, keepsTyped = false) {
  const [entry, settings] = await Promise.all([entryOf(serial), may("get_settings") ? get("/settings") : null]);
  if (keepsTyped && state.form?.isDirty()) return;
  if (may("change_camera")) {
    const shown = { name: entry.name, tags: entry.tags, version: entry.version };
    const save = saver(shown, () => entryOf(serial), (values, tag) => send("PATCH", `/camera-entries/${encodeURIComponent(serial)}`, values, { tag }), { name: t("camera.name"), tags: t("camera.tags") });
    const fields = [
      { name: "name", label: t("camera.name"), value: entry.name, maxlength: NAME_CHARACTERS_MAX },
      { name: "tags", label: t("camera.tags"), value: entry.tags.join(", "), hint: t("camera.tags_hint") },
    ];
    state.form = pageForm(t("camera.written"), fields, async ({ name, tags }) => {
      await save({ name, tags: wordsOf(tags) });
      toast(t("word.saved"));
      await read(serial, nameCard, wearerCard, state);
    }, { ok: t("word.save") });
    fill(nameCard, state.form.element);
  } else {
    fill(nameCard, card(t("camera.written"), pairs([[t("camera.name"), entry.name || "–"], [t("camera.tags"), entry.tags.join(", ") || "–"]])));
  }
  if (settings?.assignment_mode === "fixed") await drawAssignment(serial, wearerCard, () => read(serial, nameCard, wearerCard, state));
}

async function entryOf(serial) {
  const { rows } = await get("/camera-entries", { search: serial });
  return rows.find((row) => row.serial === serial) ?? { serial, name: "", tags: [], version: 0 };
}

async function drawAssignment(serial, holder, again) {
  const found = (await get("/assignments")).find((row) => row.camera === serial);
  const wearer = found ? await get(`/wearers/${encodeURIComponent(found.wearer)}`) : null;
  const path = `/assignments/${encodeURIComponent(serial)}`;
  fill(
    holder,
    card(
      t("camera.always"),
      wearer ? h("p", {}, h("a", { href: `/wearers/${encodeURIComponent(wearer.id)}` }, wearer.name), " ", h("span", { class: "muted" }, wearer.id)) : h("p", { class: "muted" }, t("dashboard.nobody")),
      h(
        "div",
        { class: "buttons" },
        may("assign_camera") ? h("button", { class: "button", type: "button", onclick: () => choose(path, found ? etagOf(found) : "new", again) }, t("camera.assign")) : null,
        found && may("unassign_camera") ? button(t("camera.unassign"), "", async () => {
          await send("DELETE", path, undefined, { tag: etagOf(found) });
          await again();
        }) : null,
        wearer && may("prioritise_wearer") ? button(t("wearer.prioritise"), "", () => send("PUT", `/wearers/${encodeURIComponent(wearer.id)}/priority`, { on: true }), t("wearer.prioritised", { name: wearer.name })) : null,
      ),
    ),
  );
}

/** One wearer of thousands: by search. `tag`: of whose it was seen to be. */
function choose(path, tag, again) {
  const list = h("ul", { class: "plain-list", "aria-live": "polite" });
  const search = h("input", { type: "search", id: "wearer-search", autocomplete: "off" });
  let asked = 0;
  const look = async () => {
    const mine = (asked += 1);
    const answer = await attempt(() => get("/wearers", { search: search.value.trim(), limit: FOUND_MAX }));
    if (!answer || mine !== asked) return;
    fill(list, answer.rows.map((row) => h("li", {}, h("span", {}, row.name, " ", h("span", { class: "muted" }, row.id)), take(row))), answer.rows.length ? null : h("li", { class: "muted" }, t("table.nothing_found")));
  };
  const take = (row) => {
    const made = h("button", { class: "button small", type: "button", "aria-label": t("camera.assign_to", { name: row.name }) }, t("camera.assign"));
    made.addEventListener("click", async () => {
      if ((await attempt(() => send("PUT", path, { wearer: row.id }, { tag }), { button: made, done: t("camera.assigned", { name: row.name }) })) === undefined) return;
      made.closest("dialog").querySelector(".dialog-buttons button").click();
      await attempt(again);
    });
    return made;
  };
  search.addEventListener("input", look);
  look();
  show(t("camera.assign"), h("div", { class: "field" }, h("label", { for: "wearer-search" }, t("table.search")), search), list);
}

/** Buttons for what is the matter with this camera now. */
export function gravelyButtons(camera) {
  const { serial } = camera;
  const away = !camera.online;
  return [
    camera.admission === "safe_mode" && camera.online && may("allow_cameras_back") ? h("button", { class: "button primary", type: "button", onclick: () => allowBack(serial) }, t("camera.back")) : null,
    camera.place?.dock && may("power_cycle_bay") ? h("button", { class: "button", type: "button", onclick: () => recover(camera) }, t("camera.recover")) : null,
    away && camera.admission === "member" && may("force_remove_cameras") ? h("button", { class: "button danger", type: "button", onclick: () => forceRemove(serial) }, t("camera.force")) : null,
    ((away && camera.wearer_id) || camera.not_let_go) && may("end_holding") ? releaseButton(serial) : null,
  ].filter(Boolean);
}

function releaseButton(serial) {
  return button(t("camera.release"), "", () => send("POST", "/commands/end_holding", { camera: serial }), t("camera.released"));
}

async function recover(camera) {
  if (!(await confirm(t("camera.recover"), t("camera.recover_text"), { ok: t("camera.recover") }))) return;
  const { dock, bay } = camera.place;
  await attempt(() => send("POST", `/docks/${encodeURIComponent(dock)}/bays/${bay}/power-cycles`), { done: t("camera.recovered") });
}

async function allowBack(serial) {
  const done = await form(t("camera.back"), [passphraseField()], async ({ passphrase }) => {
    await send("POST", "/cameras/returns", { serials: [serial], passphrase });
    return true;
  }, { ok: t("camera.back"), lead: t("camera.back_text") });
  if (done) toast(t("camera.is_back", { serial }));
}

async function forceRemove(serial) {
  const fields = [passphraseField(), { name: "stolen", label: t("camera.stolen"), type: "checkbox", hint: t("camera.stolen_hint") }];
  const done = await form(t("camera.force_ask", { serial }), fields, async ({ passphrase, stolen }) => {
    await send("POST", "/cameras/force-removals", { serials: [serial], passphrase, stolen });
    return true;
  }, { ok: t("camera.force"), danger: true, lead: t("camera.force_text") });
  if (done) location.assign("/cameras");
}
