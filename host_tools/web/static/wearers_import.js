// A table of users brought in: looked at first, with every conflict, then all of it or nothing.

import { attempt, get, send } from "../kit/js/api.js";
import { show } from "../kit/js/dialog.js";
import { fill, h } from "../kit/js/dom.js";
import { toast } from "../kit/js/toast.js";
import { t } from "../kit/js/texts.js";
import { readText, saveFile } from "./files.js";
import { button, shownValue } from "./pieces.js";

const FIELDS = { id: t("wearers.id"), name: t("wearers.name"), profile: t("wearers.profile"), email: t("wearers.email"), tags: t("wearers.tags"), prioritised: t("import.prioritised"), linked_username: t("wearer.linked") };

/** `done()` is called after an import. */
export function importWearers(done) {
  const result = h("div", { class: "import-result", "aria-live": "polite" });
  const file = h("input", { type: "file", id: "import-file", accept: ".csv,text/csv", "aria-describedby": "import-hint" });
  file.addEventListener("click", () => (file.value = "")); // the same file, corrected meanwhile, is a new choice
  file.addEventListener("change", () => file.files.length && preview(file.files[0], result, done));
  show(
    t("import.heading"),
    h("p", {}, t("import.text")),
    h("div", { class: "field" }, h("label", { for: "import-file" }, t("import.file")), file, h("p", { class: "hint", id: "import-hint" }, t("import.hint"))),
    h("p", {}, button(t("import.template"), "small", saveTemplate)),
    result,
  );
}

async function saveTemplate() {
  const { file_name: name, csv } = await get("/wearer-template");
  saveFile(name, csv);
}

let latest = 0; // of two files that are chosen one after the other the second is shown, whichever is looked at faster

async function preview(file, result, done) {
  const mine = (latest += 1);
  fill(result, h("p", { class: "muted" }, t("import.looking")));
  let found;
  try {
    const csv = await readText(file);
    found = shown(await send("POST", "/wearers/imports/previews", { csv }), csv, done);
  } catch (error) {
    found = h("p", { class: "notice bad", role: "alert" }, error.message);
  }
  if (mine === latest) fill(result, found);
}

function shown(plan, csv, done) {
  if (plan.conflicts.length) {
    return [
      h("p", { class: "notice bad", role: "alert" }, t("import.conflicts", { n: plan.conflicts.length })),
      list(t("import.line"), t("import.what"), plan.conflicts.map((each) => [String(each.line), conflictText(each)])),
    ];
  }
  const nothing = plan.added_count + plan.changed_count === 0;
  return [
    h("p", { class: `notice ${nothing ? "" : "good"}` }, t("import.plan", { added: plan.added_count, changed: plan.changed_count, same: plan.same })),
    plan.added.length ? [h("h3", {}, t("import.new")), list(t("wearers.id"), t("wearers.name"), plan.added.map((each) => [each.id, each.name]))] : null,
    plan.changed.length ? [h("h3", {}, t("import.changed")), list(t("wearers.id"), t("import.what"), plan.changed.map((each) => [each.id, each.fields.map(changeText).join("; ")]))] : null,
    nothing ? null : commitButton(plan, csv, done),
  ];
}

/** Why a line is in conflict: of a word and its values; a refusal of another kind says it itself. */
function conflictText({ code, values, text }) {
  return code ? t(`conflict.${code}`, { ...values, field: fieldText(values.field ?? "") }) : text;
}

function changeText({ field, before, after }) {
  return t("import.change", { field: fieldText(field), before: shownValue(before), after: shownValue(after) });
}

function fieldText(name) {
  return FIELDS[name] ?? name.replaceAll("_", " ");
}

function commitButton(plan, csv, done) {
  const commit = h("button", { class: "button primary", type: "button", id: "import-commit" }, t("import.do"));
  commit.addEventListener("click", async () => {
    const answer = await attempt(() => send("POST", "/wearers/imports", { csv, token: plan.token }), { button: commit });
    if (!answer) return;
    commit.closest("dialog").querySelector(".dialog-buttons button").click();
    toast(t("import.done", { added: answer.added, changed: answer.changed }));
    done();
  });
  return h("p", {}, commit);
}

function list(first, second, rows) {
  return h(
    "div",
    { class: "plain-table", tabindex: 0, role: "region", "aria-label": second },
    h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, first), h("th", { scope: "col" }, second))), h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)))))),
  );
}
