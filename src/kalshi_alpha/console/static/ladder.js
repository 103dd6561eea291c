// The ladder: one row a strike with the book as a bar, fair value as a tick and our orders in green.

import { byId, el, empty, fill, table } from "./dom.js";
import { NONE, contracts, level, price } from "./format.js";

const ROWS = 21;
const COLUMNS = [
  ["strike"], ["book, fair and ours, $0 to $1", "track-cell"], ["bid", "num"], ["ask", "num"],
  ["our bid", "num"], ["our ask", "num"], ["fair", "num"],
  ["edge ¢", "num", "how far the nearer of our quotes is from fair value, in cents"], ["pos", "num", "contracts held, negative: NO"],
];
const PASSED = "below 0: fair value has passed a quote of ours, which is on its way out or being replaced";
let chosen = "";
let showsAll = false;

export const chosenLadder = (view) => view?.ladders.find((ladder) => ladder.event_ticker === chosen) ?? view?.ladders[0] ?? null;

export function wireLadder(changed) {
  byId("tabs").addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tab, changed);
  });
  byId("tabs").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const tabs = [...byId("tabs").children];
    const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
    next.focus();
    choose(next, changed);
  });
  byId("all").addEventListener("click", () => {
    showsAll = !showsAll;
    byId("all").setAttribute("aria-pressed", String(showsAll));
    changed();
  });
}

export function showLadder({ view }) {
  const ladder = chosenLadder(view);
  showTabs(view?.ladders ?? [], ladder);
  byId("all").hidden = !ladder || ladder.rungs.length <= ROWS;
  if (!ladder) {
    const why = view ? "No ladder is quoted now: it appears when a window opens." : "No view from the trading process yet.";
    return fill("ladder", empty(why));
  }
  const rungs = showsAll ? ladder.rungs : nearTheMoney(ladder.rungs);
  fill("ladder",
    el("p", { class: "note" }, el("b", {}, ladder.event_ticker), ` · ${ladder.symbol} ${level(ladder.level)} · `,
      el("i", { class: "swatch book" }), "book ", el("i", { class: "swatch fair" }), "fair ", el("i", { class: "swatch ours" }), "ours"),
    rungs.length ? table(`Ladder ${ladder.event_ticker}`, COLUMNS, rungs.map(row)) : empty("No strike near the money yet."));
}

function choose(tab, changed) {
  chosen = tab.dataset.event;
  changed();
}

function showTabs(ladders, present) {
  const keys = ladders.map((ladder) => ladder.event_ticker);
  const tabs = byId("tabs");
  if ([...tabs.children].map((tab) => tab.dataset.event).join("\n") !== keys.join("\n")) {
    const twice = (ladder) => ladders.filter((other) => other.series === ladder.series).length > 1;
    tabs.replaceChildren(...ladders.map((ladder) => {
      const tab = el("button", { type: "button", role: "tab", "aria-controls": "ladder", title: ladder.event_ticker },
        twice(ladder) ? ladder.event_ticker : ladder.series);
      tab.dataset.event = ladder.event_ticker;
      return tab;
    }));
  }
  for (const tab of tabs.children) {
    const selected = tab.dataset.event === present?.event_ticker;
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
  }
}

// The rows around the strike whose outcome is least certain: it is the money for "above" and for "between" ladders.
function nearTheMoney(rungs) {
  let middle = Math.floor(rungs.length / 2);
  let most = 0;
  rungs.forEach((rung, i) => {
    const p = rung.fair_p ?? (rung.book_bid_e4 && rung.book_ask_e4 ? (rung.book_bid_e4 + rung.book_ask_e4) / 2e4 : null);
    if (p !== null && p * (1 - p) > most) [most, middle] = [p * (1 - p), i];
  });
  const first = Math.max(0, Math.min(middle - Math.floor(ROWS / 2), rungs.length - ROWS));
  return rungs.slice(first, first + ROWS);
}

function row(rung) {
  const edge = leastEdge(rung);
  const strength = edge === null ? "" : edge < 0 ? "bad-cell" : edge >= 2 ? "good-cell" : "fair-cell";
  return [{ title: rung.ticker }, [
    rung.label, track(rung), price(rung.book_bid_e4), price(rung.book_ask_e4),
    own(rung.our_bid_e4), own(rung.our_ask_e4),
    ["fair", rung.fair_p === null ? NONE : rung.fair_p.toFixed(3)],
    [strength, edge === null ? NONE : edge < 0 ? el("span", { title: PASSED }, edge.toFixed(1)) : edge.toFixed(1)],
    [rung.position_e2 ? "held" : "", rung.position_e2 ? contracts(rung.position_e2).replace("-", "−") : NONE],
  ]];
}

const own = (e4) => [e4 ? "ours" : "lacking", price(e4)];

function track(rung) {
  const bid = rung.book_bid_e4 / 1e4;
  const ask = rung.book_ask_e4 ? rung.book_ask_e4 / 1e4 : 1;
  const hasBook = rung.book_bid_e4 || rung.book_ask_e4;
  const tick = (kind, e4) => (e4 ? el("span", { class: `tick ${kind}`, at: [e4 / 1e4] }) : null);
  return el("div", { class: "track", "aria-hidden": "true" },
    hasBook ? el("span", { class: rung.book_bid_e4 && rung.book_ask_e4 ? "span" : "span half", at: [bid, ask] }) : null,
    tick("ours", rung.our_bid_e4), tick("ours", rung.our_ask_e4),
    rung.fair_p === null ? null : el("span", { class: "tick fair", at: [rung.fair_p] }));
}

function leastEdge(rung) {
  if (rung.fair_p === null) return null;
  const edges = [];
  if (rung.our_bid_e4) edges.push(rung.fair_p * 100 - rung.our_bid_e4 / 100);
  if (rung.our_ask_e4) edges.push(rung.our_ask_e4 / 100 - rung.fair_p * 100);
  return edges.length ? Math.min(...edges) : null;
}
