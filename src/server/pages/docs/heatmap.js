// The similarity of all pairs of texts.

const kindNames = { dense: "Dense", sparse: "Sparse", colbert: "ColBERT", combined: "Combined" };

const formulas = {
  dense: "Inner product of the two dense vectors.",
  sparse: "Sum over the tokens that both texts have: weight in the one × weight in the other.",
  colbert: "For each token of the query the largest inner product with a token of the passage; the mean of these.",
};

/** The kinds of which the combined score is made, as FlagEmbedding names them. */
const combinedKinds = state => ["colbert", "sparse", "dense"].filter(kind => state.has[kind]);

/** Which kinds of similarity the model gives, and why not the others: { kind: reason or "" }. */
function whyNot({ has, model }) {
  const lacks = [["sparse", "sparse"], ["colbert", "ColBERT"]];
  const missing = lacks.filter(([kind]) => !has[kind]).map(([, name]) => `no ${name} head`).join(" and ");
  return {
    dense: "",
    sparse: has.sparse ? "" : `${model} has no sparse head`,
    colbert: has.colbert ? "" : `${model} has no ColBERT head`,
    combined: has.sparse ? "" : `${model} has ${missing}: there is nothing to combine`,
  };
}

function readShares() {
  return Object.fromEntries(["dense", "sparse", "colbert"].map(kind => {
    const value = at(`share-${kind}`).valueAsNumber;
    return [kind, value >= 0 ? value : NaN];
  }));
}

function currentTable(state) {
  if (state.kind !== "combined") return state.tables[state.kind];
  const shares = readShares();
  const kinds = combinedKinds(state);
  return state.items.map((_, i) => state.items.map((_, j) => mean(state.tables, kinds, shares, i, j)));
}

function describeKind(state) {
  if (state.kind !== "combined") return formulas[state.kind];
  const kinds = combinedKinds(state);
  const all = readShares();
  const total = kinds.reduce((sum, kind) => sum + all[kind], 0);
  if (!(total > 0)) return "The weights are numbers from 0 on, of which at least one is larger.";
  return `The weighted mean “${kinds.join("+")}” of FlagEmbedding’s compute_score. ` +
    "0.4, 0.2, 0.4 is what BGE-M3’s model card takes; the package’s own default is 1, 1, 1.";
}

/** The least and the largest value off the diagonal, where texts meet themselves. */
function rangeOf(table) {
  const others = table.flatMap((row, i) => row.filter((_, j) => i !== j || table.length === 1)).filter(Number.isFinite);
  return others.length ? [Math.min(...others), Math.max(...others)] : [0, 0];
}

function heatCell(state, table, [low, high], i, j) {
  const value = table[i][j];
  const chosen = state.pair?.[0] === i && state.pair[1] === j;
  const cell = make("td", { role: "gridcell", "data-value": value, "aria-selected": chosen ? "true" : "false",
    class: i === j ? "self" : null, "aria-label": `query ${i + 1}, passage ${j + 1}: ${digits(value, 3)}` },
    digits(value, 2));
  cell.style.setProperty("--t", i === j && table.length > 1 ? 0 : share(value, low, high));
  return cell;
}

function tellCell(state, table, i, j) {
  const [query, passage] = [state.texts[i], state.texts[j]].map(text => shortened(text, 40));
  const value = digits(table[i][j], 4);
  at("heat-note").textContent = `${i + 1} → ${j + 1}: ${value} · “${query}” with “${passage}”`;
}

function heatTable(state, table, range, choose) {
  const count = state.items.length;
  const cells = [];
  const rows = state.items.map((_, i) => {
    const own = state.items.map((_, j) => heatCell(state, table, range, i, j));
    cells.push(...own);
    const name = make("span", { dir: "auto" }, shortened(state.texts[i], 80));
    const head = make("th", { scope: "row", role: "rowheader" }, make("b", {}, `${i + 1}`), name);
    return make("tr", { role: "row" }, head, ...own);
  });
  const heads = state.items.map((_, j) => make("th", { scope: "col", role: "columnheader" }, `${j + 1}`));
  const corner = make("td", { class: "corner" }, "query ↓ passage →");
  const box = make("table", { role: "grid", class: count > 10 ? "heat many" : "heat", "aria-labelledby": "heat-title" },
    make("thead", {}, make("tr", { role: "row" }, corner, ...heads)), make("tbody", {}, ...rows));
  rove(box, cells, count);
  pointed(box, cells, n => tellCell(state, table, Math.floor(n / count), n % count));
  const pick = target => {
    const n = cells.findIndex(cell => cell === target);
    if (n >= 0) choose(Math.floor(n / count), n % count);
  };
  box.addEventListener("click", event => pick(event.target));
  box.addEventListener("keydown", event => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    pick(event.target);
  });
  return { box, cells };
}

/** Draws the map anew; the cell that was focused keeps the focus. */
function showHeat(state, choose) {
  const table = currentTable(state);
  const range = rangeOf(table);
  const { box, cells } = heatTable(state, table, range, choose);
  const focused = [...at("heat").querySelectorAll("td[role]")].indexOf(document.activeElement);
  at("heat").replaceChildren(box);
  const reached = state.pair ? state.pair[0] * table.length + state.pair[1] : 0;
  cells.forEach((cell, n) => cell.setAttribute("tabindex", n === reached ? 0 : -1));
  if (focused >= 0) cells[focused]?.focus({ preventScroll: true });
  at("formula").textContent = describeKind(state);
  at("heat-scale").replaceChildren(digits(range[0], 2), make("i"), digits(range[1], 2));
  if (focused < 0) at("heat-note").textContent = table.length > 1 ? "Colours are of pairs of two texts." : "";
}

/** The choice of kinds; those that the model lacks cannot be chosen, and a note says why. */
function showKinds(state, change) {
  const reasons = whyNot(state);
  if (reasons[state.kind]) state.kind = "dense";
  const choices = Object.entries(kindNames).map(([kind, name]) => {
    const input = make("input", { type: "radio", name: "kind", value: kind, checked: kind === state.kind,
      disabled: reasons[kind] !== "" });
    input.addEventListener("change", () => change(kind));
    return make("label", { title: reasons[kind] || null }, input, make("span", {}, name));
  });
  at("kinds").replaceChildren(at("kinds").querySelector("legend"), ...choices);
  at("share-colbert-label").hidden = !state.has.colbert;
  return [...new Set(Object.values(reasons).filter(Boolean))];
}
