// STOP and clear. STOP needs one click and is asked for again until the console has taken it.

import { wireAlerts } from "./alerts.js";
import { byId, el, setText } from "./dom.js";
import { visible } from "./format.js";

const RETRY_MS = 1_000;
const LATCHES = { operator_stop: "operator stop", risk_limit: "loss limit", cash_mismatch: "cash differs from the venue's", order_group_stopped: "order group stopped by the venue" };
const csrf = document.querySelector("meta[name=csrf]").content;
let asking = false;
let unheard = "";

const post = (path, body) =>
  fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-Console-Csrf": csrf }, body: JSON.stringify(body) });

export function wireActions(changed) {
  byId("stop").addEventListener("click", () => stop(changed));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "F10") return;
    event.preventDefault();
    if (!event.repeat) stop(changed);
  });
  byId("lift").addEventListener("click", openClear);
  byId("clear-cancel").addEventListener("click", () => byId("clear").close());
  byId("clear-word").addEventListener("input", allowClear);
  byId("clear-do").addEventListener("click", clear);
  byId("confirm").addEventListener("click", confirmMaintenance);
  wireAlerts(post);
}

export function showStop({ state, view, live }) {
  const [text, kind] = progress(state, view, live);
  setText("stop-status", text);
  byId("stop-status").className = kind;
}

// Only what holds can be lifted. When the chosen latch goes while the dialog is open, the word has to be typed again for another.
export function showLatches({ view, live }) {
  const held = live ? view.latches : [];
  byId("lift").hidden = held.length === 0;
  const select = byId("clear-latch");
  const chosen = select.value;
  if (held.length === select.length && held.every((latch, i) => latch === select.options[i].value)) return;
  select.replaceChildren(...held.map((latch) => {
    const option = el("option", {}, LATCHES[latch] ?? latch.replaceAll("_", " "));
    option.value = latch;
    return option;
  }));
  if (held.includes(chosen)) select.value = chosen;
  else byId("clear-word").value = "";
  allowClear();
}

function progress(state, view, live) {
  if (unheard) return [unheard, "bad"];
  const stop = state?.stop ?? { state: "none" };
  if (stop.state === "none") return asking ? ["stopping…", "warn"] : ["", ""];
  if (stop.state === "waiting") return [visible(stop.message), "bad"];
  if (!live) return stop.state === "delivered" ? ["STOP confirmed; what rests is not known now", "warn"] : ["stopping…", "warn"];
  const settled = stop.state === "delivered" && state.seq > stop.after_seq && view.state !== "quoting" && view.orders.length === 0;
  return settled ? ["stopped, nothing rests", "good"] : [`stopping… ${view.orders.length} resting`, "warn"];
}

async function stop(changed) {
  if (asking) return;
  asking = true;
  changed();
  let taken = false;
  while (!taken) {
    try {
      const answer = await post("/api/stop", { reason: "STOP pressed on the page" });
      taken = answer.ok;
      unheard = taken ? "" : `STOP not taken: ${visible(await answer.text()).trim()}`;
    } catch {
      unheard = "STOP not taken: the console does not answer. Trying again; use the command line as well.";
    }
    changed();
    if (!taken) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  asking = false;
  changed();
}

function openClear() {
  byId("clear-word").value = "";
  byId("clear-do").disabled = true;
  setText("clear-result", "");
  byId("clear").showModal();
  byId("clear-word").focus();
}

function allowClear() {
  byId("clear-do").disabled = byId("clear-word").value !== "CLEAR" || byId("clear-latch").value === "";
}

async function clear() {
  byId("clear-do").disabled = true;
  try {
    const answer = await post("/api/clear", { latch: byId("clear-latch").value, confirm: byId("clear-word").value });
    const text = (await answer.text()).trim();
    if (answer.ok) byId("clear").close();
    setText("clear-result", answer.ok ? "" : text);
  } catch {
    setText("clear-result", "The console does not answer: nothing was cleared.");
  }
}

async function confirmMaintenance() {
  byId("confirm").disabled = true;
  try {
    const answer = await post("/api/confirm", {});
    setText("confirm-result", (await answer.text()).trim());
  } catch {
    setText("confirm-result", "The console does not answer: nothing was confirmed.");
  }
  byId("confirm").disabled = false;
}
