// The venue's maintenance: the next or present one, its sources, and the gates on the way back.

import { byId, dot, el, empty, fill, list, setText } from "./dom.js";
import { dayEt, secondsEt } from "./format.js";

export function showMaintenance({ view, live }) {
  const told = live ? view.maintenance : null;
  byId("confirm").hidden = !told?.needs_confirmation;
  setText("maintenance-phase", told ? told.phase : "");
  if (!told) {
    fill("maintenance", empty("Not known now."));
    return;
  }
  const gates = told.phase === "clear" ? [["gates", summary(told.gates)]] : told.gates.map((gate) => [gate.name, one(gate)]);
  const rows = [["next", when(told)], ["confirm", told.confirm], ...gates, ...hours(view.calendar)];
  const doubts = [...told.contradictions, ...(view.calendar?.doubts ?? []).map(([window, why]) => `in doubt: ${window}: ${why}`), ...told.unknown.map((text) => `unknown: ${text}`)];
  fill("maintenance", list(rows), ...doubts.map((text) => el("p", { class: "doubt" }, text)));
}

// What moves the windows besides maintenance: the operator's special hours and the next clock change.
function hours(calendar) {
  if (!calendar) return [];
  const special = calendar.refused ? `not taken over: ${calendar.refused}` : calendar.special_days.join(", ") || "none";
  const checklist = calendar.clock_checklist ? ": go through the checklist in docs/runbooks/hourly.md" : "";
  return [["special hours", special], ["clocks", `${calendar.clock_change} on ${dayEt(calendar.clock_change_ns)}${checklist}`]];
}

// On the way back each gate counts; while nothing is on, which ones would be green is enough.
function summary(gates) {
  const red = gates.filter((gate) => !gate.green).map((gate) => gate.name);
  return `${gates.length - red.length} of ${gates.length} green${red.length ? `; not ${red.join(", ")}` : ""}`;
}

function one(gate) {
  return el("span", {}, dot(gate.green ? "good" : "bad"), ` ${gate.green ? "green" : "red"}: ${gate.note}`);
}

function when({ from_ns: from, to_ns: to, sources }) {
  if (from === null) return "none known";
  return `${dayEt(from)} ${secondsEt(from)} to ${to === null ? "open end" : secondsEt(to)} (${sources.join(", ")})`;
}
