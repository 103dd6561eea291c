// Index level by leg over the last minutes. A leg's silence of more than a few seconds is a gap, not a line.

import uPlot from "./vendor/uplot/uPlot.esm.js";
import { byId, setText } from "./dom.js";
import { ms, secondsEt, timeEt } from "./format.js";
import { chosenLadder } from "./ladder.js";

const HEIGHT = 178;
const GAP_S = 5;
const LEGS = ["polygon", "massive"];
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let plot = null;

export function showChart({ view }) {
  const symbol = chosenLadder(view)?.symbol ?? Object.keys(view?.levels ?? {})[0] ?? null;
  const points = symbol ? (view.levels[symbol] ?? []) : [];
  setText("h-chart", symbol ? `${symbol} by leg` : "Index level");
  byId("chart-empty").hidden = points.length > 0;
  byId("chart-legend").hidden = points.length === 0;
  byId("chart").hidden = points.length === 0;
  if (points.length === 0) return;
  plot ??= made();
  plot.setData(aligned(points));
}

// One x axis for both legs. undefined: the other leg's instant, the line goes on; null: a gap.
function aligned(points) {
  const xs = [];
  const series = LEGS.map(() => []);
  const last = LEGS.map(() => null);
  for (const [ns, value, leg] of points) {
    const x = ms(ns) / 1000;
    const own = LEGS.indexOf(leg);
    if (own < 0) continue;
    if (last[own] !== null && x - last[own] > GAP_S) push(xs, series, own, (last[own] + x) / 2, null);
    push(xs, series, own, x, value);
    last[own] = x;
  }
  const order = xs.map((_, i) => i).sort((a, b) => xs[a] - xs[b]);
  return [order.map((i) => xs[i]), ...series.map((values) => order.map((i) => values[i]))];
}

function push(xs, series, own, x, value) {
  xs.push(x);
  series.forEach((values, i) => values.push(i === own ? value : undefined));
}

function made() {
  const host = byId("chart");
  const axis = { stroke: color("--dim"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  const line = (leg) => ({ label: leg, stroke: color(`--${leg}`), width: 1.5, points: { show: false } });
  const times = (_, splits, __, ___, step) => splits.map((s) => (step < 60 ? secondsEt(s * 1e9) : timeEt(s * 1e9)));
  const options = {
    width: host.clientWidth || 600, height: HEIGHT, legend: { show: false }, cursor: { y: false, drag: { setScale: false } },
    series: [{}, ...LEGS.map(line)],
    axes: [{ ...axis, size: 28, values: times, space: 80 }, { ...axis, size: 64, values: (_, splits) => splits.map((v) => v.toLocaleString("en-US")) }],
  };
  const drawn = new uPlot(options, [[], [], []], host);
  new ResizeObserver(() => host.clientWidth && drawn.setSize({ width: host.clientWidth, height: HEIGHT })).observe(host);
  return drawn;
}
