// The bench page: puts the devices where they are, and lets hands choose, dock and look inside.

import { get } from "../kit/js/api.js";
import { byId, fill, h } from "../kit/js/dom.js";
import { live } from "../kit/js/live.js";
import { t } from "../kit/js/texts.js";
import { CameraDevice, DockDevice, ReaderDevice, text } from "./devices.js";
import { FaultTable } from "./faults.js";
import { act } from "./hands.js";
import { Inspector } from "./inspector.js";

const ARROWS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

const about = await get("/bench");
let chosen = { kind: "", key: "" };

const cameras = new Map(about.cameras.map((each) => [each.name, new CameraDevice(each, () => choose("camera", each.name))]));
const docks = about.docks.map(
  (each) =>
    new DockDevice(each, {
      chooseDock: () => choose("dock", each.name),
      chooseBay: (number) => takeBay(each.name, number),
      drop: (camera, number) => dock(camera, each.name, number),
    }),
);
const readers = about.readers.map((each) => new ReaderDevice(each.name, () => choose("reader", each.name)));
const inspector = new Inspector(byId("inspector"), about, dock);
const faults = new FaultTable(about);

fill(byId("docks"), docks.map((each) => each.element));
fill(byId("readers"), readers.map((each) => each.element));
const loose = byId("loose");
const nothing = h("p", { class: "nothing-loose" }, t("bench.nothing_loose"));

live.watch(show);
choose(about.cameras.length ? "camera" : about.docks.length ? "dock" : "", about.cameras[0]?.name ?? about.docks[0]?.name ?? "");

function choose(kind, key) {
  chosen = { kind, key };
  inspector.choose(kind, key);
  faults.choose(kind, key);
  show();
}

/** The camera that somebody has taken from the bench, if they have. */
function inHand() {
  return chosen.kind === "camera" && live.find("camera", chosen.key)?.bay === null ? chosen.key : "";
}

/** A bay is touched: what is in the hand goes in, else it is looked at. */
function takeBay(name, number) {
  const camera = inHand();
  if (camera && !live.find("bay", `${name}/${number}`)?.camera) dock(camera, name, number);
  else choose("bay", `${name}/${number}`);
}

async function dock(camera, name, number) {
  if (!cameras.has(camera)) return;
  if (await act("dock", { camera, dock: name, bay: number })) choose("camera", camera);
}

// -- showing

function show() {
  place();
  const hand = inHand();
  for (const [name, device] of cameras) device.show(chosen.kind === "camera" && chosen.key === name);
  for (const device of docks) device.show(chosen, hand);
  for (const device of readers) device.show(chosen.kind === "reader" && chosen.key === device.name);
  text(byId("hint"), hand ? t("bench.hint_in_hand", { camera: hand }) : t("bench.hint"));
  inspector.show();
  faults.show();
}

/** Every camera where it is now; who had the focus keeps it. */
function place() {
  const focused = document.activeElement;
  for (const device of docks) {
    for (const bay of device.bays) {
      const row = live.find("bay", bay.key);
      if (row) bay.hold(row.camera ? cameras.get(row.camera).element : null);
    }
  }
  const free = live.all("camera").filter((camera) => camera.bay === null).map((camera) => cameras.get(camera.name).element);
  for (const element of free) if (element.parentElement !== loose) loose.append(element);
  if (free.length) nothing.remove();
  else if (!nothing.isConnected) loose.append(nothing);
  if (focused !== document.activeElement) (focused.isConnected && !focused.hidden && focused.closest("[hidden]") === null ? focused : cameras.get(chosen.key)?.plate)?.focus();
}

// -- hands

const mat = byId("mat");
mat.addEventListener("dragover", (event) => event.preventDefault());
mat.addEventListener("drop", (event) => {
  event.preventDefault();
  const camera = event.dataTransfer.getData("text/plain");
  if (live.find("camera", camera)?.bay) act("undock", { camera });
});

document.addEventListener("keydown", (event) => {
  const step = ARROWS[event.key];
  if (!step || !event.target.matches("[data-station]")) return;
  event.preventDefault();
  const stations = [...document.querySelectorAll("[data-station]")].filter((each) => !each.hidden);
  stations[(stations.indexOf(event.target) + step + stations.length) % stations.length].focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Delete" && event.target.matches(".camera .plate")) act("undock", { camera: event.target.closest(".camera").dataset.camera });
});

// -- the bench's own clock, counted on between two words of the bench

let heard = { world_ms: NaN, at: 0 };
live.watch((kinds) => {
  if (kinds.has("bench")) heard = { world_ms: live.find("bench", about.name).world_ms, at: performance.now() };
});
setInterval(() => {
  const ms = heard.world_ms + performance.now() - heard.at;
  if (Number.isFinite(ms)) text(byId("bench-time"), asTime(ms));
}, 200);

function asTime(ms) {
  const seconds = Math.floor(ms / 1000);
  return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, "0")).join(":");
}
