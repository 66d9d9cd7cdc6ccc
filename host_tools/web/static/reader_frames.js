// Bytes of badge readers, cut into what is whole: frames of 125 kHz readers, and the TWN4's Simple Protocol in its four
// forms. Pure. What a number means is decided by the controller alone (docs/readers.md); here it is bytes.

const START = 0x02;
const END = 0x03;
const RETURN = 0x0d;
const FRAME_DIGITS = 12; // five bytes and their check
const FRAME_BYTES_MAX = FRAME_DIGITS + 4;
const ANSWER_BYTES_MAX = 512;
const ENDS = ["03", "0d0a03"];

/** How a TWN4's firmware can have been built. */
export const FORMS = { ascii: { binary: false, crc: false }, "ascii-crc": { binary: false, crc: true }, binary: { binary: true, crc: false }, "binary-crc": { binary: true, crc: true } };
export const GET_USB_TYPE = Uint8Array.of(0x00, 0x05);
export const SEARCH_TAG = Uint8Array.of(0x05, 0x00, 0x10); // at most 16 bytes of a number
export const SET_ALL_TAG_TYPES = Uint8Array.of(0x05, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);

export class BadAnswer extends Error {}

/** `feed` gives the frames that are whole, as bytes; what does not fit is passed over and counted. */
export class Frames125k {
  constructor() {
    this.held = [];
    this.badFrames = 0;
  }

  feed(data) {
    this.held.push(...data);
    const found = [];
    for (let start = this.held.indexOf(START); start >= 0; start = this.held.indexOf(START)) {
      this.held.splice(0, start);
      const end = this.held.indexOf(END);
      if (end < 0 && this.held.length < FRAME_BYTES_MAX) return found;
      const frame = end >= 0 && end < FRAME_BYTES_MAX ? this.held.slice(0, end + 1) : [];
      if (isFrame(frame)) {
        found.push(Uint8Array.from(frame));
        this.held.splice(0, end + 1);
      } else {
        this.badFrames += 1;
        this.held.shift();
      }
    }
    this.held = [];
    return found;
  }
}

/** CRC-16/MCRF4XX, low byte first. */
export function crc(data) {
  let value = 0xffff;
  for (const byte of data) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value >> 1) ^ (value & 1 ? 0x8408 : 0);
  }
  return [value & 0xff, value >> 8];
}

/** A command as it is sent. */
export function encode({ binary, crc: checked }, message) {
  const whole = checked ? [...message, ...crc(message)] : [...message];
  return binary ? Uint8Array.from([whole.length & 0xff, whole.length >> 8, ...whole]) : new TextEncoder().encode(`${hexOf(whole).toUpperCase()}\r`);
}

/** The command for a tone. */
export function beep({ percent, hertz, onMs, offMs }) {
  return Uint8Array.from([0x04, 0x07, percent, ...[hertz, onMs, offMs].flatMap((number) => [number & 0xff, number >> 8])]);
}

/** Takes bytes until an answer is whole: `feed` gives it without its wrapping, or null; BadAnswer for what is none. */
export class AnswerReader {
  constructor(form) {
    this.form = form;
    this.held = [];
  }

  feed(data) {
    this.held.push(...data);
    const whole = this.form.binary ? this._cutBinary() : this._cutLine();
    if (whole === null && this.held.length > 2 * ANSWER_BYTES_MAX) this._refuse("more bytes than any answer has");
    if (whole === null || !this.form.crc) return whole && Uint8Array.from(whole);
    const message = whole.slice(0, -2);
    if (whole.length < 2 || hexOf(crc(message)) !== hexOf(whole.slice(-2))) throw new BadAnswer("an answer whose check is wrong");
    return Uint8Array.from(message);
  }

  _cutLine() {
    const end = this.held.indexOf(RETURN);
    if (end < 0) return null;
    const line = String.fromCharCode(...this.held.splice(0, end + 1).slice(0, -1));
    if (!/^([0-9A-Fa-f]{2})*$/.test(line)) throw new BadAnswer("a line that is not hexadecimal");
    return bytesOf(line);
  }

  _cutBinary() {
    if (this.held.length < 2) return null;
    const length = this.held[0] | (this.held[1] << 8);
    if (length > ANSWER_BYTES_MAX) this._refuse("an answer that is too long");
    return this.held.length < 2 + length ? null : this.held.splice(0, 2 + length).slice(2);
  }

  _refuse(why) {
    this.held = [];
    throw new BadAnswer(why);
  }
}

export function hexOf(data) {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function bytesOf(hex) {
  return (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
}

function isFrame(frame) {
  const digits = String.fromCharCode(...frame.slice(1, 1 + FRAME_DIGITS));
  if (!/^[0-9A-Fa-f]{12}$/.test(digits) || !ENDS.includes(hexOf(frame.slice(1 + FRAME_DIGITS)))) return false;
  return bytesOf(digits).reduce((sum, byte) => sum ^ byte, 0) === 0;
}
