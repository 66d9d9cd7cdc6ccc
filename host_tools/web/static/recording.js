// One recording of a camera: what it is and where, and until it is delivered its category and note.

import { attempt, get, send } from "../kit/js/api.js";
import { form, show } from "../kit/js/dialog.js";
import { h } from "../kit/js/dom.js";
import { at, size, span } from "../kit/js/format.js";
import { toast } from "../kit/js/toast.js";
import { t, tOr } from "../kit/js/texts.js";
import { categoryChoices } from "./categories.js";
import { may } from "./may.js";
import { pairs, saver } from "./pieces.js";

const NOTE_CHARACTERS_MAX = 4_000; // far more than anybody types; the server's limit is in bytes

/** Where the copies of a recording are that count. */
export function whereText(row) {
  return tOr(`held_at.${row.state}`, row.place);
}

/** Show one, and let whoever may file it do so. */
export async function openRecording(row) {
  const said = may("recording_description") ? await attempt(() => get(`/recordings/${row.recording}/description`)) : null;
  const mayFile = said?.open && may("describe_recording");
  const choices = mayFile ? await attempt(categoryChoices) : null;
  const trouble = row.trouble ? h("p", { class: "notice bad" }, row.trouble) : null;
  const heading = t("filing.heading", { when: at(row.started_unix_ms) });
  if (choices) await file(heading, h("div", { class: "field" }, trouble, pairs(factsOf(row, null))), row, said, choices);
  else await show(heading, trouble, pairs(factsOf(row, said)), mayFile ? h("p", { class: "muted" }, t("filing.not_taken")) : null);
}

function factsOf(row, said) {
  return [
    [t("camera.length"), span(row.duration_ms)],
    [t("camera.size"), size(row.bytes)],
    row.wearer ? [t("cameras.wearer"), row.wearer] : null,
    [t("camera.place"), whereText(row)],
    row.interrupted ? [t("filing.ended"), t("filing.interrupted")] : null,
    said?.category_id ? [t("filing.category"), said.category_name || said.category_id] : null,
    said?.note ? [t("filing.note"), said.note] : null,
    [t("filing.id"), h("code", {}, row.recording)],
  ];
}

async function file(heading, facts, row, said, choices) {
  const known = choices.some(([id]) => id === said.category_id);
  const options = [["", t("filing.no_category")], ...choices, ...(known || !said.category_id ? [] : [[said.category_id, said.category_name || said.category_id]])];
  const fields = [
    { name: "facts", element: facts, read: () => null },
    { name: "category", label: t("filing.category"), options, value: said.category_id },
    { name: "note", label: t("filing.note"), type: "textarea", class: "prose", rows: 4, maxlength: NOTE_CHARACTERS_MAX, value: said.note },
  ];
  const path = `/recordings/${row.recording}/description`;
  const save = saver(said, () => get(path), (values, tag) => send("PUT", path, values, { tag }), { category_name: t("filing.category"), note: t("filing.note") });
  const done = await form(heading, fields, async ({ category, note }) => {
    const [, name = ""] = options.find(([id]) => id === category) ?? [];
    await save({ category_id: category, category_name: category ? name : "", note });
    return true;
  }, { ok: t("word.save"), lead: t("filing.lead") });
  if (done) toast(t("word.saved"));
}
