// Numbers, times and foreign text as people read them. Money comes as scaled integers and stays exact.

const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const LONGEST = 240;
const CLOCK = { timeZone: "America/New_York", hourCycle: "h23", hour: "2-digit", minute: "2-digit" };
const minutes = new Intl.DateTimeFormat("en-US", CLOCK);
const seconds = new Intl.DateTimeFormat("en-US", { ...CLOCK, second: "2-digit" });
const day = new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", weekday: "short", month: "short", day: "numeric" });
const zone = new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", timeZoneName: "short" });

export const NONE = "–";

// What could reorder, hide or break text is shown as its code point: a title from the venue can't disguise itself.
export function visible(text) {
  const shown = String(text).replace(HIDDEN, (c) => `⟨${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST)}…` : shown;
}

export const ms = (ns) => ns / 1e6;
export const timeEt = (ns) => minutes.format(ms(ns));
export const secondsEt = (ns) => seconds.format(ms(ns));
export const dayEt = (ns) => day.format(ms(ns));
export const zoneEt = (ns) => zone.formatToParts(ms(ns)).find((part) => part.type === "timeZoneName").value;

export function price(e4) {
  if (!e4) return NONE;
  return (e4 / 1e4).toFixed(e4 % 100 === 0 ? 2 : e4 % 10 === 0 ? 3 : 4);
}

export function contracts(e2) {
  return (e2 / 100).toLocaleString("en-US", { maximumFractionDigits: 2 });
}

export function usd(e6, digits = 2) {
  const amount = Math.abs(e6 / 1e6).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${e6 < 0 && Number(amount.replaceAll(",", "")) ? "−" : ""}$${amount}`;
}

export function level(points) {
  if (points === null || points === undefined) return NONE;
  return points.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

export function age(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return NONE;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 1 : 0)} s`;
  if (milliseconds < 3_600_000) return `${Math.floor(milliseconds / 60_000)} m ${Math.floor(milliseconds / 1000) % 60} s`;
  return `${Math.floor(milliseconds / 3_600_000)} h ${Math.floor(milliseconds / 60_000) % 60} m`;
}

// Rounded up: 00:00:00 means that the instant has come.
export function countdown(milliseconds) {
  const left = Math.max(0, Math.ceil(milliseconds / 1000));
  const two = (n) => String(n).padStart(2, "0");
  return `${two(Math.floor(left / 3600))}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
}

export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
