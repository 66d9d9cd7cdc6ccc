// How mail and telemetry do: what went last, what waits, what keeps it from going; and a test mail.

import { attempt, get, send } from "../kit/js/api.js";
import { fill, h } from "../kit/js/dom.js";
import { ago, at } from "../kit/js/format.js";
import { live } from "../kit/js/live.js";
import { t } from "../kit/js/texts.js";
import { may } from "./may.js";
import { button, card, pairs } from "./pieces.js";

const LOOK_MS = 10_000; // a mail is tried again by itself

/** The card; `draw()` reads it anew. */
export function notificationsCard() {
  if (!may("notification_state")) return { element: null, draw: () => {} };
  const holder = h("div", {});
  let drawn = "";
  const draw = async () => {
    const state = await get("/notifications");
    const key = JSON.stringify(state);
    if (key === drawn) return; // somebody may be at the button
    drawn = key;
    fill(holder, made(state, draw));
  };
  setInterval(() => document.hidden || live.state !== "live" || attempt(draw), LOOK_MS);
  return { element: holder, draw: () => attempt(draw) };
}

function made({ mail, telemetry }, draw) {
  const last = mail.sent_unix_ms ? `${at(mail.sent_unix_ms)} (${ago(mail.sent_unix_ms)})` : t("notifications.never");
  return card(
    t("notifications.heading"),
    h("h3", {}, t("notifications.mail"), " ", mailBadge(mail)),
    pairs([
      [t("notifications.address"), mail.address || "–"],
      [t("notifications.last"), last],
      mail.waiting ? [t("notifications.waiting"), String(mail.waiting)] : null,
    ]),
    mail.fault ? h("p", { class: "notice bad" }, mail.fault) : null,
    may("send_test_mail") ? h("div", { class: "buttons" }, testButton(mail, draw)) : null,
    h("h3", {}, t("notifications.telemetry"), " ", telemetryBadge(telemetry)),
    telemetry.server ? pairs([[t("notifications.server"), telemetry.server], [t("notifications.topic"), h("code", {}, telemetry.base)], telemetry.waiting ? [t("notifications.waiting"), String(telemetry.waiting)] : null]) : h("p", { class: "muted" }, t("notifications.no_telemetry")),
    telemetry.fault ? h("p", { class: "notice bad" }, telemetry.fault) : null,
  );
}

function mailBadge(mail) {
  if (!mail.address) return h("span", { class: "badge" }, t("notifications.off"));
  return mail.fault ? h("span", { class: "badge bad" }, t("notifications.stuck")) : h("span", { class: "badge good" }, t("notifications.on"));
}

function telemetryBadge(telemetry) {
  if (!telemetry.server) return h("span", { class: "badge" }, t("notifications.off"));
  return h("span", { class: `badge ${telemetry.connected ? "good" : "bad"}` }, t(telemetry.connected ? "notifications.connected" : "notifications.stuck"));
}

function testButton(mail, draw) {
  const made = button(t("notifications.test"), "", async () => {
    try {
      await send("POST", "/notifications/test-mails");
    } finally {
      await draw();
    }
  }, t("notifications.tested", { address: mail.address }));
  made.disabled = !mail.address;
  return made;
}
