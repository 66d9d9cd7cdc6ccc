// What is inside of what is chosen: the models' truth beside what boards have measured. Built once for each choice; then
// only the figures change, so that nobody loses their place.

import { fill, h } from "../kit/js/dom.js";
import { size } from "../kit/js/format.js";
import { live } from "../kit/js/live.js";
import { t } from "../kit/js/texts.js";
import { powerSwitch, text } from "./devices.js";
import { act } from "./hands.js";

const SPEEDS = [null, 1_000_000, 100_000, 11_520, 1_000]; // bytes a second; 11 520 is 115 200 baud
const VERDICTS = { pass: "good", marginal: "warn", fail: "bad" };
const NONE = "–";

export class Inspector {
  constructor(element, about, dock) {
    this.element = element;
    this.about = about;
    this.dock = dock;
    this.parts = [];
    this.made = "";
  }

  choose(kind, key) {
    this.kind = kind;
    this.key = key;
    this.made = "";
  }

  show() {
    const row = live.find(this.kind, this.key);
    if (!row) {
      if (this.made !== "nothing") fill(this.element, h("p", { class: "muted" }, t("bench.choose")));
      this.made = "nothing";
      return;
    }
    if (this.made !== `${this.kind} ${this.key}`) {
      this.made = `${this.kind} ${this.key}`;
      this.parts = [];
      fill(this.element, this[this.kind]());
    }
    for (const part of this.parts) part(live.find(this.kind, this.key));
  }

  // -- one for each kind

  camera() {
    return [
      this.heading(this.key, (camera) => (camera.on ? camera.state : t("bench.off"))),
      this.cameraHands(),
      this.compare("battery", [
        ["charge", (camera) => [`${camera.battery_percent.toFixed(1)} %`, `${camera.battery.gauge_percent.toFixed(1)} %`]],
        ["cell_voltage", (camera) => [volts(camera.battery.cell_mv), volts(camera.battery.gauge_mv)]],
        ["cell_current", (camera) => [`${camera.battery.current_ma} mA`]],
        ["cell_temperature", (camera) => [`${camera.battery.cell_c.toFixed(1)} °C`]],
        ["charging", (camera) => [camera.battery.phase]],
      ]),
      this.contacts((camera) => (camera.bay ? live.find("bay", camera.bay.join("/")) : null)),
      this.cable(),
      this.board([
        ["clock", (camera) => clockWord(camera.clock)],
        ["card", (camera) => size(camera.card.free_bytes)],
        ["motion", (camera) => (camera.motion ? camera.motion.reason || t("bench.works") : NONE)],
        ["radio", (camera) => radioWord(camera.radio)],
      ]),
    ];
  }

  dock() {
    return [this.heading(this.key, (dock) => (dock.on ? t("bench.on") : t("bench.off"))), this.boardHands(), this.cable(), this.board([])];
  }

  bay() {
    const { bay, dock, camera } = live.find("bay", this.key);
    return [
      this.heading(t("bench.bay_of", { n: bay, dock }), (row) => row.state || t("bench.off")),
      this.pairs("", [["pattern", (row) => row.pattern || NONE], ["where", (row) => row.camera || NONE]]),
      this.contacts((row) => row),
      camera ? h("div", { class: "hands" }, h("button", { class: "button", type: "button", onclick: (event) => act("undock", { camera: live.find("bay", this.key).camera }, event.currentTarget) }, t("bench.undock"))) : null,
    ];
  }

  reader() {
    const plug = h("button", { class: "button", type: "button" });
    plug.addEventListener("click", () => act("plug_reader", { reader: this.key, plugged: !live.find("reader", this.key).plugged }, plug));
    this.parts.push((reader) => text(plug, reader.plugged ? t("bench.unplug") : t("bench.plug")));
    return [
      this.heading(this.key, (reader) => (reader.plugged ? t("bench.on") : t("bench.usb_none"))),
      h("div", { class: "hands" }, plug),
      this.pairs("board", [
        ["kind", (reader) => reader.kind],
        ["port", (reader) => reader.port || NONE],
        ["tones", (reader) => (reader.tones.length ? `${reader.tones.slice(-4).join(", ")} Hz` : NONE)],
      ]),
    ];
  }

  // -- hands

  cameraHands() {
    const bays = h("select", { id: "dock-into" });
    const into = h("button", { class: "button primary", type: "button" }, t("bench.dock_camera"));
    const out = h("button", { class: "button", type: "button", onclick: () => act("undock", { camera: this.key }, out) }, t("bench.undock"));
    into.addEventListener("click", () => {
      const [dock, bay] = bays.value.split("/");
      if (dock) this.dock(this.key, dock, Number(bay));
    });
    let free = null;
    this.parts.push((camera) => {
      const now = live.all("bay").filter((bay) => !bay.camera);
      const key = now.map((bay) => `${bay.dock}/${bay.bay}`).join(" ");
      if (key !== free) {
        free = key;
        const before = bays.value;
        fill(bays, now.map((bay) => h("option", { value: `${bay.dock}/${bay.bay}` }, this.about.docks.length > 1 ? `${bay.dock}, ${bay.bay}` : String(bay.bay))), now.length ? null : h("option", { value: "" }, t("bench.no_free_bay")));
        if (key.split(" ").includes(before)) bays.value = before;
      }
      into.disabled = !now.length;
      out.disabled = !camera.bay;
    });
    return [h("div", { class: "hands" }, h("label", { class: "inline", for: "dock-into" }, t("bench.into")), bays, into, out), this.wearer(), this.boardHands()];
  }

  /** What the wearer of a camera does that feels motion. */
  wearer() {
    const { activities } = this.about.cameras.find((camera) => camera.name === this.key);
    if (!activities.length) return null;
    const doing = h("select", { id: "doing" }, activities.map((each) => h("option", { value: each }, t(`bench.activity.${each}`))));
    doing.addEventListener("change", () => act("move", { camera: this.key, activity: doing.value }, doing));
    this.parts.push((camera) => {
      doing.disabled = Boolean(camera.bay);
      if (document.activeElement !== doing && activities.includes(camera.motion.activity)) doing.value = camera.motion.activity;
    });
    return h("div", { class: "hands" }, h("label", { class: "inline", for: "doing" }, t("bench.wearer")), doing);
  }

  boardHands() {
    const rocker = powerSwitch(this.key);
    const reset = h("button", { class: "button", type: "button", onclick: () => act("reset", { board: this.key }, reset) }, t("bench.reset"));
    const speed = h("select", { id: "speed" }, SPEEDS.map((each) => h("option", { value: each ?? "" }, each === null ? t("bench.speed_full") : `${size(each)}/s`)));
    speed.addEventListener("change", () => act("link", { board: this.key, bytes_per_s: speed.value ? Number(speed.value) : null }));
    this.parts.push((board) => {
      rocker.show(board.on);
      const limit = String(board.link.limit_bytes_per_s ?? "");
      if (document.activeElement !== speed && speed.value !== limit) speed.value = limit;
    });
    return h("div", { class: "hands" }, rocker.element, reset, h("label", { class: "inline", for: "speed" }, t("bench.cable")), speed);
  }

  // -- figures

  heading(name, word) {
    const badge = h("span", { class: "badge accent" });
    this.parts.push((row) => text(badge, word(row)));
    return h("div", { class: "inspector-head" }, h("h2", {}, name), badge);
  }

  contacts(bayOf) {
    return this.compare("contacts", [
      ["pair_resistance", (bay) => [bay.truth.pair_mohm === null ? NONE : `${bay.truth.pair_mohm} mΩ`]],
      ["supply_voltage", (bay) => measured(bay, "supply_voltage", volts(bay.truth.supply_mv))],
      ["charge_current", (bay) => measured(bay, "charge_current", `${bay.truth.current_ma} mA`)],
      ["camera_supply", (bay) => [volts(bay.truth.camera_supply_mv)]],
      ["block_temperature", (bay) => measured(bay, "block_temperature", `${bay.truth.block_c.toFixed(1)} °C`)],
      ["supply_droop", (bay) => measured(bay, "supply_droop", NONE)],
      ["pin_coupling", (bay) => measured(bay, "pin_coupling", NONE)],
      ["presence", (bay) => measured(bay, "presence", bay.truth.mated ? t("bench.on") : NONE)],
      ["settle_time", (bay) => measured(bay, "settle_time", NONE)],
      ["bounces", (bay) => measured(bay, "bounces", NONE)],
      ["cycles", (bay) => [String(bay.truth.cycles)]],
      ["hot_breaks", (bay) => [String(bay.truth.hot_breaks)]],
    ], bayOf);
  }

  cable() {
    return this.pairs("cable", [
      ["session", (board) => (board.link.session ? t("bench.session_up") : t("bench.session_none"))],
      ["usb", (board) => (board.link.mbps ? t("bench.usb_at", board.link) : t("bench.usb_none"))],
      ["to_host", (board) => flow(board.link.to_host_per_s, board.link.bytes_to_host)],
      ["to_board", (board) => flow(board.link.to_board_per_s, board.link.bytes_to_board)],
      ["port", (board) => board.port || NONE],
    ]);
  }

  board(more) {
    const crash = h("pre", { class: "crash", tabindex: "0", "aria-label": t("bench.last_crash") });
    this.parts.push((board) => {
      crash.hidden = !board.crash;
      text(crash, board.crash);
    });
    return [
      this.pairs("board", [
        ["serial", (board) => board.serial],
        ["model", (board) => board.model],
        ...more,
        ["boots", (board) => String(board.boots)],
        ["crashes", (board) => String(board.crashes)],
      ]),
      crash,
    ];
  }

  pairs(title, rows) {
    const list = h("dl", { class: "figures" });
    for (const [name, read] of rows) {
      const value = h("dd", { "data-figure": name });
      list.append(h("dt", {}, t(`bench.${name}`)), value);
      this.parts.push((row) => text(value, read(row)));
    }
    return [title ? h("h3", {}, t(`bench.${title}`)) : null, list];
  }

  /** A table of truth and measurement. `of`: what the figures are read from, if it is not the chosen row itself. */
  compare(title, rows, of = (row) => row) {
    const body = h("tbody");
    const part = h("div", {});
    this.parts.push((row) => (part.hidden = !of(row)));
    for (const [name, read] of rows) {
      const truth = h("td");
      const seen = h("td");
      body.append(h("tr", { "data-figure": name }, h("th", { scope: "row" }, t(`bench.${name}`)), truth, seen));
      this.parts.push((row) => {
        const from = of(row);
        if (!from) return;
        const [true_, measured_ = NONE, verdict = ""] = read(from);
        text(truth, true_);
        text(seen, measured_);
        seen.className = VERDICTS[verdict] ?? "";
      });
    }
    const columns = ["quantity", "truth", "measured"].map((name) => h("th", { scope: "col" }, t(`bench.${name}`)));
    part.append(h("h3", {}, t(`bench.${title}`)), h("table", { class: "compare", "data-table": title }, h("thead", {}, h("tr", {}, columns)), body));
    return part;
  }
}

const READ = {
  uV: (value) => volts(value / 1000),
  uA: (value) => `${Math.round(value / 1000)} mA`,
  mC: (value) => `${(value / 1000).toFixed(1)} °C`,
  ppm: (value) => `${value} ppm`,
  ms: (value) => `${value} ms`,
  count: (value) => String(value),
};

function measured(bay, quantity, truth) {
  const found = bay.measured[quantity];
  return found ? [truth, READ[found.unit](found.value), found.verdict] : [truth];
}

function volts(mv) {
  return `${(mv / 1000).toFixed(3)} V`;
}

function flow(perSecond, total) {
  return t("bench.total", { rate: `${size(perSecond)}/s`, total: size(total) });
}

function radioWord(radio) {
  if (!radio) return NONE;
  return t(radio.calling ? "bench.radio_calls" : radio.listening ? "bench.radio_listens" : "bench.radio_quiet");
}

function clockWord(clock) {
  if (!clock || !clock.source) return t("bench.clock_none");
  const seconds = (Math.abs(clock.ahead_ms) / 1000).toFixed(1);
  if (Math.abs(clock.ahead_ms) < 200) return t("bench.clock_right");
  return clock.ahead_ms > 0 ? t("bench.clock_ahead", { s: seconds }) : t("bench.clock_behind", { s: seconds });
}
