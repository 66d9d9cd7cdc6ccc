// The fields of a user, for a dialog and for a page.

import { t } from "../kit/js/texts.js";

const ID_CHARACTERS_MAX = 30;
const NAME_CHARACTERS_MAX = 60;

export function wearerFields(row, profiles, { withId = false } = {}) {
  return [
    withId ? { name: "id", label: t("wearers.id"), required: true, maxlength: ID_CHARACTERS_MAX, hint: t("wearers.id_hint") } : null,
    { name: "name", label: t("wearers.name"), value: row.name ?? "", required: true, maxlength: NAME_CHARACTERS_MAX },
    { name: "profile", label: t("wearers.profile"), value: row.profile, options: profiles.map((each) => [each.name, each.name]) },
    { name: "email", label: t("wearers.email"), type: "email", value: row.email ?? "" },
  ].filter(Boolean);
}
