// What hands do: every action is one request, and a button stays down as long as the finger.

import { attempt, send } from "../kit/js/api.js";
import { h } from "../kit/js/dom.js";
import { t } from "../kit/js/texts.js";

const HELD_S_MAX = 60; // the bench lets go by itself then
const PRESSED_MS_MIN = 150; // a tap is a press all the same: boards debounce
const KEYS = new Set([" ", "Enter"]);

/** Do something to the bench; what it refuses is told. */
export function act(name, said = {}, button = null) {
  return attempt(() => send("POST", `/actions/${name}`, said).then(() => true), { button });
}

/** A push button of a camera: pointer, keyboard, or whatever else presses buttons. */
export function pushButton(camera, name) {
  const button = h("button", { class: `push push-${name}`, type: "button", "aria-label": t("bench.button", { button: name, camera }), title: `${name}. ${t("bench.button_hint")}` });
  let down = false;
  let last = Promise.resolve();
  let pressed = 0;

  function press() {
    if (down) return;
    down = true;
    button.classList.add("down");
    last = last.then(() => act("press", { camera, button: name, hold_s: HELD_S_MAX })).then(() => (pressed = performance.now()));
  }
  function lift() {
    if (!down) return;
    down = false;
    button.classList.remove("down");
    last = last.then(() => rest(PRESSED_MS_MIN - (performance.now() - pressed))).then(() => act("let_go", { camera, button: name }));
  }

  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    button.setPointerCapture(event.pointerId);
    press();
  });
  for (const word of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(word, lift);
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("keydown", (event) => {
    if (!KEYS.has(event.key)) return;
    event.preventDefault();
    if (!event.repeat) press();
  });
  button.addEventListener("keyup", (event) => {
    if (!KEYS.has(event.key)) return;
    event.preventDefault();
    lift();
  });
  // Without pointer and key: a screen reader, or a voice.
  button.addEventListener("click", (event) => {
    if (event.detail === 0 && !down) {
      press();
      lift();
    }
  });
  return button;
}

function rest(ms) {
  return new Promise((done) => setTimeout(done, Math.max(0, ms)));
}
