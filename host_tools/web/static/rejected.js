// Recordings that the destination has refused: why, and the ways out: its rejected storage, or a drive; then a person's word.

import { attempt, get, send } from "../kit/js/api.js";
import { confirm, form, makeField, show } from "../kit/js/dialog.js";
import { fill, h } from "../kit/js/dom.js";
import { at, size } from "../kit/js/format.js";
import { t } from "../kit/js/texts.js";
import { may } from "./may.js";
import { passphraseField } from "./passphrase.js";
import { button, pairs } from "./pieces.js";
import { destinationText } from "./words.js";

const LONG_MS = 3_600_000; // an hour of film onto a slow drive
const SECRET_CHARACTERS_MIN = 14; // docs/operating.md: the format's own key derivation is weak
const OTHER = "";

/** Draws them into `holder`; `changed()` reads them anew. */
export function drawRejected(holder, rows, changed) {
  if (!rows.length) {
    fill(holder);
    return;
  }
  fill(
    holder,
    h(
      "section",
      { class: "card rejected" },
      h("h2", {}, t("rejected.title"), " ", h("span", { class: "count" }, String(rows.length))),
      h("p", {}, t("rejected.lead")),
      h("ul", { class: "rejected-list" }, rows.map((row) => item(row, changed))),
    ),
  );
}

function item(row, changed) {
  const { how } = row.done;
  return h(
    "li",
    { class: "rejected-item" },
    h("div", {}, h("strong", {}, t("rejected.of", { camera: row.camera, wearer: row.wearer || t("dashboard.nobody") })), h("p", { class: "muted small" }, `${at(row.started_unix_ms)} · ${size(row.bytes)} · `, h("code", {}, row.recording))),
    h("p", { class: "notice bad" }, row.reason),
    how ? h("p", { class: "notice good" }, t(`rejected.is_${how}`, { where: whereText(row) })) : null,
    h("div", { class: "buttons" }, actions(row, changed)),
  );
}

function actions(row, changed) {
  const path = `/rejected-recordings/${row.recording}`;
  const done = Boolean(row.done.how);
  const kind = done ? "quiet" : "";
  return [
    done && may("confirm_rejected_recording") ? h("button", { class: "button primary", type: "button", onclick: () => letGo(row, path, changed) }, t("rejected.confirm")) : null,
    row.sendable && may("send_rejected_recording") ? sendButton(path, kind, changed) : null,
    may("archive_rejected_recording") ? h("button", { class: `button ${kind}`, type: "button", onclick: () => archive(row, path, changed) }, t("rejected.archive")) : null,
    !row.sendable && may("send_rejected_recording") ? h("span", { class: "muted small" }, t("rejected.no_storage")) : null,
  ];
}

function sendButton(path, kind, changed) {
  return button(t("rejected.send"), kind, async () => {
    await send("POST", `${path}/deliveries`, undefined, { limitMs: LONG_MS });
    await changed();
  }, t("rejected.sent"));
}

async function letGo(row, path, changed) {
  const text = t(`rejected.confirm_${row.done.how}`, { where: whereText(row) });
  if (!(await confirm(t("rejected.confirm_ask"), text, { ok: t("rejected.confirm"), danger: true }))) return;
  await attempt(() => send("POST", `${path}/confirmations`), { done: t("rejected.confirmed") });
  await attempt(changed);
}

async function archive(row, path, changed) {
  const drives = await attempt(() => get("/archive-drives"));
  if (!drives) return;
  const place = placeFields(drives, row);
  const secret = { type: "password", required: true, minlength: SECRET_CHARACTERS_MIN, autocomplete: "new-password" };
  const fields = [
    ...place,
    { name: "archive_passphrase", label: t("rejected.secret"), hint: t("rejected.secret_hint", { n: SECRET_CHARACTERS_MIN }), ...secret },
    { name: "archive_passphrase_again", label: t("rejected.secret_again"), ...secret },
    passphraseField(),
  ];
  const made = await form(t("rejected.archive"), fields, (values) => write(path, values), { ok: t("rejected.write"), lead: t("rejected.archive_text", { size: size(row.bytes) }) });
  if (!made) return;
  await attempt(changed);
  await show(t("rejected.archived"), pairs([[t("rejected.file"), h("code", {}, made.where)], ["SHA-256", h("code", {}, made.objects[0].sha256)]]), h("p", {}, t("rejected.archived_text")));
}

async function write(path, { drive, folder, ...values }) {
  const body = { ...values, drive: drive || folder };
  return send("POST", `${path}/archives`, body, { limitMs: LONG_MS });
}

/** A drive that is plugged in, with what is free on it; or a folder that is named, for whoever knows what they do. */
function placeFields(drives, row) {
  const told = (each) => (each.fault ? t("rejected.drive_unfit", { drive: each.drive }) : t(each.free_bytes < row.bytes ? "rejected.drive_small" : "rejected.drive", { drive: each.drive, free: size(each.free_bytes) }));
  const fit = drives.filter((each) => !each.fault && each.free_bytes >= row.bytes);
  const hint = drives.find((each) => each.fault)?.fault ?? t(drives.length ? "rejected.drive_hint" : "rejected.no_drive");
  const drive = makeField({ name: "drive", label: t("rejected.drive_label"), hint, value: fit[0]?.drive ?? OTHER, options: [...drives.map((each) => [each.drive, told(each)]), [OTHER, t("rejected.other_folder")]] });
  const folder = makeField({ name: "folder", label: t("rejected.folder"), hint: t("rejected.folder_hint") });
  const any = makeField({ name: "any_drive", label: t("rejected.any_drive"), type: "checkbox", hint: t("rejected.any_drive_hint") });
  const follow = () => {
    const named = drive.read() === OTHER;
    folder.input.required = named;
    folder.element.hidden = any.element.hidden = !named;
  };
  drive.input.addEventListener("change", follow);
  follow();
  return [drive, folder, any];
}

/** Of a destination its name; of an archive the whole way, which somebody has to find. */
function whereText(row) {
  return row.done.how === "sent" ? destinationText(row.done.where) : row.done.where;
}
