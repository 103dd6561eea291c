// The page's loop: take the latest state from the console, draw it once a frame, keep the clocks running in between.

import { showAlerts } from "./alerts.js";
import { showLatches, showStop, wireActions } from "./actions.js";
import { showChart } from "./chart.js";
import { showFeeds } from "./feeds.js";
import { showLadder, wireLadder } from "./ladder.js";
import { showMaintenance } from "./maintenance.js";
import { showOrders } from "./orders.js";
import { showBanner, showClock, showTop, stateNow } from "./topbar.js";

const SILENT_MS = 5_000; // The trading process sends a view at least once a second.
const TICK_MS = 200;
const RECONNECT_MS = 2_000;

let state = null;
let receivedMs = 0;
let consoleLost = false;
let frame = 0;
let drawnState = null; // "": not live.

// Everything a panel needs, at this instant. nowMs runs on from the view's time with the view's speed.
function page() {
  const view = state?.view ?? null;
  const ageMs = view ? state.view_age_ms + (performance.now() - receivedMs) : null;
  const live = view !== null && state.reachable && !consoleLost && ageMs < SILENT_MS;
  const nowMs = view ? view.utc_ns / 1e6 + (live ? ageMs * view.clock_speed : 0) : 0;
  return { state, view, live, ageMs, nowMs, consoleLost };
}

function draw() {
  frame = 0;
  const present = page();
  drawnState = stateNow(present);
  showTop(present);
  showAlerts(present);
  showFeeds(present);
  showLadder(present);
  showChart(present);
  showOrders(present);
  showMaintenance(present);
  tick(present);
}

function tick(present) {
  showBanner(present);
  showClock(present);
  showStop(present);
  showLatches(present);
}

function changed() {
  frame ||= requestAnimationFrame(draw);
}

function connect() {
  const source = new EventSource("/api/events");
  source.onmessage = (event) => {
    state = JSON.parse(event.data);
    receivedMs = performance.now();
    consoleLost = false;
    changed();
  };
  source.onerror = () => {
    consoleLost = true;
    changed();
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RECONNECT_MS);
  };
}

wireActions(changed);
wireLadder(changed);
connect();
draw();
setInterval(() => {
  const present = page();
  if (stateNow(present) === drawnState) tick(present);
  else changed();
}, TICK_MS);
