// Searching: the form is the page's address, so that a search can be kept, sent and gone back to.

import { get, tell } from "../kit/js/api.js";
import { byId, fill, h } from "../kit/js/dom.js";
import { at, span } from "../kit/js/format.js";
import { t } from "../kit/js/texts.js";
import { addressOf, cameraText, causeText, keptBadge, keptText, may, named, plainTable, STATES, stateBadge, wearerText } from "./words.js";
import { unixMs } from "../kit/js/zone.js";

const PAGE_ROWS = 25;
const PLACE = /^\s*(-?\d+(?:\.\d+)?)\s*[,; ]\s*(-?\d+(?:\.\d+)?)\s*$/;
const PLAIN = ["wearer", "camera", "category", "cause", "state"];

const asked = new URLSearchParams(location.search);
const form = byId("filters");
let categories = new Map();

form.addEventListener("submit", (event) => {
  if (!checkPlace()) {
    event.preventDefault();
    form.reportValidity();
    return;
  }
  // What is empty need not stand in the address.
  for (const input of form.elements) input.disabled = input.name !== "" && (input.value === "" || (input.name === "radius" && byId("place").value === ""));
});
addEventListener("pageshow", () => {
  for (const input of form.elements) input.disabled = false;
});
byId("place").addEventListener("input", checkPlace);

await start();

async function start() {
  for (const name of ["from", "to", "place", "radius"]) if (asked.get(name)) form.elements[name].value = asked.get(name);
  try {
    const [choices, found] = await Promise.all([get("/choices"), get("/recordings", query())]);
    showChoices(choices);
    await showFound(found);
  } catch (error) {
    tell(error);
    fill(byId("found"), h("p", { class: "notice bad" }, error.message));
  }
}

function query() {
  const place = PLACE.exec(asked.get("place") ?? "");
  const near = place ? { latitude: place[1], longitude: place[2], radius_m: asked.get("radius") || 200 } : {};
  const times = {};
  for (const [name, key] of [["from", "after"], ["to", "before"]]) {
    const ms = unixMs(asked.get(name) ?? "");
    if (Number.isFinite(ms)) times[key] = Math.max(0, ms);
  }
  const plain = Object.fromEntries(PLAIN.map((name) => [name, asked.get(name) ?? ""]));
  return { ...plain, ...times, ...near, beyond: asked.get("beyond") ?? "", limit: PAGE_ROWS };
}

function checkPlace() {
  const place = byId("place");
  const found = PLACE.exec(place.value);
  const fits = place.value.trim() === "" || (found && Math.abs(found[1]) <= 90 && Math.abs(found[2]) <= 180);
  place.setCustomValidity(fits ? "" : t("search.place_wrong"));
  return Boolean(fits);
}

function showChoices(choices) {
  categories = new Map(choices.categories.map((each) => [each.id, each.name]));
  offer("wearer", choices.wearers.map((each) => [each.key || each.id, named(each.name, each.key || each.id)]));
  offer("camera", choices.cameras.map((each) => [each.id, named(each.name, each.id)]));
  offer("category", choices.categories.map((each) => [each.id, each.name]));
  offer("cause", choices.causes.map((cause) => [cause, causeText(cause)]));
  offer("state", STATES.map((state) => [state, t(`state.${state}`)]));
}

function offer(name, options) {
  const wanted = asked.get(name) ?? "";
  const all = wanted && !options.some(([value]) => value === wanted) ? [...options, [wanted, wanted]] : options;
  const select = form.elements[name];
  select.append(...all.map(([value, text]) => h("option", { value, selected: value === wanted }, text)));
}

async function showFound(found) {
  const mayLook = await may("view");
  const columns = [
    { label: t("recording.started"), class: "lead", render: (row) => link(row, mayLook) },
    { label: t("recording.wearer"), render: wearerText },
    { label: t("recording.camera"), render: cameraText },
    { label: t("recording.cause"), render: (row) => causeText(row.cause) },
    { label: t("recording.length"), class: "nowrap", render: (row) => (row.duration_ms === null ? "–" : span(row.duration_ms)) },
    { label: t("recording.category"), render: (row) => row.categories.map((id) => categories.get(id) ?? id).join(", ") || "–" },
    { label: t("recording.state"), render: (row) => h("span", { class: "badges" }, stateBadge(row), keptBadge(row) ?? h("span", { class: "muted small" }, keptText(row))) },
  ];
  const count = found.rows.length;
  byId("found-count").textContent = t(found.next ? "search.many" : "search.count", { n: count });
  fill(byId("found"), count ? plainTable(t("search.found"), columns, found.rows) : h("p", { class: "empty" }, t("search.nothing")));
  showPager(found.next);
}

function link(row, mayLook) {
  const text = row.started_unix_ms === null ? row.container : at(row.started_unix_ms);
  return mayLook ? h("a", { href: addressOf(row.container) }, text) : text;
}

function showPager(next) {
  const first = new URLSearchParams(asked);
  first.delete("beyond");
  const older = new URLSearchParams(asked);
  older.set("beyond", next ?? "");
  fill(
    byId("pager"),
    asked.get("beyond") ? h("a", { class: "button", href: `/?${first}` }, t("search.newest")) : null,
    next ? h("a", { class: "button", href: `/?${older}`, rel: "next" }, t("search.older")) : null,
  );
}
