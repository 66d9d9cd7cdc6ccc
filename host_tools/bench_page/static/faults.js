// Faults by name: a table of components and types for one board. What is on is pressed; what a board cannot have is a dot.

import { byId, fill, h, icon } from "../kit/js/dom.js";
import { live } from "../kit/js/live.js";
import { t } from "../kit/js/texts.js";
import { text } from "./devices.js";
import { act } from "./hands.js";

export class FaultTable {
  constructor(about) {
    this.about = about;
    this.kinds = new Map(["dock", "camera", "reader"].flatMap((kind) => about[`${kind}s`].map((each) => [each.name, kind])));
    this.lacks = new Map([...about.docks, ...about.cameras, ...about.readers].map((each) => [each.name, each.lacks]));
    this.types = [...new Set(about.faults.map((row) => row.type))];
    this.board = h("select", { id: "fault-board", onchange: () => this.draw() }, [...this.kinds.keys()].map((name) => h("option", { value: name }, name)));
    this.instance = h("select", { id: "fault-instance", onchange: () => this.show() });
    this.cells = [];
    this.active = "";
    this.healAll = h("button", { class: "button small", type: "button", onclick: () => act("heal_all", {}, this.healAll) }, t("bench.heal_all"));
    fill(byId("faults-where"), field("fault-board", t("bench.fault_board"), this.board), field("fault-instance", t("bench.fault_instance"), this.instance), this.healAll);
    this.draw();
  }

  /** What is chosen on the bench is what one wants to break. */
  choose(kind, key) {
    const [board, bay] = kind === "bay" ? key.split("/") : [key, ""];
    if (!this.kinds.has(board)) return;
    if (this.board.value !== board) {
      this.board.value = board;
      this.draw();
    }
    if (bay) this.instance.value = bay;
    this.show();
  }

  draw() {
    const kind = this.kinds.get(this.board.value);
    const lacks = this.lacks.get(this.board.value) ?? [];
    const rows = this.about.faults.filter((row) => row.boards.split(" ").includes(kind) && !lacks.includes(row.component));
    const components = [...new Set(this.about.faults.map((row) => row.component))];
    this.cells = [];
    fill(this.instance, h("option", { value: "0" }, t("bench.fault_all")), this.instances(kind).map(([value, name]) => h("option", { value }, name)));
    const head = h("tr", {}, h("th", { scope: "col" }, h("span", { class: "unseen" }, t("bench.component"))), this.types.map((type) => h("th", { scope: "col" }, h("span", { class: "type" }, type))));
    const body = components.map((component) => h("tr", {}, h("th", { scope: "row" }, component), this.types.map((type) => this.cell(rows.find((row) => row.component === component && row.type === type)))));
    fill(byId("fault-scroll"), h("table", { class: "fault-table" }, h("thead", {}, head), h("tbody", {}, body)));
    this.show();
  }

  show() {
    const faults = live.all("fault");
    for (const { row, button } of this.cells) button.setAttribute("aria-pressed", String(faults.some((fault) => this.is(fault, row))));
    this.healAll.disabled = !faults.length;
    text(byId("faults-count"), faults.length ? `(${faults.length})` : "");
    const key = JSON.stringify(faults);
    if (key === this.active) return;
    this.active = key;
    fill(byId("active-faults"), faults.length ? faults.map((fault) => this.item(fault)) : h("li", { class: "muted" }, t("bench.no_faults")));
  }

  cell(row) {
    if (!row) return h("td", { class: "unsupported" }, h("span", { class: "unseen" }, t("bench.fault_unsupported")));
    const said = t("bench.fault_cell", row);
    const button = h("button", { class: "fault-cell", type: "button", "aria-pressed": "false", "aria-label": said, title: said, "data-fault": `${row.component} ${row.type}` });
    button.addEventListener("click", () => this.turn(row, button));
    for (const word of ["focus", "pointerenter"]) button.addEventListener(word, () => text(byId("fault-text"), said));
    this.cells.push({ row, button });
    return h("td", {}, button);
  }

  turn(row, button) {
    const on = button.getAttribute("aria-pressed") === "true";
    act(on ? "heal" : "fault", { board: this.board.value, component: row.component, type: row.type, instance: this.number(row) }, button);
  }

  is(fault, row) {
    return fault.board === this.board.value && fault.component === row.component && fault.type === row.type && fault.instance === this.number(row);
  }

  /** Bays and buttons are counted; what has no number is meant whole. */
  number(row) {
    const counted = row.instance === (this.kinds.get(this.board.value) === "dock" ? "bay" : "button");
    return counted ? Number(this.instance.value) : 0;
  }

  instances(kind) {
    if (kind === "dock") return this.about.docks.find((each) => each.name === this.board.value).bays.map((number) => [number, t("bench.bay", { n: number })]);
    if (kind === "camera") return this.about.cameras.find((each) => each.name === this.board.value).buttons.map((name, at) => [at + 1, name]);
    return [];
  }

  item(fault) {
    const name = t("bench.fault_where", fault) + (fault.instance ? `, ${t("bench.fault_number", { n: fault.instance })}` : "");
    const heal = h("button", { class: "icon-button", type: "button", "aria-label": `${t("bench.heal")}: ${name}`, title: t("bench.heal"), onclick: () => act("heal", fault, heal) }, icon("close"));
    return h("li", { class: "badge bad" }, icon("alert"), name, heal);
  }
}

function field(id, name, input) {
  return h("span", { class: "pair" }, h("label", { class: "inline", for: id }, name), input);
}
