// Elements from values. Text only ever becomes a text node, so nothing in it can become markup.

import { visible } from "./format.js";

export const byId = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "at") {
      made.style.left = `${value[0] * 100}%`;
      if (value.length > 1) made.style.width = `${Math.max(0, value[1] - value[0]) * 100}%`;
    } else made.setAttribute(name, value === true ? "" : visible(value));
  }
  made.append(...children.filter((child) => child !== null).map((child) => (child instanceof Node ? child : visible(child))));
  return made;
}

export function setText(id, text) {
  const shown = visible(text);
  const node = byId(id);
  if (node.textContent !== shown) node.textContent = shown;
}

export function fill(id, ...children) {
  byId(id).replaceChildren(...children.filter((child) => child !== null));
}

// Says in <id>-more how many items of a scrolling box are below what can be seen of it.
export function showMore(id, selector) {
  const box = byId(id);
  box.onscroll ??= () => showMore(id, selector);
  const end = box.getBoundingClientRect().bottom + 1;
  const below = [...box.querySelectorAll(selector)].filter((item) => item.getBoundingClientRect().bottom > end).length;
  box.classList.toggle("cut", below > 0);
  setText(`${id}-more`, below ? `${below} more below ↓` : "");
}

export const empty = (text) => el("p", { class: "empty" }, text);
export const dot = (kind) => el("span", { class: `dot ${kind}`, "aria-hidden": "true" });

// columns: [heading, class, title]; rows: [attributes of tr, cells], where a cell is text, a node or [class, content].
export function table(caption, columns, rows) {
  const head = columns.map(([name, kind, title]) => el("th", { scope: "col", class: kind, title }, name));
  const body = rows.map(([attributes, cells]) =>
    el("tr", attributes, ...cells.map((cell, i) => {
      const [kind, content] = Array.isArray(cell) ? cell : ["", cell];
      const own = `${columns[i][1] ?? ""} ${kind}`.trim();
      return el(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: own || null }, content);
    })));
  return el("table", {}, el("caption", { class: "unseen" }, caption), el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...body));
}

export const list = (pairs) =>
  el("dl", {}, ...pairs.flatMap(([name, value, kind]) => [el("dt", {}, name), el("dd", { class: kind }, value)]));
