// Latency and tokens of the last requests of this page.

const chartSize = { times: 120, tokens: 44, gap: 26, left: 52, right: 8, top: 10 };

/** A round number that is not below `value`: 1, 2 or 5 with zeros. */
function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= value);
}

/** The parts of which the time of a request is made, from below. */
function partsOf({ total, queue, compute }) {
  if (total === null) return [];
  const [waited, computed] = [queue ?? 0, compute ?? 0];
  return [["queue", waited], ["compute", computed], ["rest", Math.max(0, total - waited - computed)]];
}

function timeBars(entry, x, width, scale, base) {
  let y = base;
  return partsOf(entry).map(([name, ms]) => {
    const height = ms * scale;
    y -= height;
    return draw("rect", { class: name, x, y: digits(y, 2), width, height: digits(height, 2) });
  });
}

function tellRequest({ number, at: time, method, path, status, ...times }) {
  const told = timesOf(times) || "no times";
  return `${number}. ${time.toLocaleTimeString()} ${method} ${path} · ${status || "no answer"} · ${told}`;
}

/** A line at a value, with its number on the left. */
const mark = (y, text, width) => [
  draw("line", { class: "grid", x1: chartSize.left, x2: width - chartSize.right, y1: y, y2: y }),
  draw("text", { x: chartSize.left - 8, y: y + 4, "text-anchor": "end" }, text),
];

function requestBars(width, most) {
  const { left, right, top, times, tokens, gap } = chartSize;
  const slot = (width - left - right) / requestsKept;
  const base = top + times;
  const floor = base + gap + tokens;
  return requests.map((entry, n) => {
    const x = left + n * slot + slot * 0.15;
    const bar = slot * 0.7;
    const height = ((entry.tokens ?? 0) / most.tokens) * tokens;
    return draw("g", { role: "img", class: entry.status >= 200 && entry.status < 400 ? "request" : "request failed",
      "data-number": entry.number, "aria-label": tellRequest(entry) },
    draw("rect", { class: "hit", x: left + n * slot, y: top, width: slot, height: floor - top }),
    ...timeBars(entry, x, bar, times / most.time, base),
    draw("rect", { class: "tokens-bar", x, y: digits(floor - height, 2), width: bar, height: digits(height, 2) }),
    draw("rect", { class: "foot", x, y: base, width: bar, height: 2 }));
  });
}

function chartSvg(width) {
  const { top, times, tokens, gap } = chartSize;
  const base = top + times;
  const floor = base + gap + tokens;
  const largest = name => requests.reduce((most, entry) => Math.max(most, entry[name] ?? 0), 0);
  const most = { time: roundUp(largest("total")), tokens: roundUp(largest("tokens")) };
  const bars = requestBars(width, most);
  const name = "Times and tokens of the last requests";
  const svg = draw("svg", { width, height: floor + 8, role: "group", "aria-label": name },
    ...mark(top, `${most.time} ms`, width), ...mark(base, "0", width),
    ...mark(base + gap, most.tokens.toLocaleString("en"), width), ...mark(floor, "tokens", width), ...bars);
  rove(svg, bars);
  pointed(svg, bars, n => { at("chart-note").textContent = tellRequest(requests[n]); });
  return svg;
}

function requestTable() {
  const heads = ["", "request", "status", "tokens", "ms in all", "in the queue", "computed"];
  const rows = [...requests].reverse().map(({ number, method, path, status, tokens, total, queue, compute }) =>
    make("tr", {}, ...[`${number}`, `${method} ${path}`, `${status || "–"}`, tokens?.toLocaleString("en") ?? "–",
      ...[total, queue, compute].map(ms => digits(ms ?? NaN, 1))].map(text => make("td", {}, text))));
  const head = make("tr", {}, ...heads.map(text => make("th", { scope: "col" }, text)));
  return make("table", { class: "plain" }, make("thead", {}, head), make("tbody", {}, ...rows));
}

const legend = () => make("div", { class: "legend" }, ...[["queue", "in the queue"], ["compute", "computed"],
  ["rest", "read, tokenised, written"], ["tokens-bar", "tokens"]].map(([name, text]) =>
  make("span", {}, make("i", { class: name }), text)));

function showChart() {
  at("requests-details").hidden = requests.length === 0;
  const earlier = requestsSent > requests.length ? `, the last of ${requestsSent}` : "";
  at("requests-lead").textContent = requests.length === 0 ? "None yet: those that this page sends are measured here."
    : `${counted(requests.length, "request")} of this page${earlier}.`;
  if (requests.length === 0) return;
  const focused = document.activeElement?.getAttribute("data-number");
  at("chart").replaceChildren(chartSvg(Math.max(240, at("chart").clientWidth)), legend());
  if (focused) at("chart").querySelector(`[data-number="${focused}"]`)?.focus({ preventScroll: true });
  at("requests-table").replaceChildren(requestTable());
}

onRequest = showChart;
new ResizeObserver(showChart).observe(at("chart"));
showChart();
