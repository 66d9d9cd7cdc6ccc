// A badge reader that is plugged into this very computer, by Web Serial. What it says goes to the controller as bytes.

import { t } from "../kit/js/texts.js";
import { AnswerReader, BadAnswer, FORMS, Frames125k, GET_USB_TYPE, SEARCH_TAG, SET_ALL_TAG_TYPES, beep, encode, hexOf } from "./reader_frames.js";

const BAUD_RATE = 9_600; // of readers with a UART; those on USB do not care
const FORM_MS = 300; // for an answer in a form that the reader may not speak
const FORM_SLOW_MS = 1_200; // the second time, where its USB identity says that it is a TWN4
const ELATEC = 0x09d8; // USB vendor
const ANSWER_MS = 600;
const POLL_MS = 60;
const MISSED_MAX = 5; // answers in a row that do not come
const AGAIN_MS = 2_000; // from when a tap ended until the same badge counts again: docs/readers.md
const FLICKER_MS = 1_000; // a badge that was out of sight for less was held there all the time
const GONE_MS = 400; // a badge that was out of sight for more was away, be it for a moment
const COUNTED_MAX = 16; // numbers that were read too seldom until now; what reads more is noise
const TWN4_READS = 2; // low-frequency badges have parity bits alone to tell noise from a number
const TONE = { percent: 60, hertz: 2_400, onMs: 120, offMs: 0 };
const TAG_THERE = 1;

export function hasWebSerial() {
  return "serial" in navigator;
}

/** The reader that was allowed before if there is just one, else whichever a person chooses now, as with `anew`; null:
 * none. Within a click. */
export async function chosenPort(anew = false) {
  const known = anew ? [] : await navigator.serial.getPorts();
  if (known.length === 1) return known[0];
  try {
    return await navigator.serial.requestPort();
  } catch (error) {
    if (error.name === "NotFoundError") return null; // the person has closed the browser's list
    throw error;
  }
}

/** An open reader: `for await (const reading of reader.taps())`, each `{reader, data}`; `accept()` sounds; `close()`. */
export class OwnReader {
  constructor(port) {
    this.line = new SerialLine(port);
    this.form = null;
  }

  async open() {
    await this.line.open();
    this.form = await findForm(this.line);
    if (this.form) await this._ask(SET_ALL_TAG_TYPES);
  }

  async *taps() {
    const presence = new Presence(this.form ? TWN4_READS : 1);
    const frames = new Frames125k();
    while (!this.line.isClosed) {
      for (const data of this.form ? await this._search() : frames.feed(await this.line.wait(ANSWER_MS))) {
        if (presence.isTap(hexOf(data), performance.now())) yield { reader: this.form ? "twn4" : "ascii125k", data: hexOf(data) };
      }
    }
  }

  async accept() {
    if (this.form && !this.line.isClosed) await this._ask(beep(TONE));
  }

  async close() {
    await this.line.close();
  }

  async _search() {
    await pause(POLL_MS);
    if (this.line.isClosed) return [];
    const answer = await this._ask(SEARCH_TAG);
    return answer[1] === TAG_THERE ? [answer] : [];
  }

  async _ask(command) {
    for (let missed = 0; missed < MISSED_MAX && !this.line.isClosed; missed += 1) {
      const answer = await askOnce(this.line, this.form, command, ANSWER_MS);
      if (answer) return answer;
    }
    if (this.line.isClosed) return new Uint8Array();
    throw new Error(t("ownreader.silent"));
  }
}

/** Whether what is seen is a badge that was held there just now. The same as readers/presence.py. */
class Presence {
  constructor(reads) {
    this.reads = reads;
    this.counts = new Map(); // how often each was read: of two badges in one wallet a reader tells one after the other
    this.known = new Map(); // badges of the last two seconds: when each was seen, and when as a tap
  }

  isTap(key, nowMs) {
    this._forget(nowMs);
    const known = this.known.get(key);
    if (!known) {
      if (!this._isSure(key)) return false;
      this.known.set(key, { seenMs: nowMs, tapMs: nowMs, isTap: true, backMs: Infinity });
      return true;
    }
    const awayMs = nowMs - known.seenMs;
    known.seenMs = nowMs;
    if (awayMs > GONE_MS) known.backMs = nowMs; // and held for as long as that while it was no flicker
    if (awayMs >= FLICKER_MS) known.isTap = false;
    const counts = nowMs - known.backMs >= AGAIN_MS || (!known.isTap && nowMs - known.tapMs >= AGAIN_MS);
    if (counts) {
      known.isTap = true;
      known.backMs = Infinity;
    }
    if (known.isTap) known.tapMs = nowMs;
    return counts;
  }

  _isSure(key) {
    const count = (this.counts.get(key) ?? 0) + 1;
    if (this.counts.size >= COUNTED_MAX) this.counts.clear();
    if (count < this.reads) this.counts.set(key, count);
    else this.counts.delete(key);
    return count >= this.reads;
  }

  _forget(nowMs) {
    for (const [key, known] of this.known) {
      if (nowMs - known.seenMs >= AGAIN_MS) this.known.delete(key);
    }
  }
}

/** A serial port as somebody sees it who waits for bytes, with a limit. */
class SerialLine {
  constructor(port) {
    this.port = port;
    this.held = [];
    this.isClosed = false;
    this.lost = null;
    this.came = () => {};
  }

  async open() {
    try {
      await this.port.open({ baudRate: BAUD_RATE });
    } catch (error) {
      throw new Error(t("ownreader.busy", { why: error.message }));
    }
    this.reader = this.port.readable.getReader();
    this.writer = this.port.writable.getWriter();
    this.reading = this._read();
  }

  /** All that has come, waiting for it at most so long. */
  async wait(limitMs) {
    if (!this.held.length && !this.lost && !this.isClosed) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        this.came = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    if (!this.held.length && this.lost && !this.isClosed) throw this.lost;
    return this.held.splice(0);
  }

  drop() {
    this.held = [];
  }

  async send(data) {
    await this.writer.write(data);
  }

  async close() {
    if (this.isClosed) return;
    this.isClosed = true;
    this.came();
    if (!this.reader) return;
    await this.reader.cancel().catch(() => {}); // unplugged: there is nothing left to cancel
    await this.reading;
    this.writer.releaseLock();
    await this.port.close().catch(() => {});
  }

  async _read() {
    try {
      for (;;) {
        const { value, done } = await this.reader.read();
        if (done) break;
        this.held.push(...value);
        this.came();
      }
    } catch {
      // the browser's own words for a reader that was pulled out; ours are below
    }
    this.reader.releaseLock();
    this.lost = new Error(t("ownreader.lost"));
    this.came();
  }
}

/** What a TWN4 speaks; null: it is none, and talks by itself when a badge comes. */
async function findForm(line) {
  const isTwn4 = line.port.getInfo().usbVendorId === ELATEC;
  for (const limitMs of isTwn4 ? [FORM_MS, FORM_SLOW_MS] : [FORM_MS]) {
    for (const form of Object.values(FORMS)) {
      if (line.isClosed || (await speaks(line, form, limitMs))) return form;
    }
  }
  if (isTwn4) throw new Error(t("ownreader.no_prs"));
  return null;
}

async function speaks(line, form, limitMs) {
  if (!form.binary) await line.send(Uint8Array.of(0x0d)); // ends what it may still hold of another form
  const answer = await askOnce(line, form, GET_USB_TYPE, limitMs, true);
  return answer !== null;
}

/** One command, its answer with status NONE; null if none came in time. `patient`: errors before it are passed over. */
async function askOnce(line, form, command, limitMs, patient = false) {
  line.drop();
  await line.send(encode(form, command));
  const answers = new AnswerReader(form);
  const endMs = performance.now() + limitMs;
  while (performance.now() < endMs && !line.isClosed) {
    let data = await line.wait(endMs - performance.now());
    for (;;) {
      const answer = nextAnswer(answers, data);
      data = [];
      if (answer === null) break;
      if (answer && answer[0] === 0) return answer;
      if (!patient) return null;
    }
  }
  return null;
}

/** The next whole answer; false for one that cannot be read. */
function nextAnswer(answers, data) {
  try {
    return answers.feed(data);
  } catch (error) {
    if (error instanceof BadAnswer) return false;
    throw error;
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
