"use strict";
// What all parts of the page use. Texts of users and servers get into the page as text nodes and attributes, never as
// HTML.

const at = id => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

const draw = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

/** A number with so many digits; neither "-0.00" nor "NaN". */
function digits(value, count) {
  if (!Number.isFinite(value)) return "–";
  const text = value.toFixed(count);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

const counted = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** At most `limit` characters, of which none is halved. */
function shortened(text, limit) {
  const points = Array.from(text);
  return points.length > limit ? points.slice(0, limit - 1).join("") + "…" : text;
}

/** Where `value` is between `low` and `high`, 0 … 1. */
const share = (value, low, high) => (high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0);

/** Keys that move among `items`, with rows of `columns`: the distance, or null. */
function stepOf(key, index, columns) {
  const column = index % columns;
  const steps = {
    ArrowLeft: column > 0 ? -1 : 0,
    ArrowRight: column < columns - 1 ? 1 : 0,
    ArrowUp: -columns,
    ArrowDown: columns,
    Home: -column,
    End: columns - 1 - column,
  };
  return steps[key] ?? null;
}

/** One of `items` is reached by Tab; the arrows, Home and End go on from there. One row, unless `columns` are given. */
function rove(box, items, columns = items.length) {
  items.forEach((item, i) => item.setAttribute("tabindex", i === 0 ? 0 : -1));
  const stop = item => items.forEach(other => other.setAttribute("tabindex", other === item ? 0 : -1));
  box.addEventListener("focusin", event => items.includes(event.target) && stop(event.target));
  box.addEventListener("keydown", event => {
    const index = items.indexOf(event.target);
    const step = index < 0 || event.ctrlKey || event.altKey || event.metaKey ? null : stepOf(event.key, index, columns);
    if (step === null) return;
    event.preventDefault();
    (items[index + step] ?? items[index]).focus();
  });
}

/** Calls show(index) for the item that is pointed at, focused or tapped. */
function pointed(box, items, show) {
  const find = event => {
    const index = items.findIndex(item => item.contains(event.target));
    if (index >= 0) show(index);
  };
  for (const kind of ["pointerover", "focusin", "click"]) box.addEventListener(kind, find);
}

// Requests. Addresses are relative, so that the page also works behind a path prefix.

const requestsKept = 50;
const requests = [];  // the last of this page, oldest first
let requestsSent = 0;
let onRequest = () => {};

const measures = {
  total: "x-total-time",
  queue: "x-queue-time",
  compute: "x-inference-time",
  tokens: "x-compute-tokens",
};

function record(method, path, response) {
  const entry = { number: ++requestsSent, at: new Date(), method, path, status: response?.status ?? 0 };
  for (const [name, header] of Object.entries(measures)) {
    const text = response?.headers.get(header);
    entry[name] = text && Number.isFinite(Number(text)) ? Number(text) : null;
  }
  requests.push(entry);
  requests.splice(0, requests.length - requestsKept);
  onRequest();
  return entry;
}

function requestOptions(method, body) {
  const headers = {};
  if (at("key").value) headers.Authorization = `Bearer ${at("key").value}`;
  if (body !== null) headers["Content-Type"] = "application/json";
  return { method, headers, body: body ?? undefined };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Sends a request, and remembers its times: { ok, entry, value }, where value is JSON or text. */
async function ask(method, path, body = null) {
  let response;
  try {
    response = await fetch(`.${path}`, requestOptions(method, body));
  } catch (error) {
    record(method, path, null);
    throw new Error(`no answer: ${error.message}`);
  }
  const entry = record(method, path, response);
  return { ok: response.ok, entry, value: parsed(await response.text()) };
}

/** What the server says of a failure, in its own words. */
function reason(path, { entry, value }) {
  const message = value?.error?.message ?? value?.error ?? value;
  return `${path}: ${entry.status} ${typeof message === "string" ? message : JSON.stringify(message)}`;
}

/** The JSON of a POST; an error in the server's words. */
async function post(path, body) {
  const answer = await ask("POST", path, JSON.stringify(body));
  if (!answer.ok) throw new Error(reason(path, answer));
  return answer.value;
}

/** What one request took, in words. */
function timesOf({ total, queue, compute, tokens }) {
  const told = [];
  if (tokens !== null) told.push(counted(tokens, "token"));
  if (total !== null) told.push(`${digits(total, 1)} ms in all`);
  if (queue !== null) told.push(`${digits(queue, 1)} ms in the queue`);
  if (compute !== null) told.push(`${digits(compute, 1)} ms computed`);
  return told.join(" · ");
}
