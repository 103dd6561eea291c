// Index level by leg over the last minutes. A leg's silence of more than a few seconds is a gap, not a line.

import uPlot from "./vendor/uplot/uPlot.esm.js";
import { byId, setText } from "./dom.js";
import { ms, secondsEt, timeEt } from "./format.js";
import { chosenLadder } from "./ladder.js";

const HEIGHT = 178;
const GAP_S = 5;
const SPAN_NS = 900e9; // Older values would only squeeze the present ones.
const LEGS = ["polygon", "massive"];
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let plot = null;

export function showChart({ view }) {
  const symbol = chosenLadder(view)?.symbol ?? Object.keys(view?.levels ?? {})[0] ?? null;
  const points = symbol ? (view.levels[symbol] ?? []).filter(([ns]) => ns >= view.utc_ns - SPAN_NS) : [];
  setText("h-chart", symbol ? `${symbol} by leg` : "Index level");
  byId("chart-empty").hidden = points.length > 0;
  byId("chart-legend").hidden = points.length === 0;
  byId("chart").hidden = points.length === 0;
  if (points.length === 0) return;
  plot ??= made();
  plot.setData(aligned(points));
}

// One x axis for both legs. undefined: the other leg's instant, the line goes on; null: a gap. All of a gap has to be null, since
// the plot ends it at the next value that isn't.
function aligned(points) {
  const xs = [...new Set(points.map(([ns]) => ms(ns) / 1000))].sort((a, b) => a - b);
  const broken = xs.flatMap((x, i) => (i + 1 < xs.length && xs[i + 1] - x > GAP_S ? [x, (x + xs[i + 1]) / 2] : [x]));
  return [broken, ...LEGS.map((leg) => line(points.filter((point) => point[2] === leg), broken))];
}

function line(points, xs) {
  const values = new Map(points.map(([ns, value]) => [ms(ns) / 1000, value]));
  const own = [...values.keys()].sort((a, b) => a - b);
  let next = 0;
  return xs.map((x) => {
    if (values.has(x)) next += 1;
    else if (next > 0 && next < own.length && own[next] - own[next - 1] > GAP_S) return null;
    return values.get(x);
  });
}

function made() {
  const host = byId("chart");
  const axis = { stroke: color("--dim"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  const stroke = (leg) => ({ label: leg, stroke: color(`--${leg}`), width: 1.5, points: { show: false } });
  const times = (_, splits, __, ___, step) => splits.map((s) => (step < 60 ? secondsEt(s * 1e9) : timeEt(s * 1e9)));
  const options = {
    width: host.clientWidth || 600, height: HEIGHT, legend: { show: false }, cursor: { y: false, drag: { setScale: false } },
    series: [{}, ...LEGS.map(stroke)],
    axes: [{ ...axis, size: 28, values: times, space: 80 }, { ...axis, size: 64, values: (_, splits) => splits.map((v) => v.toLocaleString("en-US")) }],
  };
  const drawn = new uPlot(options, [[], [], []], host);
  new ResizeObserver(() => host.clientWidth && drawn.setSize({ width: host.clientWidth, height: HEIGHT })).observe(host);
  return drawn;
}
