// Where a recording was made: its track on a grid with a scale, or on a map's tiles where the destination has an address
// for them. In Web Mercator, as tiles are. Pictures come from elsewhere only then.

import { fill, h, s } from "../kit/js/dom.js";
import { t } from "../kit/js/texts.js";

const WIDTH = 640;
const HEIGHT = 400;
const MARGIN = 48;
const SPAN_M_MIN = 40; // a camera that stood still is not drawn as its receiver's noise
const TILE_PX = 256;
const ZOOM_MAX = 19;
const EARTH_M = 40_075_016.686; // around the equator, WGS 84
const STEPS = [1, 2, 5];

export class Trail {
  /** `points`: `[{latitude, longitude, seconds}]`; `onPick(seconds)`: somebody clicked on the track. */
  constructor(holder, points, { tiles = "", attribution = "", onPick }) {
    this.points = points;
    this.frame = frameOf(points);
    this.at = s("circle", { class: "now", r: 7, hidden: true });
    this.text = h("p", { class: "muted small", id: "trail-text" });
    const line = points.map((point) => this._place(point).join(",")).join(" ");
    const [first, last] = [this._place(points[0]), this._place(points.at(-1))];
    const drawing = s(
      "svg",
      { class: "trail", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": this._label() },
      tiles ? this._tiles(tiles) : this._grid(),
      s("polyline", { class: "path-under", points: line }),
      s("polyline", { class: "path", points: line }),
      s("circle", { class: "first", cx: first[0], cy: first[1], r: 6 }),
      s("rect", { class: "last", x: last[0] - 5, y: last[1] - 5, width: 10, height: 10 }),
      this.at,
      this._scale(),
    );
    drawing.addEventListener("click", (event) => onPick(this._nearest(drawing, event)));
    fill(holder, drawing, attribution && tiles ? h("p", { class: "muted small attribution" }, attribution) : null, this.text);
    this.show(0);
  }

  /** The camera's place at that second of the recording. */
  show(seconds) {
    const timed = this.points.filter((point) => point.seconds !== null);
    const point = timed.findLast((each) => each.seconds <= seconds + 0.001) ?? timed[0] ?? this.points[0];
    const [x, y] = this._place(point);
    this.at.removeAttribute("hidden");
    this.at.setAttribute("cx", x);
    this.at.setAttribute("cy", y);
    const text = t("trail.at", { latitude: point.latitude.toFixed(5), longitude: point.longitude.toFixed(5) });
    if (this.text.textContent !== text) this.text.textContent = text;
  }

  _place(point) {
    const [x, y] = world(point.latitude, point.longitude);
    const { left, top, pxPerWorld } = this.frame;
    return [round((x - left) * pxPerWorld), round((y - top) * pxPerWorld)];
  }

  _label() {
    const [first, last] = [this.points[0], this.points.at(-1)];
    const say = (point) => `${point.latitude.toFixed(4)}, ${point.longitude.toFixed(4)}`;
    return t("trail.label", { n: this.points.length, first: say(first), last: say(last) });
  }

  _grid() {
    const step = this.frame.stepM * this.frame.pxPerM;
    const lines = [];
    for (let x = (WIDTH / 2) % step; x <= WIDTH; x += step) lines.push(s("line", { x1: x, y1: 0, x2: x, y2: HEIGHT }));
    for (let y = (HEIGHT / 2) % step; y <= HEIGHT; y += step) lines.push(s("line", { x1: 0, y1: y, x2: WIDTH, y2: y }));
    return s("g", { class: "grid" }, lines);
  }

  _tiles(address) {
    const { left, top, pxPerWorld } = this.frame;
    const zoom = Math.max(0, Math.min(ZOOM_MAX, Math.round(Math.log2(pxPerWorld / TILE_PX))));
    const many = 2 ** zoom;
    const side = pxPerWorld / many;
    const pictures = [];
    const rows = [Math.max(0, Math.floor(top * many)), Math.min(many - 1, Math.floor((top + HEIGHT / pxPerWorld) * many))];
    for (let x = Math.floor(left * many); x <= Math.floor((left + WIDTH / pxPerWorld) * many); x += 1) {
      for (let y = rows[0]; y <= rows[1]; y += 1) {
        const href = address.replace("{z}", zoom).replace("{x}", ((x % many) + many) % many).replace("{y}", y);
        pictures.push(s("image", { href, x: x * side - left * pxPerWorld, y: y * side - top * pxPerWorld, width: side + 0.5, height: side + 0.5 }));
      }
    }
    return s("g", { class: "tiles" }, pictures);
  }

  _scale() {
    const px = this.frame.stepM * this.frame.pxPerM;
    const y = HEIGHT - 16;
    const text = this.frame.stepM >= 1000 ? t("trail.km", { n: this.frame.stepM / 1000 }) : t("trail.m", { n: this.frame.stepM });
    return s(
      "g",
      { class: "scale" },
      s("rect", { x: 8, y: y - 22, width: px + 24, height: 32, rx: 4 }),
      s("path", { d: `M 16 ${y - 6} V ${y} H ${16 + px} V ${y - 6}` }),
      s("text", { x: 20, y: y - 7 }, text),
      s("text", { class: "north", x: WIDTH - 24, y: 26 }, "N"),
      s("path", { class: "north", d: `M ${WIDTH - 18} 50 V 32 M ${WIDTH - 23} 38 L ${WIDTH - 18} 32 L ${WIDTH - 13} 38` }),
    );
  }

  _nearest(drawing, event) {
    const box = drawing.getBoundingClientRect();
    const x = ((event.clientX - box.left) * WIDTH) / box.width;
    const y = ((event.clientY - box.top) * HEIGHT) / box.height;
    let found = { far: Infinity, seconds: 0 };
    for (const point of this.points) {
      const [px, py] = this._place(point);
      const far = (px - x) ** 2 + (py - y) ** 2;
      if (point.seconds !== null && far < found.far) found = { far, seconds: point.seconds };
    }
    return found.seconds;
  }
}

/** The part of the world that is drawn. */
function frameOf(points) {
  const places = points.map((point) => world(point.latitude, point.longitude));
  const [xs, ys] = [places.map(([x]) => x), places.map(([, y]) => y)];
  const box = { left: least(xs), right: -least(xs.map((x) => -x)), top: least(ys), bottom: -least(ys.map((y) => -y)) };
  const middle = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  const worldM = EARTH_M * Math.cos((latitudeOf(middle[1]) * Math.PI) / 180); // metres around the world there
  const spanMin = SPAN_M_MIN / worldM;
  const pxPerWorld = Math.min((WIDTH - 2 * MARGIN) / Math.max(box.right - box.left, spanMin), (HEIGHT - 2 * MARGIN) / Math.max(box.bottom - box.top, spanMin));
  const pxPerM = pxPerWorld / worldM;
  return { left: middle[0] - WIDTH / 2 / pxPerWorld, top: middle[1] - HEIGHT / 2 / pxPerWorld, pxPerWorld, pxPerM, stepM: stepOf(90 / pxPerM) };
}

/** Web Mercator, 0 to 1 from the north-west. */
function world(latitude, longitude) {
  const sine = Math.sin((Math.max(-85.05, Math.min(85.05, latitude)) * Math.PI) / 180);
  return [longitude / 360 + 0.5, 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)];
}

function latitudeOf(y) {
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;
}

/** 1, 2 or 5 times a power of ten, the nearest below. */
function stepOf(metres) {
  const power = 10 ** Math.floor(Math.log10(metres));
  return Math.max(1, STEPS.findLast((step) => step * power <= metres) * power);
}

function least(values) {
  return values.reduce((one, other) => Math.min(one, other), Infinity);
}

function round(value) {
  return Math.round(value * 10) / 10;
}
