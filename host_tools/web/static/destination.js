// Where recordings go: how it does, another connection file of the same destination, and leaving it for another one.

import { attempt, get, send } from "../kit/js/api.js";
import { form } from "../kit/js/dialog.js";
import { h } from "../kit/js/dom.js";
import { toast } from "../kit/js/toast.js";
import { t } from "../kit/js/texts.js";
import { readText } from "./files.js";
import { may } from "./may.js";
import { passphraseField } from "./passphrase.js";
import { button, card, pairs } from "./pieces.js";
import { reasonText, reasonsList } from "./reset.js";
import { destinationText } from "./words.js";

/** The card; null for whoever may do nothing with it. */
export async function destinationCard() {
  if (!may("connect_destination")) return null;
  const [status, departure] = await Promise.all([get("/status"), get("/destination/departure")]);
  const { destination } = status;
  return card(
    t("dashboard.destination"),
    pairs([
      [t("destination.name"), destinationText(destination.name ?? "") || "–"],
      [t("controller.state"), h("span", { class: `badge ${destination.trouble ? "bad" : "good"}` }, t(destination.trouble ? "dashboard.destination_down" : "dashboard.destination_up"))],
      destination.trouble ? [t("controller.reason"), destinationText(destination.trouble)] : null,
    ]),
    departure.can ? [fileField(), leaving(departure)] : h("p", { class: "muted" }, t("destination.folder")),
  );
}

function fileField() {
  const file = h("input", { type: "file", id: "connection-file", "aria-describedby": "connection-file-hint" });
  return [
    h("div", { class: "field" }, h("label", { for: "connection-file" }, t("destination.file")), file, h("p", { class: "hint", id: "connection-file-hint" }, t("destination.file_hint"))),
    h("div", { class: "buttons" }, button(t("destination.connect"), "", async () => {
      if (!file.files.length) {
        toast(t("security.choose_file"), "bad");
        return;
      }
      const { site } = await send("PUT", "/destination/connection-file", { connection_file: await readText(file.files[0]) });
      file.value = "";
      toast(t("destination.connected", { site }));
    })),
  ];
}

function leaving(departure) {
  return [
    h("h3", {}, t("destination.leave")),
    departure.left.length ? [h("p", { class: "muted" }, t("destination.not_now")), reasonsList(departure.left, "bad")] : h("p", { class: "muted" }, t("destination.leave_text")),
    h("button", { class: "button danger", type: "button", disabled: departure.left.length > 0, onclick: leave }, t("destination.leave")),
  ];
}

async function leave() {
  const found = await attempt(() => get("/destination/departure"));
  if (!found) return;
  const fields = [{ name: "name", label: t("security.reset_name", { name: found.name }), required: true, autocapitalize: "none", spellcheck: "false" }, passphraseField()];
  const done = await form(t("destination.leave"), fields, async (values) => {
    await send("POST", "/destination/departures", values);
    return true;
  }, { ok: t("destination.leave"), danger: true, lead: found.goes.map(reasonText).join(" ") });
  if (done) location.reload();
}
