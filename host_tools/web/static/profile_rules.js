// What a model can do of a profile, and how settings and their values are called. No elements here.

import { t, tOr } from "../kit/js/texts.js";

/** What of a setting's needs a model lacks, in words; empty if it can be used there. */
export function lacks(setting, model) {
  const missing = setting.needs.filter((need) => !model.has.includes(need));
  if (setting.name === "alerts" && missing.length < setting.needs.length) return []; // one of the two is enough for some
  return missing.map((need) => tOr(`lacking.${need}`, need.replaceAll("_", " ")));
}

/** Whether a model cannot have one value of a setting that it has otherwise. */
export function lacksChoice(setting, choice, model) {
  if (setting.name === "video_quality") return model.qualities.length > 0 && !model.qualities.includes(choice);
  if (setting.name !== "alerts") return false;
  return (choice === "vibration" && !model.has.includes("vibration")) || (choice === "sound" && !model.has.includes("sound"));
}

export function settingText(setting) {
  return tOr(`setting.${setting.name}`, setting.text);
}

export function choiceText(setting, value) {
  if (value === true) return t("word.on");
  if (value === false || value === 0) return t("word.off");
  if (typeof value === "number") return setting.name.endsWith("_min") ? t("unit.minutes", { n: value }) : t("unit.seconds", { n: value });
  return tOr(`choice.${value.replaceAll(" ", "_")}`, value.replaceAll("_", " "));
}

export function modelText(name) {
  return name.replaceAll("_", " ");
}

/** A profile as one flat row, so that two of them can be compared setting by setting. */
export function flat(row) {
  const settings = Object.entries(row.settings).map(([name, value]) => [`s ${name}`, value]);
  const byModel = Object.entries(row.by_model).flatMap(([model, values]) => Object.entries(values).map(([name, value]) => [`m ${model} ${name}`, value]));
  return { version: row.version, description: row.description, models: row.models, ...Object.fromEntries([...settings, ...byModel]) };
}

/** Names of everything in a flat row. */
export function flatLabels(catalogue) {
  const labels = { description: t("profiles.description"), models: t("profiles.models") };
  for (const setting of catalogue.settings) {
    labels[`s ${setting.name}`] = settingText(setting);
    for (const model of Object.keys(catalogue.models)) labels[`m ${model} ${setting.name}`] = `${settingText(setting)} (${modelText(model)})`;
  }
  return labels;
}
