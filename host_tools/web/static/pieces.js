// Pieces that the manager's pages share: cards, buttons, forms on a page, and what becomes of two people who change one thing.

import { attempt, etagOf } from "../kit/js/api.js";
import { makeField } from "../kit/js/dialog.js";
import { fill, h } from "../kit/js/dom.js";
import { ago } from "../kit/js/format.js";
import { t } from "../kit/js/texts.js";
import { whoText } from "./words.js";

export function card(heading, ...content) {
  return h("section", { class: "card" }, h("h2", {}, heading), content);
}

/** `rows`: `[[name, value], …]`; null is left out. */
export function pairs(rows) {
  return h("dl", { class: "pairs" }, rows.filter(Boolean).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** A button that does something, tells when it is done, and is disabled meanwhile. */
export function button(text, kind, action, done = "") {
  const made = h("button", { class: `button ${kind}`, type: "button", onclick: () => attempt(action, { button: made, done }) }, text);
  return made;
}

/** A form in a card. `save(values)` throws what is wrong; it stays beside the fields. Answers `{element, values, isDirty}`. */
export function pageForm(heading, fields, save, { ok, lead = "", extra = null } = {}) {
  const made = fields.map((each) => (each.element ? each : makeField(each)));
  const values = () => Object.fromEntries(made.map((each) => [each.name, each.read()]));
  const before = JSON.stringify(values());
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  const submit = h("button", { class: "button primary", type: "submit" }, ok);
  const element = h("form", { class: "card", novalidate: true }, h("h2", {}, heading), lead ? h("p", { class: "muted" }, lead) : null, problem, made.map((each) => each.element), h("div", { class: "buttons" }, submit, extra));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!element.reportValidity()) return;
    submit.disabled = true;
    problem.hidden = true;
    try {
      await save(values());
    } catch (error) {
      fill(problem, error.message);
      problem.hidden = false;
    } finally {
      submit.disabled = false;
    }
  });
  return { element, values, isDirty: () => JSON.stringify(values()) !== before };
}

/**
 * Saves what was seen, as long as nobody else has changed it meanwhile. Whoever comes second is told who was first, when
 * and what is different now; nothing is overwritten unseen. Saving once more then puts theirs in place knowingly.
 * `seen`: the row; `readNow()`: what it is now; `write(values, tag)`; `labels`: `{field: text}`; `shown(value, field)`.
 */
export function saver(seen, readNow, write, labels, shown = shownValue) {
  let known = seen;
  return async (values) => {
    try {
      return await write(values, etagOf(known));
    } catch (error) {
      if (error.status !== 412) throw error;
      const now = await readNow();
      const told = collision(error, known, now, labels, shown);
      known = now;
      throw new Error(told);
    }
  };
}

function collision(error, before, now, labels, shown) {
  const { changed_by: who, changed_unix_ms: when } = error.more;
  const changes = Object.entries(labels)
    .filter(([name]) => JSON.stringify(before[name]) !== JSON.stringify(now[name]))
    .map(([name, label]) => t("collision.change", { label, value: shown(now[name], name) }));
  const what = changes.length ? changes.join("; ") : t("collision.nothing");
  return t("collision.told", { who: who ? whoText(who) : t("collision.somebody"), when: when ? ago(when) : t("unit.just_now"), what });
}

export function shownValue(value) {
  if (value === true) return t("word.yes");
  if (value === false) return t("word.no");
  if (Array.isArray(value)) return value.join(", ") || "–";
  if (value && typeof value === "object") return Object.entries(value).map(([key, each]) => `${key} ${shownValue(each)}`).join(", ") || "–";
  return String(value ?? "") || "–";
}

/** A text as a list of words, separated by commas. */
export function wordsOf(text) {
  return text.split(",").map((each) => each.trim()).filter(Boolean);
}
