// Whether browsers are ever answered without HTTPS.

import { get, send } from "../kit/js/api.js";
import { fill } from "../kit/js/dom.js";
import { toast } from "../kit/js/toast.js";
import { t } from "../kit/js/texts.js";
import { pageForm, saver } from "./pieces.js";

export async function httpsCard(holder) {
  const row = await get("/settings");
  const save = saver(row, () => get("/settings"), (changes, tag) => send("PATCH", "/settings", { changes }, { tag }), { https_only: t("security.https_only") });
  const fields = [{ name: "https_only", label: t("security.https_only"), type: "checkbox", value: row.https_only, hint: t("security.https_hint") }];
  const form = pageForm("HTTPS", fields, async (values) => {
    await save(values);
    toast(t("word.saved"));
    await httpsCard(holder);
  }, { ok: t("word.save") });
  fill(holder, form.element);
}
