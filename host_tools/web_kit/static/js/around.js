// What every page has around it whatever it shows: menu, theme, clock, logging out.

import { attempt, send } from "./api.js";
import { byId } from "./dom.js";
import { clock } from "./format.js";

const THEMES = ["system", "light", "dark"];

const menu = document.getElementById("menu-button"); // a page that is alone has none
const side = document.getElementById("side-bar");
menu?.addEventListener("click", () => openMenu(!side.classList.contains("open")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (side?.classList.contains("open")) {
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

const time = byId("clock");
function tick() {
  time.textContent = clock(Date.now());
}
setInterval(tick, 1_000);
tick();
