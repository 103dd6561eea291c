// The right column: what rests, what it can lose, what happened, the monitors and the money.

import { dot, el, empty, fill, list, setText, showMore, table } from "./dom.js";
import { age, contracts, ms, price, secondsEt, usd } from "./format.js";

export function showOrders(page) {
  showResting(page);
  showRisk(page.view);
  showMoney(page.view);
  showMonitors(page.view);
  showIncidents(page.view);
  showMore("orders", "tbody tr");
  showMore("incidents", "li");
}

function showResting({ view, nowMs }) {
  const orders = view?.orders ?? [];
  setText("h-orders", `Resting orders (${orders.length})`);
  if (!orders.length) return fill("orders", empty(view ? "Nothing of ours rests." : "Not known yet."));
  const columns = [["strike"], ["side"], ["px", "num"], ["qty", "num"], ["status"], ["age", "num"], ["expires", "num"]];
  fill("orders", table("Orders that may rest", columns, orders.map((order) => [{ title: `${order.ticker} · ${order.client_order_id}` }, [
    order.label, [order.side, order.side], price(order.price_e4), contracts(order.remaining_e2),
    [order.status === "resting" ? "" : "warn", order.status],
    age(Math.max(0, nowMs - ms(order.placed_ns))), order.expiration_s ? age(Math.max(0, order.expiration_s * 1000 - nowMs)) : "–",
  ]])));
}

function showRisk(view) {
  const ladders = view?.ladders ?? [];
  if (!ladders.length) return fill("risk", empty(view ? "No ladder, nothing at risk in one." : "Not known yet."));
  fill("risk", ...ladders.map((ladder) => {
    const part = ladder.limit_e6 > 0 ? ladder.worst_case_e6 / ladder.limit_e6 : 1;
    const kind = part >= 0.95 ? "bad" : part >= 0.8 ? "warn" : "good";
    const words = `${usd(ladder.worst_case_e6, 0)} of ${usd(ladder.limit_e6, 0)}`;
    return el("div", { class: "meter", title: ladder.event_ticker }, el("span", {}, ladder.series), el("span", { class: "num" }, words),
      el("div", { class: "bar thin", role: "img", "aria-label": `${ladder.series}: ${words}` }, el("span", { class: kind, at: [0, Math.min(1, part)] })));
  }));
}

function showMoney(view) {
  if (!view) return fill("pnl", empty("Not known yet."));
  const { pnl } = view;
  const kind = (e6) => (e6 < 0 ? "bad" : e6 > 0 ? "good" : "");
  const unsettled = pnl.unsettled_e2 ? [["held, not settled yet", `${contracts(pnl.unsettled_e2)} contracts`]] : [];
  fill("pnl", list([
    ["realised", usd(pnl.realised_e6), kind(pnl.realised_e6)],
    ["open, at fair value", usd(pnl.marked_e6), kind(pnl.marked_e6)],
    ...unsettled,
    ["fees", usd(pnl.fees_e6)],
    ["fills", `${pnl.fills.toLocaleString("en-US")} · ${contracts(pnl.contracts_e2)} contracts`],
  ]));
}

function showMonitors(view) {
  if (!view) return fill("monitors", empty("Not known yet."));
  const feed = view.feed;
  const stale = feed ? feed.legs.filter((leg) => leg.stale).map((leg) => leg.leg) : [];
  const fresh = !feed ? ["warn", "no feed"] : !stale.length ? ["good", "both legs fresh"] : [feed.active === "none" ? "bad" : "warn", `${stale.join(", ")} stale`];
  const line = (kind, text) => el("span", {}, dot(kind), text);
  const full = view.orders.length >= view.max_open_orders;
  fill("monitors", list([
    ["freshness", line(...fresh)],
    ["ev_gap", line(...evGap(view))],
    ["feed switches", `${feed?.switches_today ?? 0} today · windows degraded: ${feed?.windows_degraded ?? 0}`],
    ["open orders", line(full ? "warn" : "good", `${view.orders.length} of ${view.max_open_orders} · ${view.write_tokens.toFixed(0)} write tokens`)],
  ]));
}

function evGap({ ev_gap_max_usd: greatest, ev_gap_threshold_usd: threshold, ev_gap_sample_size: checked }) {
  if (!checked) return ["idle", "no quote checked yet"];
  const [kind, verdict] = greatest > threshold ? ["bad", "ALERT"] : ["good", "OK"];
  return [kind, `${verdict} · max ${usd(greatest * 1e6, 4)} in ${checked.toLocaleString("en-US")} quotes`];
}

function showIncidents(view) {
  const incidents = view?.incidents ?? [];
  setText("h-incidents", incidents.length ? `Incidents (${incidents.length})` : "Incidents");
  if (!incidents.length) return fill("incidents", empty(view ? "No incident in this run." : "Not known yet."));
  fill("incidents", el("ol", {}, ...incidents.map((one) =>
    el("li", { class: `kind-${one.kind.replace(/[^a-z_]/g, "")}` },
      el("time", {}, secondsEt(one.utc_ns)), " ", el("span", { class: "kind" }, one.kind.replaceAll("_", " ")), " ", el("b", {}, one.title),
      one.did ? el("p", {}, one.did) : null))));
}
