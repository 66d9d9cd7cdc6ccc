// A table of thousands of rows without lag: only what is in view is drawn. Sorting by its heads, filtering by whoever uses
// it, rows by keyboard. To assistive technology it is an ordinary table that says how many rows it has.

import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { t } from "./texts.js";

const ROW_PX = 48;
const BEYOND = 8; // rows drawn above and below what is in view

/**
 * `columns`: `[{key, label, width, render(row), sort(row), class}]`, width as in CSS grid; without `sort` a column is not
 * sorted by. `keyOf(row)` names a row; `href(row)` or `onOpen(row)` makes rows open something.
 */
export class Table {
  constructor(holder, { label, columns, keyOf, href = null, onOpen = null, empty = t("table.nothing"), sortBy = "", down = false, minWidth = 0 }) {
    this.columns = columns;
    this.keyOf = keyOf;
    this.href = href;
    this.onOpen = onOpen;
    this.empty = empty;
    this.rows = [];
    this.shown = [];
    this.filter = () => true;
    this.sortKey = sortBy || columns.find((column) => column.sort)?.key || "";
    this.down = down;
    this.drawn = new Map();
    this.focused = null;
    this.known = false; // until the first rows are here nobody can say that there are none
    this._build(holder, label, minWidth);
  }

  /** Everything there is; keeps the place that one looks at. */
  set(rows) {
    this.rows = rows;
    this.known = true;
    this.refresh();
  }

  /** Show only rows for which `filter(row)` is true. */
  setFilter(filter) {
    this.filter = filter;
    this.scroll.scrollTop = 0;
    this.refresh();
  }

  refresh() {
    const column = this.columns.find((each) => each.key === this.sortKey);
    this.shown = this.rows.filter(this.filter);
    if (column?.sort) {
      const keyed = this.shown.map((row) => [column.sort(row), row]);
      keyed.sort(([a], [b]) => (this.down ? -1 : 1) * compare(a, b));
      this.shown = keyed.map(([, row]) => row);
    }
    this._draw();
  }

  _build(holder, label, minWidth) {
    this.heads = new Map();
    const head = h("div", { class: "table-head", role: "row", "aria-rowindex": 1 });
    for (const column of this.columns) head.append(this._head(column));
    this.body = h("div", { class: "table-body", role: "rowgroup" });
    this.inner = h("div", { class: "table-inner" }, h("div", { role: "rowgroup" }, head), this.body);
    this.scroll = h("div", { class: "table-scroll", role: "table", "aria-label": label, tabindex: 0 }, this.inner);
    this.foot = h("div", { class: "table-foot", role: "status" });
    this.note = h("p", { class: "empty", hidden: true });
    const columns = this.columns.map((column) => column.width ?? "minmax(0, 1fr)").join(" ");
    this.scroll.style.setProperty("--table-columns", columns);
    this.scroll.style.setProperty("--table-min", `${minWidth}px`);
    this.box = h("div", { class: "table" }, this.scroll, this.foot);
    fill(holder, this.box, this.note);
    this.scroll.addEventListener("scroll", () => this._drawSoon(), { passive: true });
    new ResizeObserver(() => this._drawSoon()).observe(this.scroll);
    this.scroll.addEventListener("keydown", (event) => this._onKey(event));
  }

  _head(column) {
    const cell = h("div", { role: "columnheader", class: column.class ?? "" });
    if (!column.sort) {
      cell.append(h("span", { class: "plain" }, column.label));
      return cell;
    }
    const arrow = h("span", { class: "arrow", "aria-hidden": "true" });
    cell.append(h("button", { type: "button", onclick: () => this._sortBy(column.key) }, column.label, arrow));
    this.heads.set(column.key, { cell, arrow });
    return cell;
  }

  _sortBy(key) {
    this.down = this.sortKey === key ? !this.down : false;
    this.sortKey = key;
    this.refresh();
  }

  _drawSoon() {
    if (this._asked) return;
    this._asked = true;
    requestAnimationFrame(() => {
      this._asked = false;
      this._draw();
    });
  }

  _draw() {
    if (!this.known) return;
    for (const [key, { cell, arrow }] of this.heads) {
      const sorted = key === this.sortKey;
      cell.setAttribute("aria-sort", sorted ? (this.down ? "descending" : "ascending") : "none");
      arrow.textContent = sorted ? (this.down ? "▾" : "▴") : "";
    }
    this.box.hidden = this.shown.length === 0;
    this.note.hidden = this.shown.length !== 0;
    fill(this.note, this.rows.length ? t("table.nothing_found") : this.empty);
    this.scroll.setAttribute("aria-rowcount", String(this.shown.length + 1));
    this.body.style.height = `${this.shown.length * ROW_PX}px`;
    fill(this.foot, this.shown.length === this.rows.length
      ? t("table.rows", { n: this.rows.length })
      : t("table.of", { shown: count(this.shown.length), n: count(this.rows.length) }));
    this._drawRows();
  }

  _drawRows() {
    const top = Math.max(0, Math.floor(this.scroll.scrollTop / ROW_PX) - BEYOND);
    const height = this.scroll.clientHeight || 800;
    const end = Math.min(this.shown.length, top + Math.ceil(height / ROW_PX) + 2 * BEYOND);
    const wanted = new Set();
    for (let at = top; at < end; at += 1) {
      const row = this.shown[at];
      const key = this.keyOf(row);
      wanted.add(key);
      this._place(key, row, at);
    }
    for (const [key, element] of this.drawn) {
      if (wanted.has(key)) continue;
      element.remove();
      this.drawn.delete(key);
    }
  }

  _place(key, row, at) {
    let element = this.drawn.get(key);
    if (!element) {
      const opens = this.href || this.onOpen;
      element = h("div", { class: "table-row", role: "row", tabindex: opens ? -1 : null });
      element.addEventListener("click", (event) => this._onClick(event, element));
      this.drawn.set(key, element);
      this.body.append(element);
    }
    if (element.row !== row) {
      element.row = row;
      fill(element, this.columns.map((column) => cell(column, column.render(row))));
    }
    element.at = at;
    element.setAttribute("aria-rowindex", String(at + 2));
    element.style.top = `${at * ROW_PX}px`;
  }

  _onClick(event, element) {
    if (event.target.closest("a, button, input, select")) return;
    this._open(element.row);
  }

  _open(row) {
    if (this.onOpen) this.onOpen(row);
    else if (this.href) location.assign(this.href(row));
  }

  _onKey(event) {
    const element = event.target.closest(".table-row");
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
    if (event.key === "Enter" && event.target === element) this._open(element.row);
    else if (event.key in steps && this.shown.length && !event.target.closest(".table-head")) {
      event.preventDefault();
      this._focus(element ? element.at + steps[event.key] : 0);
    }
  }

  _focus(wanted) {
    const at = Math.max(0, Math.min(this.shown.length - 1, wanted));
    const top = at * ROW_PX;
    const head = this.inner.firstElementChild.offsetHeight;
    if (top < this.scroll.scrollTop) this.scroll.scrollTop = top;
    else if (top + ROW_PX + head > this.scroll.scrollTop + this.scroll.clientHeight) this.scroll.scrollTop = top + ROW_PX + head - this.scroll.clientHeight;
    this._drawRows();
    this.drawn.get(this.keyOf(this.shown[at]))?.focus({ preventScroll: true });
  }
}

/** What is cut off for want of room is whole where the pointer rests. */
function cell(column, content) {
  return h("div", { role: "cell", class: column.class ?? "", title: typeof content === "string" ? content : null }, content);
}

function compare(a, b) {
  const aEmpty = a === null || a === undefined || a === "";
  const bEmpty = b === null || b === undefined || b === "";
  if (aEmpty || bEmpty) return aEmpty === bEmpty ? 0 : aEmpty ? 1 : -1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true, sensitivity: "base" });
}
