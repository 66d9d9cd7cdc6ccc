// What every page of the destination has around it: that of all pages, and the light of its health.

import "../kit/js/around.js";
import { get } from "../kit/js/api.js";
import { byId } from "../kit/js/dom.js";
import { t } from "../kit/js/texts.js";

const LOOK_MS = 15_000;
const LIGHTS = { green: "live", amber: "connecting", red: "lost" };

const state = byId("link-state");

async function look() {
  const light = await get("/health").then((health) => health.light).catch(() => "away");
  if (state.dataset.light === light) return;
  state.dataset.light = light;
  state.dataset.state = LIGHTS[light] ?? "lost";
  state.querySelector(".link-state-text").textContent = t(`light.${light}`);
}

look();
setInterval(look, LOOK_MS);
