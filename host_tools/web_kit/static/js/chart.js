// Small charts as SVG: a line over time, a share of a whole. Each has a text beside it for those who do not see it.

import { s } from "./dom.js";

const WIDTH = 480;
const HEIGHT = 160;
const LEFT = 44;
const BOTTOM = 24;
const TOP = 10;

/**
 * A line. `points`: `[[x, y], …]` in order of x; `label`: what it says in one sentence; `limit`: a dashed line;
 * `xText`, `yText`: how values are written.
 */
export function lineChart(points, { label, limit = null, xText = String, yText = String, yMin = null, yMax = null }) {
  const ys = [...points.map(([, y]) => y), ...(limit === null ? [] : [limit])];
  const low = yMin ?? Math.min(...ys);
  const high = (yMax ?? Math.max(...ys)) || 1;
  const xs = points.map(([x]) => x);
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const x = (value) => LEFT + ((WIDTH - LEFT - 8) * (value - first)) / (last - first || 1);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low || 1));
  const path = points.map(([a, b], at) => `${at ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");
  const chart = frame(label);
  if (!points.length) return chart;
  chart.append(
    s("path", { class: "area", d: `${path}L${x(last).toFixed(1)} ${HEIGHT - BOTTOM}L${x(first).toFixed(1)} ${HEIGHT - BOTTOM}Z` }),
    s("path", { class: "line", d: path }),
    ...[low, high].map((value) => s("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, yText(value))),
    s("text", { x: LEFT, y: HEIGHT - 6 }, xText(first)),
    s("text", { x: WIDTH - 8, y: HEIGHT - 6, "text-anchor": "end" }, xText(last)),
  );
  if (limit !== null) chart.append(s("line", { class: "limit", x1: LEFT, x2: WIDTH - 8, y1: y(limit), y2: y(limit) }));
  return chart;
}

/** Parts of a whole as one bar: `parts`: `[value, …]`, what is left of `whole` stays empty. */
export function shareChart(parts, whole, { label }) {
  const chart = s("svg", { class: "chart", viewBox: `0 0 ${WIDTH} 18`, role: "img", "aria-label": label, preserveAspectRatio: "none" });
  chart.append(s("rect", { x: 0, y: 0, width: WIDTH, height: 18, rx: 5, class: "slice-2" }));
  let from = 0;
  parts.forEach((value, at) => {
    const width = whole > 0 ? Math.min(WIDTH - from, (WIDTH * value) / whole) : 0;
    if (width > 0) chart.append(s("rect", { x: from, y: 0, width, height: 18, rx: 2, class: `slice-${at}` }));
    from += width;
  });
  return chart;
}

function frame(label) {
  return s(
    "svg",
    { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    s("line", { class: "axis", x1: LEFT, x2: WIDTH - 8, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }),
  );
}
