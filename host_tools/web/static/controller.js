// The system's controllers: storage, transfers of the last three days, what is refused, readers, and alerts that are over.

import { attempt, get, send } from "../kit/js/api.js";
import { shareChart } from "../kit/js/chart.js";
import { confirm } from "../kit/js/dialog.js";
import { byId, fill, h } from "../kit/js/dom.js";
import { at, percent, size } from "../kit/js/format.js";
import { live } from "../kit/js/live.js";
import { Table } from "../kit/js/table.js";
import { t, tOr } from "../kit/js/texts.js";
import { may } from "./may.js";
import { button, card, pairs } from "./pieces.js";
import { drawRejected } from "./rejected.js";
import { alertDetails, alertMeaning, alertTitle, destinationText } from "./words.js";

const READ_AFTER_MS = 1_500; // transfers end in storms
const TOLD = new Set(["held", "delivered", "erased", "set_aside", "trouble", "reader", "alert_raised", "alert_cleared", "rejected"]);
const OUTCOME_KINDS = { delivered: "good", sending: "accent", waiting: "warn", rejected: "bad", refused: "bad" };
const SEVERITY_KINDS = { error: "bad", warning: "warn", note: "info" };

const storage = h("div", {});
const state = h("div", {});
const readers = h("div", {});
const rejected = h("div", {});
const transfersHolder = h("div", {});
const alertsHolder = h("div", {});
const more = h("p", {});
fill(
  byId("controller"),
  h("div", { class: "columns" }, storage, state, readers),
  rejected,
  h("section", {}, h("div", { class: "heading-row" }, h("h2", {}, t("controller.transfers")), may("retry_delivery") ? button(t("controller.retry_all"), "small", retryAll, t("controller.retried")) : null), transfersHolder),
  h("section", {}, h("h2", {}, t("controller.alerts")), alertsHolder, more),
);

const transfers = new Table(transfersHolder, {
  label: t("controller.transfers"),
  keyOf: (row) => `${row.recording} ${row.destination}`,
  empty: t("controller.no_transfers"),
  sortBy: "changed",
  down: true,
  minWidth: 860,
  columns: [
    { key: "changed", label: t("controller.when"), width: "minmax(205px, 1fr)", sort: (row) => row.changed_unix_ms, render: (row) => at(row.changed_unix_ms) },
    { key: "recording", label: t("controller.recording"), width: "130px", render: (row) => h("code", { title: row.recording }, row.recording.slice(0, 8)) },
    { key: "outcome", label: t("controller.outcome"), width: "140px", sort: (row) => row.outcome, render: (row) => h("span", { class: `badge ${OUTCOME_KINDS[row.outcome] ?? ""}` }, tOr(`outcome.${row.outcome}`, row.outcome.replaceAll("_", " "))) },
    { key: "attempts", label: t("controller.attempts"), width: "90px", class: "numeric", sort: (row) => row.attempts, render: (row) => String(row.attempts) },
    { key: "size", label: t("camera.size"), width: "100px", class: "numeric", sort: (row) => row.content_bytes, render: (row) => (row.content_bytes ? size(row.content_bytes) : "–") },
    { key: "reason", label: t("controller.reason"), width: "minmax(150px, 2fr)", sort: (row) => row.reason, render: (row) => h("span", { title: row.reason }, row.reason || "–") },
    { key: "retry", label: t("camera.actions"), width: "110px", render: retryCell },
  ],
});

const alerts = new Table(alertsHolder, {
  label: t("controller.alerts"),
  keyOf: (row) => String(row.id),
  empty: t("controller.no_alerts"),
  sortBy: "raised",
  down: true,
  minWidth: 820,
  columns: [
    { key: "raised", label: t("controller.raised"), width: "minmax(150px, 1fr)", sort: (row) => row.raised_unix_ms, render: (row) => at(row.raised_unix_ms) },
    { key: "cleared", label: t("controller.cleared"), width: "minmax(150px, 1fr)", sort: (row) => row.cleared_unix_ms, render: (row) => (row.cleared_unix_ms ? at(row.cleared_unix_ms) : h("span", { class: "badge warn" }, t("controller.open"))) },
    { key: "device", label: t("controller.device"), width: "minmax(120px, 0.8fr)", sort: (row) => row.device, render: (row) => row.device || "–" },
    { key: "severity", label: t("controller.severity"), width: "110px", sort: (row) => row.severity, render: (row) => h("span", { class: `badge ${SEVERITY_KINDS[row.severity] ?? ""}` }, tOr(`severity.${row.severity}`, row.severity)) },
    { key: "title", label: t("controller.what"), width: "minmax(180px, 1.6fr)", sort: alertTitle, render: (row) => h("span", { title: [alertMeaning(row), alertDetails(row)].filter(Boolean).join(" ") }, alertTitle(row)) },
  ],
});

let waiting = 0;
live.watch((kinds) => kinds.has("storage") && drawStorage(live.find("storage", "spool")));
live.addEventListener("happening", (event) => {
  if (!TOLD.has(event.detail.what) || waiting) return;
  waiting = setTimeout(() => {
    waiting = 0;
    attempt(read);
  }, READ_AFTER_MS);
});
attempt(read);

async function read() {
  const [status, history, refused] = await Promise.all([get("/status"), get("/alerts", { history: true }), may("rejected_recordings") ? get("/rejected-recordings") : []]);
  drawStorage(status.spool);
  drawState(status);
  drawReaders(status.readers ?? []);
  drawRejected(rejected, refused, read);
  transfers.set(status.transfers);
  alerts.set(history.rows);
  showMore(history.next);
}

function showMore(before) {
  fill(more, before === null ? null : button(t("controller.older"), "small", async () => {
    const history = await get("/alerts", { history: true, before });
    alerts.set([...alerts.rows, ...history.rows]);
    showMore(history.next);
  }));
}

function drawStorage(spool) {
  if (!spool) return;
  const said = t("controller.storage_said", { used: size(spool.used_bytes), reserved: size(spool.reserved_bytes), free: size(spool.free_bytes), total: size(spool.total_bytes) });
  const others = spool.total_bytes - spool.used_bytes - spool.reserved_bytes - spool.free_bytes;
  const notice = { almost_full: "warn", full: "bad" }[spool.level];
  fill(
    storage,
    card(
      t("controller.storage"),
      shareChart([spool.used_bytes, spool.reserved_bytes], spool.total_bytes - Math.max(0, others), { label: said }),
      pairs([
        [legend(0, t("controller.used")), `${size(spool.used_bytes)} (${percent(spool.used_bytes, spool.total_bytes)})`],
        [legend(1, t("controller.reserved")), size(spool.reserved_bytes)],
        [legend(2, t("controller.free")), size(spool.free_bytes)],
        others > 0 ? [t("controller.others"), size(others)] : null,
        [t("controller.total"), size(spool.total_bytes)],
        spool.refused_bytes ? [t("controller.refused"), size(spool.refused_bytes)] : null,
      ]),
      notice ? h("p", { class: `notice ${notice}` }, t(`controller.level_${spool.level}`)) : null,
    ),
  );
}

function legend(slice, text) {
  return [h("span", { class: `legend legend-${slice}`, "aria-hidden": "true" }), text];
}

function drawState(status) {
  const { destination, panel, counts } = status;
  fill(
    state,
    card(
      t("controller.state"),
      pairs([
        [t("controller.lamp"), tOr(`panel.${panel.status}`, panel.status)],
        [t("dashboard.destination"), h("span", { class: `badge ${destination.trouble ? "bad" : "good"}` }, t(destination.trouble ? "dashboard.destination_down" : "dashboard.destination_up"))],
        destination.trouble ? [t("controller.reason"), destinationText(destination.trouble)] : null,
        ...Object.entries(counts).map(([name, number]) => [tOr(`count.${name}`, name.replaceAll("_", " ")), String(number)]),
      ]),
      may("restart_controller") ? h("div", { class: "buttons" }, h("button", { class: "button", type: "button", onclick: restart }, t("controller.restart"))) : null,
    ),
  );
}

async function restart() {
  if (!(await confirm(t("controller.restart_ask"), t("controller.restart_text"), { ok: t("controller.restart") }))) return;
  await attempt(() => send("POST", "/controller/restarts"), { done: t("controller.restarting") });
}

function drawReaders(found) {
  fill(readers, card(t("controller.readers"), found.length ? pairs(found.map((each) => [each.model || each.identity || t("controller.reader"), [h("span", { class: `badge ${each.state === "ready" ? "good" : "warn"}` }, tOr(`reader.${each.state}`, each.state)), " ", each.place, each.text ? h("p", { class: "small" }, each.text) : null]])) : h("p", { class: "muted" }, t("controller.no_readers"))));
}

function retryCell(row) {
  if (!may("retry_delivery") || !row.reason || row.outcome === "delivered") return null;
  return button(t("controller.retry"), "small", async () => {
    await send("POST", "/deliveries/retries", { recording: row.recording });
    await read();
  }, t("controller.retried"));
}

async function retryAll() {
  await send("POST", "/deliveries/retries", {});
  await read();
}
