// Short messages at the edge of the page. A problem stays until it is closed; good news goes by itself.

import { byId, h, icon } from "./dom.js";
import { t } from "./texts.js";

const GOOD_NEWS_MS = 6_000;
const SHOWN_MAX = 5;

export function toast(text, kind = "good") {
  const holder = byId("toasts");
  const element = h(
    "div",
    { class: `toast ${kind}`, role: kind === "bad" ? "alert" : "status" },
    h("p", {}, text),
    h("button", { class: "icon-button", type: "button", "aria-label": t("frame.dismiss"), onclick: () => element.remove() }, icon("close")),
  );
  holder.append(element);
  while (holder.children.length > SHOWN_MAX) holder.firstElementChild.remove();
  if (kind === "good") setTimeout(() => element.remove(), GOOD_NEWS_MS);
  return element;
}
