// What every page of the manager has around it: menu, theme, clock, connection, logging out.

import { attempt, send } from "./api.js";
import { byId } from "./dom.js";
import { clock } from "./format.js";
import { live } from "./live.js";
import { t } from "./texts.js";

const THEMES = ["system", "light", "dark"];
const MESSAGES = { live: "frame.live", lost: "frame.lost", connecting: "frame.connecting" };

const menu = byId("menu-button");
const side = byId("side-bar");
menu.addEventListener("click", () => openMenu(!side.classList.contains("open")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (side.classList.contains("open")) {
    openMenu(false);
    menu.focus();
  }
  document.getElementById("account-menu")?.removeAttribute("open");
});

function openMenu(open) {
  side.classList.toggle("open", open);
  menu.setAttribute("aria-expanded", String(open));
}

byId("theme-button").addEventListener("click", () => {
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
  root.dataset.theme = next;
  try {
    localStorage.setItem("openbwc-theme", next);
  } catch {
    // it lasts as long as the page, then
  }
});

document.getElementById("logout-button")?.addEventListener("click", (event) =>
  attempt(
    async () => {
      await send("DELETE", "/session");
      location.assign("/login");
    },
    { button: event.currentTarget },
  ),
);

const state = byId("link-state");
function showState() {
  state.dataset.state = live.state;
  const text = state.querySelector(".link-state-text");
  if (text.textContent !== t(MESSAGES[live.state])) text.textContent = t(MESSAGES[live.state]);
}
live.addEventListener("state", showState);
showState();
live.start();

const time = byId("clock");
function tick() {
  time.textContent = clock(Date.now());
}
setInterval(tick, 1_000);
tick();
