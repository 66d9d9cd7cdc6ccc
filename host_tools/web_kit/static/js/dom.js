// Elements without a framework: `h` makes one, `fill` replaces what an element holds. Text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** `h("button", {class: "button", onclick: f, disabled: true}, "Text", child, …)`. null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  return make(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function s(tag, attributes = {}, ...children) {
  return make(document.createElementNS(SVG, tag), attributes, children);
}

/** Replace what `element` holds. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/** An icon of the sprite; `label` makes it speak, without it is decoration. */
export function icon(name, label = "") {
  const attributes = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return s("svg", { class: "icon", ...attributes }, s("use", { href: `${SPRITE}#${name}` }));
}

/** What a page was given in its head: `meta("csrf")`. */
export function meta(name) {
  return document.querySelector(`meta[name="openbwc-${name}"]`)?.content ?? "";
}

export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found;
}

const SPRITE = new URL("../icons.svg", import.meta.url).pathname;

function make(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
