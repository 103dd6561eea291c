// State, reasons and the countdown. Old state is never shown as present: without a live view the bar says so.

import { byId, el, fill, setText } from "./dom.js";
import { age, countdown, dayEt, ms, secondsEt, sentence } from "./format.js";

const STATES = {
  quoting: ["QUOTING", "good"],
  standing_down: ["STANDING DOWN", "bad"],
  waiting: ["WAITING", "idle"],
  starting: ["STARTING", "warn"],
};
const REASONS_SHOWN = 4;

// The state at this instant. The view may be a second old: what it calls quoting ends with the freeze, seen or not.
export function stateNow({ view, live, nowMs }) {
  if (!live) return "";
  const isOpen = view.windows.some((window) => ms(window.start_ns) <= nowMs && nowMs < ms(window.freeze_ns));
  return view.state === "quoting" && !isOpen ? "waiting" : view.state;
}

export function showTop(page) {
  const { view, live } = page;
  document.body.classList.toggle("away", !live);
  const state = stateNow(page);
  const [name, kind] = live ? (STATES[state] ?? [state, "warn"]) : ["NOT LIVE", "bad"];
  setText("state", name);
  byId("state-dot").className = `dot ${kind}`;
  byId("state").className = kind;
  showWhy(page, state);
  fill("badges", ...badges(view));
  fill("facts", ...facts(view));
  document.title = `${live ? name : "not live"} · kalshi-alpha`;
}

export function showBanner(page) {
  const text = bannerText(page);
  byId("banner").hidden = text === "";
  setText("banner", text);
}

export function showClock(page) {
  const { view, live } = page;
  const window = live ? view.window : null;
  if (!window) {
    setText("clock-label", live ? "no further window today" : "");
    setText("count", "--:--:--");
  } else {
    const [what, until] = target(window, page.nowMs);
    setText("clock-label", `${window.series.join(" + ")} · ${window.label} · ${what}`);
    setText("count", countdown(until - page.nowMs));
  }
  setText("now", live ? `${dayEt(page.nowMs * 1e6)} ${secondsEt(page.nowMs * 1e6)} ET` : "");
}

// The next boundary at this instant, whatever state the last view gave: a view may be a second old.
function target(window, nowMs) {
  if (nowMs < ms(window.start_ns)) return ["opens in", ms(window.start_ns)];
  if (nowMs < ms(window.freeze_ns)) return ["freeze in", ms(window.freeze_ns)];
  return ["frozen, settles in", ms(window.target_ns)];
}

function showWhy({ view, live }, state) {
  const reasons = !live ? [] : state === view.state ? view.reasons.map(sentence) : ["Frozen until the target"];
  const more = reasons.length - REASONS_SHOWN;
  const shown = reasons.slice(0, REASONS_SHOWN);
  if (more > 0) shown.push(`and ${more} more`);
  fill("why", ...shown.map((text) => el("span", { title: text }, text)));
  byId("facts").hidden = reasons.length > 1;
}

function badges(view) {
  if (!view) return [];
  const made = [];
  if (view.clock_speed !== 1) made.push(el("span", { class: "badge sim", title: "simulated time" }, `SIM ×${Number(view.clock_speed.toPrecision(3))}`));
  made.push(el("span", { class: view.mode === "live" ? "badge money" : "badge" }, view.mode.toUpperCase()));
  return made;
}

function facts(view) {
  if (!view) return [];
  const started = view.restart_s === null ? "no order placed yet" : `first order ${view.restart_s.toFixed(1)} s after the process started, the wait for a window included`;
  return [
    el("span", {}, `${view.quotes_placed.toLocaleString("en-US")} quotes placed`),
    el("span", { title: `this process is number ${view.epoch}: ${started}` }, `epoch ${view.epoch}`),
  ];
}

function bannerText({ view, live, state, consoleLost, ageMs }) {
  if (consoleLost) return "Connection to the console lost — nothing below is live. If it stays so, open the address the console prints at its start.";
  if (!state || live) return "";
  const last = view ? ` Last view ${age(ageMs)} old, from ${secondsEt(view.utc_ns)} ET: nothing below is live.` : " No view has come yet.";
  if (!state.reachable) return `Trading process not running — restarting?${last} Cause: ${state.note}.`;
  return `Trading process is silent.${last}`;
}
