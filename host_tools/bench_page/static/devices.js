// The devices on the bench: made once, then only told what they show now.

import { fill, h, icon, s } from "../kit/js/dom.js";
import { live } from "../kit/js/live.js";
import { t } from "../kit/js/texts.js";
import { act, pushButton } from "./hands.js";

const UID_DEFAULT = "04A2B3C4D5E680";
const BATTERY_LOW_PERCENT = 20;

/** What a lamp of red and green dies shows: a word. */
export function colourOf(lamps) {
  if (lamps?.red && lamps?.green) return "amber";
  if (lamps?.red) return "red";
  if (lamps?.green) return "green";
  return "dark";
}

/** A camera: to choose, to press, to drag. `choose()` is called when somebody takes it in their hand. */
export class CameraDevice {
  constructor({ name, title, buttons }, choose) {
    this.name = name;
    this.buttons = new Map(buttons.map((each) => [each, pushButton(name, each)]));
    this.lamp = h("span", { class: "led", "data-colour": "dark", "aria-hidden": "true" });
    this.level = h("span", { class: "level-fill" });
    this.percent = h("span", { class: "level-text" });
    this.word = h("span", { class: "camera-state" });
    this.plate = h("button", { class: "plate", type: "button", "aria-pressed": "false", "data-station": "", onclick: choose }, h("strong", {}, name), this.word);
    this.element = h(
      "div",
      { class: "camera", draggable: "true", title, "data-camera": name },
      h("div", { class: "camera-body" }, h("span", { class: "camera-top" }, this.lamp, this.buttons.get("power") ?? null), lens(), screen(this.level, this.percent), this.buttons.get("record") ?? null, this.others()),
      this.plate,
    );
    this.element.addEventListener("dragstart", (event) => {
      event.dataTransfer.setData("text/plain", name);
      event.dataTransfer.effectAllowed = "move";
      choose();
    });
  }

  others() {
    return [...this.buttons].filter(([name]) => name !== "power" && name !== "record").map(([, button]) => button);
  }

  show(chosen) {
    const camera = live.find("camera", this.name);
    if (!camera) return;
    this.element.classList.toggle("unpowered", !camera.on);
    this.element.classList.toggle("chosen", chosen);
    this.plate.setAttribute("aria-pressed", String(chosen));
    const where = camera.bay ? t("bench.where_bay", { n: camera.bay[1], dock: camera.bay[0] }) : t("bench.where_loose");
    label(this.plate, t("bench.choose_board", { name: this.name, where }));
    text(this.word, camera.on ? camera.state : t("bench.off"));
    text(this.percent, `${Math.round(camera.battery_percent)} %`);
    this.level.style.setProperty("width", `${camera.battery_percent}%`);
    this.level.classList.toggle("low", camera.battery_percent < BATTERY_LOW_PERCENT);
    this.element.classList.toggle("charging", camera.battery.current_ma > 0);
    for (const [name, button] of this.buttons) button.classList.toggle("closed", camera.buttons[name] === true);
    this.lamp.dataset.colour = colourOf(live.find("lamp", this.name));
  }
}

/** A dock with its bays. `chooseBay(number)`, `chooseDock()` and `drop(camera, bay)` are called by hands. */
export class DockDevice {
  constructor({ name, title, bays }, { chooseDock, chooseBay, drop }) {
    this.name = name;
    this.bays = bays.map((number) => new BayDevice(name, number, () => chooseBay(number), (camera) => drop(camera, number)));
    this.switch = powerSwitch(name);
    this.host = h("span", { class: "led small", "data-colour": "dark", "aria-hidden": "true" });
    this.plate = h("button", { class: "plate dock-plate", type: "button", "aria-pressed": "false", onclick: chooseDock }, h("strong", {}, name), h("span", {}, title));
    this.element = h(
      "section",
      { class: "dock-body", "aria-label": name },
      h("div", { class: "dock-head" }, this.plate, h("span", { class: "dock-host" }, this.host, "USB"), this.switch.element),
      h("div", { class: "dock-bays", "data-count": bays.length }, this.bays.map((bay) => bay.element)),
    );
  }

  show(chosen, inHand) {
    const dock = live.find("dock", this.name);
    if (!dock) return;
    this.element.classList.toggle("unpowered", !dock.on);
    this.plate.setAttribute("aria-pressed", String(chosen.kind === "dock" && chosen.key === this.name));
    this.switch.show(dock.on);
    this.host.dataset.colour = dock.link.session ? "green" : "dark";
    for (const bay of this.bays) bay.show(chosen.kind === "bay" && chosen.key === bay.key, inHand);
  }
}

class BayDevice {
  constructor(dock, number, choose, drop) {
    this.dock = dock;
    this.number = number;
    this.key = `${dock}/${number}`;
    this.slot = h("button", { class: "slot", type: "button", "data-station": "", onclick: choose }, h("span", { class: "slot-pins", "aria-hidden": "true" }), h("span", { class: "slot-text", "aria-hidden": "true" }));
    this.lamp = h("span", { class: "led", "data-colour": "dark", "aria-hidden": "true" });
    this.word = h("span", { class: "bay-word" });
    this.figure = h("span", { class: "bay-figure" });
    this.plate = h("button", { class: "bay-plate", type: "button", onclick: choose }, h("span", { class: "bay-number" }, String(number)), this.lamp, this.word, this.figure);
    this.element = h("div", { class: "bay", "data-bay": this.key }, h("div", { class: "well" }, this.slot), this.plate);
    this.element.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.element.classList.add("over");
    });
    this.element.addEventListener("dragleave", () => this.element.classList.remove("over"));
    this.element.addEventListener("drop", (event) => {
      event.preventDefault();
      this.element.classList.remove("over");
      drop(event.dataTransfer.getData("text/plain"));
    });
  }

  /** What sits in it, or nothing. */
  hold(camera) {
    const well = this.slot.parentElement;
    if (camera && camera.parentElement !== well) well.append(camera);
    this.slot.hidden = camera !== null;
  }

  show(chosen, inHand) {
    const bay = live.find("bay", this.key);
    if (!bay) return;
    this.element.classList.toggle("chosen", chosen);
    this.element.classList.toggle("fault", bay.state === "fault");
    this.element.classList.toggle("ready", inHand !== "" && bay.camera === "");
    this.lamp.dataset.colour = colourOf(live.find("lamp", this.key));
    text(this.word, bay.state || t("bench.off"));
    text(this.figure, bay.truth.powered ? `${(bay.truth.current_ma / 1000).toFixed(2)} A` : "");
    text(this.slot.lastElementChild, String(this.number));
    const names = { camera: inHand, n: this.number, dock: this.dock };
    label(this.slot, inHand ? t("bench.put_here", names) : t("bench.bay_free", names));
    label(this.plate, `${t("bench.bay_of", names)}: ${bay.state || t("bench.off")}`);
  }
}

/** A reader that a badge is held to. */
export class ReaderDevice {
  constructor(name, choose) {
    this.name = name;
    this.lamps = ["green", "yellow", "red"].map((colour) => [colour, h("span", { class: "led small", "data-colour": "dark", "aria-hidden": "true" })]);
    this.uid = h("input", { id: `uid-${name}`, value: UID_DEFAULT, spellcheck: "false", autocomplete: "off", maxlength: 40 });
    this.plate = h("button", { class: "plate", type: "button", "aria-pressed": "false", "data-station": "", onclick: choose }, h("strong", {}, name));
    const tap = h("button", { class: "button small", type: "submit", "aria-label": `${t("bench.tap")} ${name}` }, icon("person"), t("bench.tap_short"));
    this.element = h(
      "form",
      { class: "reader", "data-reader": name },
      h("div", { class: "reader-body", "aria-hidden": "true" }, h("span", { class: "reader-lamps" }, this.lamps.map(([, led]) => led)), waves()),
      h("div", { class: "reader-side" }, this.plate, h("label", { for: `uid-${name}` }, t("bench.badge")), this.uid, tap),
    );
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      act("badge", { reader: name, uid: this.uid.value.trim() }, tap);
    });
  }

  show(chosen) {
    const reader = live.find("reader", this.name);
    if (!reader) return;
    this.plate.setAttribute("aria-pressed", String(chosen));
    this.element.classList.toggle("unpowered", !reader.plugged);
    const lamps = live.find("lamp", this.name) ?? {};
    for (const [colour, led] of this.lamps) led.dataset.colour = lamps[colour] ? (colour === "yellow" ? "amber" : colour) : "dark";
  }
}

/** A rocker for a board's own supply. */
export function powerSwitch(board) {
  const element = h("button", { class: "rocker", type: "button", role: "switch", "aria-checked": "false", "aria-label": t("bench.supply_of", { name: board }), onclick: () => act("power", { board, on: element.getAttribute("aria-checked") !== "true" }) }, h("span", { "aria-hidden": "true" }, "I"), h("span", { "aria-hidden": "true" }, "O"));
  return { element, show: (on) => element.setAttribute("aria-checked", String(on)) };
}

/** Set a text if it is another one: nothing is drawn twice. */
export function text(element, said) {
  if (element.textContent !== said) fill(element, said);
}

function label(element, said) {
  if (element.getAttribute("aria-label") !== said) element.setAttribute("aria-label", said);
}

function lens() {
  return s(
    "svg",
    { class: "lens", viewBox: "0 0 48 48", "aria-hidden": "true" },
    s("circle", { class: "lens-rim", cx: 24, cy: 24, r: 22 }),
    s("circle", { class: "lens-barrel", cx: 24, cy: 24, r: 16 }),
    s("circle", { class: "lens-glass", cx: 24, cy: 24, r: 11 }),
    s("circle", { class: "lens-iris", cx: 24, cy: 24, r: 5 }),
    s("ellipse", { class: "lens-shine", cx: 19.5, cy: 18.5, rx: 4, ry: 2.4, transform: "rotate(-35 19.5 18.5)" }),
  );
}

function screen(level, percent) {
  return h("span", { class: "screen" }, h("span", { class: "level", "aria-hidden": "true" }, level), percent, icon("bolt"));
}

function waves() {
  return s(
    "svg",
    { class: "waves", viewBox: "0 0 40 40" },
    s("rect", { x: 7, y: 13, width: 18, height: 14, rx: 2.5 }),
    s("path", { d: "M28 15a7 7 0 0 1 0 10M32 12a11 11 0 0 1 0 16" }),
  );
}
