// The open alerts, above everything else while there are any: what holds, since when, who takes care of it.

import { byId, el, fill, setText } from "./dom.js";
import { secondsEt } from "./format.js";

const KINDS = { page: "bad", ticket: "warn", info: "idle" };
let acknowledge = () => {};

export function wireAlerts(post) {
  acknowledge = async (key) => {
    try {
      const answer = await post("/api/ack", { key });
      setText("alerts-result", answer.ok ? "" : (await answer.text()).trim());
    } catch {
      setText("alerts-result", "The console does not answer: nothing was acknowledged.");
    }
  };
}

let drawn = "";

// Drawn anew only when something changed: a button must not go from under the finger that presses it.
export function showAlerts({ view, live }) {
  const alerts = view?.alerts ?? [];
  byId("alerts-box").hidden = alerts.length === 0;
  const now = JSON.stringify([alerts, live]);
  if (now === drawn) return;
  drawn = now;
  setText("h-alerts", `Open alerts (${alerts.length})`);
  fill("alerts", ...alerts.map((one) => row(one, live)));
}

function row(one, live) {
  const button = one.acknowledged_by ? el("span", { class: "dim" }, `acknowledged by ${one.acknowledged_by}`)
    : el("button", { type: "button", class: "quiet", disabled: !live, "aria-label": `Acknowledge ${one.key}` }, "Acknowledge");
  if (!one.acknowledged_by) button.addEventListener("click", () => { button.disabled = true; acknowledge(one.key).finally(() => { button.disabled = false; }); });
  return el("li", { class: KINDS[one.severity] ?? "bad", title: one.text },
    el("b", {}, one.severity.toUpperCase()), el("span", { class: "title" }, one.title),
    el("span", { class: "dim" }, `since ${secondsEt(one.opened_ns)}`), button);
}
