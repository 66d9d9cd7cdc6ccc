// What a page that follows the controller has around it: that of all pages, and how the connection does.

import "./around.js";
import { byId } from "./dom.js";
import { live } from "./live.js";
import { t } from "./texts.js";

const MESSAGES = { live: "frame.live", lost: "frame.lost", connecting: "frame.connecting" };

const state = byId("link-state");
function showState() {
  state.dataset.state = live.state;
  const text = state.querySelector(".link-state-text");
  if (text.textContent !== t(MESSAGES[live.state])) text.textContent = t(MESSAGES[live.state]);
}
live.addEventListener("state", showState);
showState();
live.start();
