// The setup assistant: one step at a time; what is chosen is kept by the controller, secrets only on this page.

import { ProblemError } from "../kit/js/api.js";
import { makeField } from "../kit/js/dialog.js";
import { byId, fill, h } from "../kit/js/dom.js";
import { clock } from "../kit/js/format.js";
import { t } from "../kit/js/texts.js";
import { readText } from "./files.js";

const PREFIX = "/api/v1/setup";
const STEPS = ["kind", "system", "destination", "passphrase", "account", "summary", "done"];
const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"; // none that is taken for another
const GROUPS = 4;
const GROUP_LETTERS = 4;
const POLL_MS = 700;

const secrets = { passphrase: "", password: "" };
let code = "";
let state = null;
let at = 0;

askCode();

// -- talking to the controller

async function ask(method, path, body) {
  let response;
  try {
    response = await fetch(PREFIX + path, {
      method,
      headers: { "X-OpenBWC-Setup": code, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
  } catch {
    throw new ProblemError(0, { detail: t("frame.unreachable") });
  }
  const data = await response.json().catch(() => null);
  if (!response.ok) throw new ProblemError(response.status, data ?? {});
  return data;
}

// -- one card

function card(heading, content, submit, { next = t("setup.next"), back = true } = {}) {
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  const button = next ? h("button", { class: "button primary", type: "submit" }, next) : null;
  const form = h(
    "form",
    { novalidate: true },
    h("h2", { tabindex: -1, id: "heading" }, heading),
    problem,
    ...content,
    h("div", { class: "setup-buttons" }, back ? h("button", { class: "button", type: "button", onclick: () => go(at - 1) }, t("setup.back")) : h("span", {}), button),
  );
  form.addEventListener("input", () => (problem.hidden = true)); // what it says was of what was there before
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!form.reportValidity()) return;
    if (button) button.disabled = true;
    problem.hidden = true;
    try {
      await submit();
    } catch (error) {
      fill(problem, error.message);
      problem.hidden = false;
    } finally {
      if (button) button.disabled = false;
    }
  });
  fill(byId("step"), form);
  (form.querySelector("input:not([type=hidden]):not([type=file])") ?? byId("heading")).focus();
  return form;
}

function go(step) {
  at = step;
  fill(
    byId("steps"),
    STEPS.map((name, number) => h("li", { class: number < at ? "past" : "", "aria-current": number === at ? "step" : null }, t(`setup.step_${name}`))),
  );
  DRAW[STEPS[at]]();
}

async function keep(changes) {
  state = await ask("PUT", "/choices", { ...state.choices, ...changes });
}

// -- steps

function askCode() {
  const field = h("input", { id: "code", class: "code-input", autocomplete: "off", spellcheck: "false", maxlength: 9, required: true });
  card(
    t("setup.code"),
    [h("p", {}, t("setup.code_text")), h("div", { class: "field" }, h("label", { for: "code" }, t("setup.code_label")), field)],
    async () => {
      code = field.value;
      state = await ask("GET", "");
      go(0);
    },
    { back: false },
  );
}

const DRAW = {
  kind() {
    const standard = choice("kind", "standard", t("setup.standard"), t("setup.standard_text"), !state.choices.evaluation);
    const evaluation = choice("kind", "evaluation", t("setup.evaluation"), t("setup.evaluation_text"), state.choices.evaluation);
    card(
      t("setup.step_kind"),
      [h("p", {}, t("setup.kind_text")), h("fieldset", {}, h("legend", {}, t("setup.kind_new")), standard, evaluation), h("p", { class: "muted small" }, t("setup.kind_other"))],
      async () => {
        await keep({ evaluation: evaluation.querySelector("input").checked });
        go(1);
      },
      { back: false },
    );
  },

  system() {
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
    const zones = [...new Set([state.choices.time_zone, here, "UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])])];
    const name = makeField({ name: "name", label: t("setup.name"), value: state.choices.name, required: true, maxlength: 60, hint: t("setup.name_hint") });
    const zone = makeField({ name: "time_zone", label: t("setup.time_zone"), value: state.choices.time_zone === "UTC" ? here : state.choices.time_zone, options: zones.map((each) => [each, each.replaceAll("_", " ")]), hint: t("setup.time_hint", { time: clock(state.now_unix_ms) }) });
    const lines = makeField({ name: "power_line_hz", label: t("setup.power_line"), value: String(state.choices.power_line_hz), options: [["50", "50 Hz"], ["60", "60 Hz"]], hint: t("setup.power_line_hint") });
    const modes = ["fixed", "self_single", "self_multi"].map((mode) => choice("mode", mode, t(`setup.mode_${mode}`), t(`setup.mode_${mode}_text`), state.choices.assignment_mode === mode));
    card(t("setup.step_system"), [name.element, zone.element, lines.element, h("fieldset", {}, h("legend", {}, t("setup.mode")), modes)], async () => {
      await keep({ name: name.read(), time_zone: zone.read(), power_line_hz: Number(lines.read()), assignment_mode: document.querySelector("input[name=mode]:checked").value });
      go(2);
    });
  },

  destination() {
    const file = h("input", { type: "file", id: "connection", accept: ".json,application/json" });
    const maker = h("input", { type: "file", id: "maker", accept: ".pem,.crt,.cer" });
    card(
      t("setup.step_destination"),
      [
        h("p", {}, t("setup.destination_text")),
        state.destination ? h("p", { class: "notice good" }, t("setup.destination_now", { name: state.destination })) : h("p", { class: "notice warn" }, t("setup.destination_none")),
        h("div", { class: "field" }, h("label", { for: "connection" }, t("setup.connection_file")), file, h("p", { class: "hint" }, t("setup.connection_hint"))),
        h("div", { class: "field" }, h("label", { for: "maker" }, t("setup.maker")), maker, h("p", { class: "hint" }, t("setup.maker_hint", { n: state.makers }))),
      ],
      async () => {
        if (file.files.length) state = await ask("PUT", "/connection-file", { connection_file: await readText(file.files[0]) });
        if (maker.files.length) state = await ask("POST", "/makers", { certificate: await readText(maker.files[0]) });
        if (!state.destination) throw new Error(t("setup.destination_none"));
        go(3);
      },
    );
  },

  passphrase() {
    const first = secretField("passphrase", t("setup.passphrase"), 8, secrets.passphrase);
    const again = makeField({ name: "again", label: t("setup.again"), type: "password", value: secrets.passphrase, required: true, autocomplete: "new-password" });
    const written = makeField({ name: "written", label: t("setup.passphrase_written"), type: "checkbox" });
    first.onSuggest = (text) => (again.input.value = text);
    card(t("setup.step_passphrase"), [h("p", { class: "notice warn" }, t("setup.passphrase_text")), first.element, again.element, written.element], async () => {
      if (first.input.value !== again.input.value) throw new Error(t("setup.differ"));
      if (!written.read()) throw new Error(t("setup.write_it_down"));
      secrets.passphrase = first.input.value;
      go(4);
    });
  },

  account() {
    const first = secretField("password", t("setup.password"), 12, secrets.password);
    const again = makeField({ name: "again", label: t("setup.again"), type: "password", value: secrets.password, required: true, autocomplete: "new-password" });
    first.onSuggest = (text) => (again.input.value = text);
    card(t("setup.step_account"), [h("p", {}, t("setup.account_text")), first.element, again.element], async () => {
      if (first.input.value !== again.input.value) throw new Error(t("setup.differ"));
      if (first.input.value === secrets.passphrase) throw new Error(t("setup.same"));
      secrets.password = first.input.value;
      go(5);
    });
  },

  summary() {
    const rows = [
      [t("setup.name"), state.choices.name],
      [t("setup.kind_new"), t(state.choices.evaluation ? "setup.evaluation" : "setup.standard")],
      [t("setup.time_zone"), state.choices.time_zone.replaceAll("_", " ")],
      [t("setup.power_line"), `${state.choices.power_line_hz} Hz`],
      [t("setup.mode"), t(`setup.mode_${state.choices.assignment_mode}`)],
      [t("setup.step_destination"), state.destination],
    ];
    card(
      t("setup.step_summary"),
      [h("dl", { class: "pairs" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])), h("p", { class: "notice" }, t("setup.summary_text"))],
      async () => {
        const key = await make();
        if (!key) return;
        secrets.passphrase = secrets.password = "";
        state.key = key;
        go(6);
      },
      { next: t("setup.make") },
    );
  },

  done() {
    const link = h("a", { class: "button primary", download: "openbwc-restore-key", href: URL.createObjectURL(new Blob([state.key], { type: "application/json" })) }, t("setup.save_key"));
    card(
      t("setup.done"),
      [h("p", { class: "notice good" }, t("setup.done_text")), h("p", {}, t("setup.key_text")), h("p", {}, link)],
      async () => {
        await ask("POST", "/end");
        fill(byId("step"), h("p", { role: "status" }, t("setup.starting")));
        await started();
      },
      { back: false, next: t("setup.to_login") },
    );
  },
};

/** The restore key; nothing where another browser has chosen otherwise, which is shown then before anything is made. */
async function make() {
  try {
    return (await ask("POST", "/system", { ...secrets, seen: state.seen })).restore_key;
  } catch (error) {
    if (error.status !== 412) throw error;
    state = await ask("GET", "");
    go(at);
    const problem = byId("step").querySelector("[role=alert]");
    fill(problem, error.message);
    problem.hidden = false;
    return "";
  }
}

/** The assistant makes way; on the same address the manager comes up. */
async function started() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const answer = await fetch("/login", { redirect: "manual", cache: "no-store" }).catch(() => null);
    if (answer?.status === 200) {
      location.assign("/login");
      return;
    }
  }
}

// -- pieces

function choice(group, value, label, text, checked) {
  return h("label", { class: "choice" }, h("input", { type: "radio", name: group, value, checked }), h("strong", {}, label), h("span", { class: "hint" }, text));
}

function secretField(name, label, least, value) {
  const made = makeField({ name, label, type: "password", value, required: true, minlength: least, autocomplete: "new-password", hint: t("setup.secret_hint", { n: least }) });
  const suggest = h("button", { class: "button", type: "button" }, t("setup.suggest"));
  const row = h("div", { class: "secret-row" });
  made.input.replaceWith(row);
  row.append(made.input, suggest);
  suggest.addEventListener("click", () => {
    made.input.type = "text"; // to be written down
    made.input.value = suggestion();
    made.onSuggest?.(made.input.value);
  });
  return made;
}

/** Sixteen letters in four groups: 80 bits. */
function suggestion() {
  const groups = [];
  for (let group = 0; group < GROUPS; group += 1) {
    const bytes = crypto.getRandomValues(new Uint8Array(GROUP_LETTERS));
    groups.push([...bytes].map((byte) => LETTERS[byte % LETTERS.length]).join(""));
  }
  return groups.join("-");
}
