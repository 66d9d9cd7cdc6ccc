// Figures and times as people read them, in the system's own time zone wherever the browser is.

import { meta } from "./dom.js";
import { language, t } from "./texts.js";

const zone = meta("time-zone") || "UTC";
const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const UNITS = ["B", "kB", "MB", "GB", "TB"];

// h23 and not hour12: that makes 24:05 of five past midnight in some languages, on the day that begins.
function zoned(options) {
  try {
    return new Intl.DateTimeFormat(language, { timeZone: zone, ...options });
  } catch {
    return new Intl.DateTimeFormat(language, { timeZone: "UTC", ...options });
  }
}
const dateTime = zoned({ year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const exactTime = zoned({ year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short" });
const clockTime = zoned({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export function count(value) {
  return whole.format(value);
}

export function size(bytes) {
  if (!Number.isFinite(bytes)) return "–";
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? whole.format(value) : number.format(value)} ${UNITS[unit]}`;
}

export function rate(mbPerSecond) {
  return t("unit.per_second", { size: size(mbPerSecond * 1e6) });
}

export function percent(part, of) {
  return of > 0 ? `${whole.format((100 * part) / of)} %` : "–";
}

export function at(unixMs) {
  return Number.isFinite(unixMs) ? dateTime.format(new Date(unixMs)) : "–";
}

/** To the second, and in which zone: for what is evidence. */
export function exactly(unixMs) {
  return Number.isFinite(unixMs) ? exactTime.format(new Date(unixMs)) : "–";
}

export function clock(unixMs) {
  return clockTime.format(new Date(unixMs));
}

export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return t("unit.seconds", { n: seconds });
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return t("unit.minutes", { n: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return t("unit.hours", { hours, minutes: minutes % 60 });
  return t("unit.days", { days: Math.floor(hours / 24), hours: hours % 24 });
}

export function ago(unixMs, nowMs = Date.now()) {
  const ms = nowMs - unixMs;
  return ms < 5_000 ? t("unit.just_now") : t("unit.ago", { time: span(ms) });
}

export { zone };
