// How the machine logs in to a network that asks (IEEE 802.1X): kept and shown. What applies it is told word by word.

import { get, send } from "../kit/js/api.js";
import { fill, h } from "../kit/js/dom.js";
import { toast } from "../kit/js/toast.js";
import { t } from "../kit/js/texts.js";
import { pageForm, saver } from "./pieces.js";

export async function networkCard(holder) {
  const [row, certificates] = await Promise.all([get("/network-login"), get("/certificates")]);
  const labels = { enabled: t("network.enabled"), identity: t("network.identity"), certificate: t("network.certificate"), authority: t("network.authority") };
  const save = saver(row, () => get("/network-login"), (values, tag) => send("PUT", "/network-login", values, { tag }), labels);
  const installed = certificates.filter((each) => ["active", "installed"].includes(each.state)).map((each) => [each.name, each.name]);
  const fields = [
    { name: "enabled", label: labels.enabled, type: "checkbox", value: row.enabled },
    { name: "identity", label: labels.identity, value: row.identity, maxlength: 128 },
    { name: "certificate", label: labels.certificate, value: row.certificate, options: [["", "–"], ...installed] },
    { name: "authority", label: labels.authority, type: "textarea", value: row.authority, hint: t("network.authority_hint"), spellcheck: "false" },
  ];
  const form = pageForm(t("network.title"), fields, async (values) => {
    await save(values);
    toast(t("word.saved"));
    await networkCard(holder);
  }, { ok: t("word.save"), lead: t("network.lead") });
  if (row.enabled && !row.applied) form.element.append(notApplied(row));
  fill(holder, form.element);
}

function notApplied(row) {
  return h("div", { class: "notice warn" }, h("p", {}, t("network.not_applied", { reason: row.reason })), row.how.length ? h("pre", { class: "pem", tabindex: 0, role: "region", "aria-label": t("network.how") }, row.how.join("\n")) : null);
}
