// The left column: both legs, which of them is active and was, the day's windows, the exchange.

import { dot, el, empty, fill, list, setText, table } from "./dom.js";
import { NONE, age, level, ms, secondsEt, timeEt, zoneEt } from "./format.js";

const SPAN_MS = 3_600_000;
const VERDICTS = { FRESH: "good", LATE: "warn", STALE: "bad", SUSPECT: "bad", DOWN: "bad" };
const LEGS = ["polygon", "massive"];

export function showFeeds(page) {
  showLegs(page.view);
  showTimeline(page);
  showWindows(page.view);
  showExchange(page);
}

function showLegs(view) {
  const feed = view?.feed;
  if (!feed) return fill("feeds", empty("No feed connected yet."));
  const agree = feed.agree ? "legs agree" : "legs DISAGREE";
  fill("feeds",
    ...feed.legs.map((leg) => legBlock(leg, feed)),
    el("p", { class: feed.agree ? "note" : "note bad" }, `${agree}, apart ${feed.divergence_bp.toFixed(2)} bp`),
    ...feed.further.map((leg) => legBlock(leg, feed, "WITNESS")),
    el("p", { class: "note" }, redundancy(feed)),
    ...Object.entries(view.feed_snapshots).map(([name, words]) => el("p", { class: "note" }, `${name.replace("I:", "")}: ${words}`)));
}

// A leg that failed serves again when it has been fresh without a miss for the recovery time.
function legState(leg, feed) {
  if (!leg.connected) return ["bad", "disconnected"];
  if (leg.stale) return ["bad", `stale ${age(leg.age_ms)}`];
  const isNeeded = feed.active === "none" || (feed.active === "massive" && leg.leg === "polygon");
  if (!isNeeded || leg.steady_ms === null || leg.steady_ms >= feed.recovery_ms) return ["good", `fresh ${age(leg.age_ms)}`];
  return ["warn", `recovering, ${Math.floor(leg.steady_ms / 1000)} of ${Number((feed.recovery_ms / 1000).toFixed(1))} s`];
}

function redundancy(feed) {
  const vendors = [...new Set(feed.legs.map((leg) => leg.vendor))];
  const others = [...new Set(feed.further.map((leg) => leg.vendor))].filter((vendor) => !vendors.includes(vendor));
  const watched = others.length ? ` Held against ${others.join(" and ")}.` : "";
  return (feed.redundancy === "source" ? `The legs carry the data of ${vendors.join(" and ")}: source redundancy.`
    : `Both legs carry ${vendors[0]}'s data: path redundancy, not source redundancy.`) + watched;
}

function legBlock(leg, feed, role = "") {
  const slo = `SLO ${(leg.slo_ms / 1000).toFixed(1)} s`;
  const [kind, words] = legState(leg, feed);
  const head = el("div", { class: "leg", title: `${leg.vendor}, by ${leg.path}` }, dot(kind), el("b", { class: leg.leg }, leg.leg), el("span", { class: kind }, words), el("small", {}, slo),
    leg.leg === feed.active ? el("span", { class: "badge active" }, "ACTIVE") : role ? el("span", { class: "badge" }, role) : null);
  const symbols = Object.entries(leg.symbols).map(([symbol, one]) =>
    el("div", { class: "symbol", title: one.note || null }, dot(`${VERDICTS[one.verdict] ?? "bad"} small`), el("span", {}, symbol.replace("I:", "")),
      el("span", { class: `verdict ${VERDICTS[one.verdict] ?? "bad"}` }, one.verdict),
      el("span", { class: "num" }, level(one.level)),
      el("span", { class: one.stale ? "num bad" : "num" }, age(one.age_ms)),
      el("span", { class: "num dim" }, one.event_lag_ms === null ? NONE : `lag ${one.event_lag_ms} ms`)));
  return el("div", { class: "legs" }, head, ...symbols);
}

function showTimeline({ view, nowMs }) {
  if (!view || view.feed_timeline.length === 0) return fill("timeline", empty("No feed has been active yet."));
  const from = nowMs - SPAN_MS;
  const at = (ns) => Math.min(1, Math.max(0, (ms(ns) - from) / SPAN_MS));
  const changes = view.feed_timeline;
  const parts = changes
    .map(([ns, leg], i) => ({ leg, start: at(ns), end: i + 1 < changes.length ? at(changes[i + 1][0]) : 1 }))
    .filter((part) => part.end > part.start);
  const words = changes.slice(-6).map(([ns, leg]) => `${secondsEt(ns)} ${leg}`).join(", ");
  const [lastNs, lastLeg] = changes[changes.length - 1];
  fill("timeline",
    el("div", { class: "bar", role: "img", "aria-label": `Active feed, last changes: ${words}` },
      ...parts.map((part) => el("span", { class: LEGS.includes(part.leg) ? part.leg : "none", at: [part.start, part.end], title: part.leg }))),
    el("div", { class: "ends" }, el("span", {}, timeEt(from * 1e6)), el("span", {}, timeEt(nowMs * 1e6))),
    el("p", { class: "legend" }, el("i", { class: "swatch polygon" }), "polygon ", el("i", { class: "swatch massive" }), "massive ",
      el("i", { class: "swatch none" }), "none"),
    el("p", { class: "note" }, `${lastLeg === "none" ? "no feed" : lastLeg} since ${secondsEt(lastNs)}` +
      (view.feed?.last_switch_reason ? ` · ${view.feed.last_switch_reason}` : "")));
}

function showWindows(view) {
  setText("zone", view ? `ET (${zoneEt(view.utc_ns)})` : "ET");
  if (!view || view.windows.length === 0) return fill("windows", empty(view ? "No window today: the market is closed." : "Not known yet."));
  const columns = [["series"], ["start", "num"], ["freeze", "num"], ["target", "num"], ["state", "num"]];
  fill("windows", table("Windows today", columns, view.windows.map((window) => [
    { class: window.state, title: window.label },
    [el("span", { class: "series" }, window.series.join(" ")), timeEt(window.start_ns), secondsEt(window.freeze_ns), timeEt(window.target_ns), window.state],
  ])));
}

// The guardian and the drills have files of their own: what the console reads there is present, whatever the trading process does.
const GUARDIAN = { watching: "good", acting: "bad", acted: "warn", blind: "bad", absent: "bad" };

function guardianLine({ state, consoleLost }) {
  if (!state || consoleLost) return ["guardian", el("span", {}, "not known now")];
  const { state: kind, text } = state.guardian;
  return ["guardian", el("span", { id: "guardian", title: text }, dot(GUARDIAN[kind] ?? "warn"), text)];
}

const DRILL = { passed: "good", old: "warn", never: "warn", failed: "bad" };

function drillLine({ state }) {
  if (!state) return ["last drill", el("span", {}, "not known now")];
  const { state: kind, text } = state.drill;
  return ["last drill", el("span", { id: "drill", title: text }, dot(DRILL[kind] ?? "warn"), text)];
}

function showExchange(page) {
  const { view } = page;
  if (!view) return fill("exchange", list([guardianLine(page), drillLine(page)]));
  const trading = view.exchange_status === "trading";
  fill("exchange", list([
    ["stream", el("span", {}, dot(view.venue_connected ? "good" : "bad"), view.venue_connected ? "connected" : "disconnected")],
    ["clock", clockLine(view.clock)],
    ["status", el("span", {}, dot(trading ? "good" : view.exchange_status === "unknown" ? "warn" : "bad"), view.exchange_status)],
    guardianLine(page),
    drillLine(page),
  ]));
}

// Our clock less the venue's: the interval that holds it.
function clockLine(clock) {
  if (!clock) return el("span", {}, NONE);
  const kind = { fine: "good", warn: "warn", unknown: "warn" }[clock.state] ?? "bad";
  const side = (value) => (value === null ? "?" : `${value > 0 ? "+" : ""}${value}`);
  const known = clock.low_ms !== null || clock.high_ms !== null;
  return el("span", { title: "our clock less the venue's" }, dot(kind), known ? `${side(clock.low_ms)} to ${side(clock.high_ms)} ms` : "offset unknown");
}
