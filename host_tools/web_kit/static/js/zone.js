// Times as people type them, in the time zone of whom the page belongs to, wherever the browser is.

import { zone } from "./format.js";

const LOCAL = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2}))?$/;

/** Milliseconds since 1970 of a local time like 2026-01-31T14:05; NaN if it is none. */
export function unixMs(text, timeZone = zone) {
  const found = LOCAL.exec(text);
  if (!found) return Number.NaN;
  const [year, month, day, hour, minute, second] = found.slice(1).map((each) => Number(each ?? 0));
  const asUtc = Date.UTC(year, month - 1, day, hour, minute, second);
  // Twice: the first guess may lie on the other side of a change of the clocks.
  const guess = asUtc - offsetMs(asUtc, timeZone);
  return asUtc - offsetMs(guess, timeZone);
}

function offsetMs(atMs, timeZone) {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  });
  const parts = Object.fromEntries(format.formatToParts(new Date(atMs)).map((part) => [part.type, Number(part.value)]));
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) - atMs;
}
