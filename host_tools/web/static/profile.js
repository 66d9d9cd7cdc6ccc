// One camera profile: every setting of the catalogue, for all models or for one; what a model cannot do is greyed and
// explained.

import { attempt, etagOf, get, send } from "../kit/js/api.js";
import { confirm, makeField } from "../kit/js/dialog.js";
import { byId, fill, h, meta } from "../kit/js/dom.js";
import { at } from "../kit/js/format.js";
import { live } from "../kit/js/live.js";
import { toast } from "../kit/js/toast.js";
import { t, tOr } from "../kit/js/texts.js";
import { may } from "./may.js";
import { saver, shownValue } from "./pieces.js";
import { choiceText, flat, flatLabels, lacks, lacksChoice, modelText, settingText } from "./profile_rules.js";
import { whoText } from "./words.js";

const name = meta("argument-name");
const path = `/profiles/${encodeURIComponent(name)}`;
const AS_ALL = "as_all";
const writable = may("put_profile");

let catalogue;
let seen; // as it was read
let work; // as it is being changed
let save;
let scope = ""; // a model, or all

const head = h("div", {});
const groups = h("div", { class: "profile-groups" });
const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
const meanwhile = h("p", { class: "notice warn", role: "status", hidden: true });
fill(byId("profile"), meanwhile, head, groups, problem, writable ? buttons() : null);

live.addEventListener("happening", (event) => {
  const { what, kind, key, by } = event.detail;
  if (what !== "changed" || kind !== "profile" || key !== name || !seen) return;
  if (isDirty()) tellBeside(by);
  else attempt(() => read(by));
});
attempt(read);

/** `by`: who has changed it; what was chosen while it was read anew stays then. */
async function read(by = "") {
  catalogue ??= await get("/setting-catalogue");
  const now = await get(path);
  if (by && isDirty()) {
    tellBeside(by);
    return;
  }
  seen = now;
  work = copyOf(seen);
  const readNow = async () => flat(await get(path));
  save = saver(flat(seen), readNow, (_, tag) => send("PUT", path, work, { tag }), flatLabels(catalogue), shownSetting);
  meanwhile.hidden = true;
  problem.hidden = true;
  draw();
}

function tellBeside(who) {
  fill(meanwhile, t("word.changed_beside", { who: whoText(who) }));
  meanwhile.hidden = false;
}

function shownSetting(value, field) {
  const setting = catalogue.settings.find((each) => each.name === field.split(" ").at(-1));
  return setting && field.includes(" ") ? choiceText(setting, value ?? setting.default) : shownValue(value);
}

function copyOf({ description, models, settings, by_model }) {
  return structuredClone({ description, models, settings, by_model });
}

function isDirty() {
  return JSON.stringify(work) !== JSON.stringify(copyOf(seen));
}

function draw() {
  fill(head, headCard());
  drawGroups();
}

function headCard() {
  const description = makeField({ name: "description", label: t("profiles.description"), value: work.description, maxlength: 500 });
  description.input.addEventListener("input", () => (work.description = description.input.value));
  const chosen = makeField({ name: "scope", label: t("profile.scope"), value: scope, options: [["", t("profiles.all_models")], ...Object.keys(catalogue.models).map((each) => [each, scopeText(each)])], hint: t("profile.scope_hint") });
  chosen.input.addEventListener("change", () => {
    scope = chosen.input.value;
    drawGroups();
  });
  description.input.disabled = !writable;
  return h(
    "section",
    { class: "card" },
    h("p", { class: "muted small" }, [seen.changed_unix_ms ? t("word.last_changed", { who: whoText(seen.changed_by), when: at(seen.changed_unix_ms) }) : null, writable ? null : t("profile.read_only")].filter(Boolean).join(". ")),
    description.element,
    modelsField(),
    chosen.element,
  );
}

function modelsField() {
  const boxes = Object.keys(catalogue.models).map((model) => {
    const box = h("input", { type: "checkbox", checked: work.models.length === 0 || work.models.includes(model), disabled: !writable });
    box.addEventListener("change", () => {
      const all = Object.keys(catalogue.models);
      const now = new Set(work.models.length ? work.models : all);
      if (box.checked) now.add(model);
      else now.delete(model);
      if (!now.size) {
        box.checked = true; // a profile for no model at all is none
        return;
      }
      work.models = now.size === all.length ? [] : [...now].sort();
      drawGroups();
    });
    const lines = seen.unsupported[model] ?? [];
    return h("label", { class: "model-choice" }, box, modelText(model), lines.length ? h("span", { class: "hint" }, lines.join("; ")) : null);
  });
  return h("fieldset", {}, h("legend", {}, t("profile.allowed")), h("p", { class: "hint" }, t("profile.allowed_hint")), boxes);
}

function scopeText(model) {
  const different = Object.keys(work.by_model[model] ?? {}).length;
  return different ? t("profile.scope_different", { model: modelText(model), n: different }) : modelText(model);
}

function drawGroups() {
  const byGroup = Map.groupBy(catalogue.settings, (setting) => setting.group);
  fill(
    groups,
    [...byGroup].map(([group, settings]) => h("section", { class: "card" }, h("h2", {}, tOr(`group.${group}`, group)), settings.map((setting) => field(setting)))),
  );
}

function field(setting) {
  const id = `setting-${setting.name}`;
  const inForce = modelsInForce();
  const without = inForce.filter((model) => lacks(setting, catalogue.models[model]).length);
  const nowhere = inForce.length > 0 && without.length === inForce.length;
  const hints = [scope ? null : elsewhere(setting), ...lackTexts(setting, without), setting.obeyed ? null : t("profile.kept_only")].filter(Boolean);
  const unfit = scope ? (seen.unsupported[scope] ?? []).filter((line) => line.startsWith(`${setting.name} `)) : [];
  const control = h("select", { id, disabled: !writable || nowhere, "aria-describedby": hints.length || unfit.length ? `${id}-hint` : null }, options(setting));
  control.addEventListener("change", () => choose(setting, control.value));
  return h(
    "div",
    { class: `field setting ${nowhere ? "cannot" : ""}` },
    h("label", { for: id }, settingText(setting)),
    control,
    hints.length || unfit.length ? h("p", { class: "hint", id: `${id}-hint` }, [...hints, ...unfit].join(". ")) : null,
  );
}

/** What is lacking, and on which models: one line a cause. */
function lackTexts(setting, models) {
  const causes = Map.groupBy(models, (model) => lacks(setting, catalogue.models[model]).join(", "));
  return [...causes].map(([what, which]) => t("profile.lacks", { model: which.map(modelText).join(", "), what }));
}

/** Models that the shown settings are for. */
function modelsInForce() {
  if (scope) return [scope];
  return work.models.length ? work.models.filter((each) => each in catalogue.models) : Object.keys(catalogue.models);
}

function elsewhere(setting) {
  const models = Object.entries(work.by_model).filter(([, values]) => setting.name in values);
  return models.length ? t("profile.different_on", { models: models.map(([model, values]) => `${modelText(model)}: ${choiceText(setting, values[setting.name])}`).join(", ") }) : null;
}

function options(setting) {
  const base = work.settings[setting.name] ?? setting.default;
  const value = scope ? (work.by_model[scope]?.[setting.name] ?? AS_ALL) : base;
  const choices = setting.choices.map((choice, index) => {
    const without = modelsInForce().length > 0 && modelsInForce().every((model) => lacksChoice(setting, choice, catalogue.models[model]));
    return h("option", { value: index, selected: choice === value, disabled: without && choice !== value }, without ? t("profile.choice_cannot", { choice: choiceText(setting, choice) }) : choiceText(setting, choice));
  });
  if (scope) choices.unshift(h("option", { value: AS_ALL, selected: value === AS_ALL }, t("profile.as_all", { value: choiceText(setting, base) })));
  return choices;
}

function choose(setting, chosen) {
  const value = chosen === AS_ALL ? undefined : setting.choices[Number(chosen)];
  const target = scope ? (work.by_model[scope] ??= {}) : work.settings;
  if (value === undefined || (!scope && value === setting.default)) delete target[setting.name];
  else target[setting.name] = value;
  if (scope && !Object.keys(target).length) delete work.by_model[scope];
}

function buttons() {
  const submit = h("button", { class: "button primary", type: "button" }, t("word.save"));
  submit.addEventListener("click", async () => {
    submit.disabled = true;
    problem.hidden = true;
    try {
      await save();
      toast(t("profile.saved", { name }));
      await read();
    } catch (error) {
      fill(problem, error.message);
      problem.hidden = false;
    } finally {
      submit.disabled = false;
    }
  });
  const undo = h("button", { class: "button", type: "button", onclick: () => attempt(() => read()) }, t("profile.undo"));
  const remove = may("remove_profile") ? h("button", { class: "button danger", type: "button", onclick: removeIt }, t("profile.remove")) : null;
  return h("div", { class: "buttons sticky-buttons" }, submit, undo, remove);
}

async function removeIt() {
  if (!(await confirm(t("profile.remove_ask", { name }), t("profile.remove_text"), { ok: t("profile.remove"), danger: true }))) return;
  if ((await attempt(() => send("DELETE", path, undefined, { tag: etagOf(seen) }))) !== undefined) location.assign("/profiles");
}
