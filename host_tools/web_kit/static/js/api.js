// The only door to the server: JSON over the REST API, with the session's token, and problems as errors.

import { comeInAgain, hasTyped } from "./again.js";
import { meta } from "./dom.js";
import { ago } from "./format.js";
import { t } from "./texts.js";
import { toast } from "./toast.js";

const PREFIX = "/api/v1";
const LIMIT_MS = 60_000;

/** An answer that is a problem (RFC 9457): `.status`, `.type`, `.detail`, and whatever else it says in `.more`. */
export class ProblemError extends Error {
  constructor(status, more) {
    super(more.detail || t("frame.failed"));
    this.status = status;
    this.type = more.type || "";
    this.more = more;
  }
}

/** Read: `await get("/cameras", {limit: 50})`. */
export async function get(path, query = {}) {
  return request("GET", path, undefined, { query });
}

/** Change something. `tag`: the ETag that was seen (`etagOf(row)`), or "new" for what must not be there yet; `limitMs`: for what takes long. */
export async function send(method, path, body = undefined, { tag = "", query = {}, limitMs = LIMIT_MS } = {}) {
  return request(method, path, body, { tag, query, limitMs });
}

/** What a row's `version` is as an ETag. */
export function etagOf(row) {
  return `"${row.version}"`;
}

/** Do something for a person: disables `button` meanwhile, tells what went wrong, answers undefined then. */
export async function attempt(action, { button = null, done = "" } = {}) {
  if (button) button.disabled = true;
  try {
    const answer = await action();
    if (done) toast(done);
    return answer === undefined ? null : answer;
  } catch (error) {
    tell(error);
    return undefined;
  } finally {
    if (button) button.disabled = false;
  }
}

/** Tell a person what went wrong. */
export function tell(error) {
  if (!(error instanceof ProblemError)) {
    console.error(error);
    toast(t("frame.failed"), "bad");
    return;
  }
  const { changed_by: who, changed_unix_ms: when } = error.more;
  toast(who ? `${error.message} ${t("frame.changed_meanwhile", { who, when: ago(when) })}` : error.message, "bad");
}

/**
 * To the login page, and back here afterwards. Where something is typed that would be lost, its account may come in again
 * on the page itself: answers whether it did. `byPerson`: somebody has pressed something and waits.
 */
export async function sessionEnded(byPerson = false) {
  if (hasTyped()) return comeInAgain((name, password) => request("POST", "/session", { name, password }, { isLogin: true }), byPerson);
  const next = encodeURIComponent(location.pathname + location.search);
  location.assign(`/login?ended=1&next=${next}`);
  return false;
}

async function request(method, path, body, options) {
  const { tag = "", query = {}, limitMs = LIMIT_MS, isLogin = false } = options;
  const url = new URL(PREFIX + path, location.origin);
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) if (each !== "" && each !== undefined) url.searchParams.append(name, each);
  }
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-OpenBWC-CSRF"] = meta("csrf");
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (tag === "new") headers["If-None-Match"] = "*";
  else if (tag) headers["If-Match"] = tag;
  const response = await reach(url, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    signal: AbortSignal.timeout(limitMs),
  });
  const data = response.status === 204 ? null : await response.json().catch(() => null);
  if (response.ok) return data;
  const problem = new ProblemError(response.status, data ?? {});
  // It was not looked at, so it may be sent once more.
  if (response.status === 401 && meta("csrf") && !isLogin && (await sessionEnded(method !== "GET"))) return request(method, path, body, options);
  throw problem;
}

async function reach(url, options) {
  try {
    return await fetch(url, options);
  } catch {
    throw new ProblemError(0, { detail: t("frame.unreachable") });
  }
}
