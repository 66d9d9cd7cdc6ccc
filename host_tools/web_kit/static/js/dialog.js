// Questions to a person, as native dialogs: focus is kept inside, Escape is no.

import { fill, h } from "./dom.js";
import { t } from "./texts.js";

/** Ask before something is done. Answers true or false. */
export function confirm(heading, text, { ok = t("dialog.ok"), danger = false } = {}) {
  return ask(heading, [h("p", {}, text)], { ok, danger, read: () => true }).then((answer) => answer === true);
}

/**
 * A dialog with fields. `fields`: `[{name, label, type, value, hint, required, options, autocomplete}]`. `submit(values)`
 * does it; while it throws, the dialog stays and shows why. A field may also be made already: `{name, element, read()}`. Answers what `submit` answers, or null.
 */
export function form(heading, fields, submit, { ok = t("dialog.ok"), lead = "", danger = false } = {}) {
  const made = fields.map((each) => (each.element ? each : makeField(each)));
  return ask(heading, [lead ? h("p", {}, lead) : null, ...made.map((each) => each.element)], {
    ok,
    danger,
    read: () => submit(Object.fromEntries(made.map((each) => [each.name, each.read()]))),
  });
}

/** Show something until it is closed. */
export function show(heading, ...content) {
  return ask(heading, content, { ok: "", read: () => null, large: true });
}

let numbers = 0;

export function makeField({ name, label, type = "text", value = "", hint = "", required = false, options = null, autocomplete = "off", ...more }) {
  const id = `field-${(numbers += 1)}`;
  const described = hint ? { "aria-describedby": `${id}-hint` } : {};
  let input;
  if (options) {
    input = h("select", { id, name, ...described }, options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
  } else if (type === "checkbox") {
    input = h("input", { id, name, type, checked: value === true, ...described });
    const element = h("div", { class: "field" }, h("label", { for: id }, input, label), hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null);
    return { name, element, input, read: () => input.checked };
  } else if (type === "textarea") {
    input = h("textarea", { id, name, required, ...described, ...more }, value);
  } else {
    input = h("input", { id, name, type, value, required, autocomplete, ...described, ...more });
  }
  const element = h("div", { class: "field" }, h("label", { for: id }, label), input, hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null);
  return { name, element, input, read: () => (type === "number" ? Number(input.value) : input.value) };
}

function ask(heading, content, { ok, danger = false, read, large = false }) {
  return new Promise((resolve) => {
    const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
    const title = h("h2", { id: `dialog-${(numbers += 1)}` }, heading);
    const submit = ok ? h("button", { class: `button ${danger ? "danger" : "primary"}`, type: "submit" }, ok) : null;
    const cancel = h("button", { class: "button", type: "button", onclick: () => end(null) }, ok ? t("dialog.cancel") : t("dialog.close"));
    const inner = h("form", { method: "dialog", novalidate: true }, title, problem, ...content, h("div", { class: "dialog-buttons" }, cancel, submit));
    const dialog = h("dialog", { "aria-labelledby": title.id, class: large ? "large" : "" }, inner);
    function end(answer) {
      dialog.close();
      dialog.remove();
      resolve(answer);
    }
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      end(null);
    });
    inner.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (!inner.reportValidity()) return;
      if (submit) submit.disabled = true;
      inner.setAttribute("aria-busy", "true");
      try {
        end(await read());
      } catch (error) {
        fill(problem, error.message);
        problem.hidden = false;
      } finally {
        if (submit) submit.disabled = false;
        inner.removeAttribute("aria-busy");
      }
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
