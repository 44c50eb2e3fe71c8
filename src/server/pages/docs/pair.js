// Why two texts are similar: their scores, the tokens that both have, and which token answers which.

const alignedShown = 64;  // tokens of each text
const sharedShown = 12;

/** Numbers of one pair, under FlagEmbedding's names. */
function pairScores(state, i, j) {
  if (state.has.colbert) fillColbert(state, i, j);
  const shares = readShares();
  const kinds = ["dense", "sparse", "colbert"].filter(kind => state.has[kind]);
  const rows = kinds.map(kind => [kind, state.tables[kind][i][j]]);
  if (state.has.sparse) rows.push(["sparse+dense", mean(state.tables, ["sparse", "dense"], shares, i, j)]);
  if (state.has.sparse && state.has.colbert) {
    rows.push(["colbert+sparse+dense", mean(state.tables, ["colbert", "sparse", "dense"], shares, i, j)]);
  }
  return make("dl", { class: "scores" }, ...rows.map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", { "data-score": name, "data-value": value }, digits(value, 4)))));
}

/** Tokens of both texts with the products of their weights, the largest first. */
function sharedTokens(query, passage) {
  const names = new Map(query.tokens.filter(token => !token.special).map(token => [token.id, token.shown]));
  return [...query.sparse].filter(([id]) => passage.sparse.has(id))
    .map(([id, weight]) => ({ name: names.get(id) ?? `token ${id}`, weight, other: passage.sparse.get(id) }))
    .sort((a, b) => b.weight * b.other - a.weight * a.other);
}

function sharedList(query, passage) {
  const shared = sharedTokens(query, passage);
  const box = make("div", {}, make("h4", {}, "Tokens that both have"));
  if (shared.length === 0) {
    box.append(make("p", { class: "quiet" }, "None: the sparse score is 0."));
    return box;
  }
  box.append(make("ul", { class: "shared" }, ...shared.slice(0, sharedShown).map(({ name, weight, other }) =>
    make("li", {}, make("b", { dir: "auto" }, name),
      ` ${digits(weight, 2)} × ${digits(other, 2)} = ${digits(weight * other, 3)}`))));
  const rest = shared.length - sharedShown;
  if (rest > 0) box.append(make("p", { class: "quiet small" }, `… and ${rest} more`));
  return box;
}

/** Row r of a text's ColBERT vectors is of its token r + 1: the first token has none. */
const rowTokens = item => item.tokens.slice(1);

function alignToken(token, attributes) {
  return make("li", { class: token.special ? "token special" : "token", ...attributes }, token.shown);
}

/** A line between two boxes of rows, or columns, from the sides that face each other. */
function lineBetween(from, to, origin, inColumns, attributes) {
  const a = from.getBoundingClientRect();
  const b = to.getBoundingClientRect();
  const middle = box => [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  const [fromX, fromY] = inColumns ? [a.right, middle(a)[1]] : [middle(a)[0], a.bottom];
  const [toX, toY] = inColumns ? [b.left, middle(b)[1]] : [middle(b)[0], b.top];
  const place = { x1: fromX - origin.left, y1: fromY - origin.top, x2: toX - origin.left, y2: toY - origin.top };
  return draw("line", { ...place, ...attributes });
}

/** The two rows of tokens as rows if they fit, else as columns, and the lines between them. */
function layOut(best, nodes) {
  const { stage, svg, rows, queries, passages } = nodes;
  stage.classList.remove("columns");
  const inColumns = rows.some(row => row.scrollWidth > row.clientWidth);
  stage.classList.toggle("columns", inColumns);
  const origin = stage.getBoundingClientRect();
  svg.setAttribute("width", origin.width);
  svg.setAttribute("height", origin.height);
  const values = best.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  nodes.lines = queries.map((query, r) => {
    const answer = passages[best[r].row];
    if (!answer) return null;
    const line = lineBetween(query, answer, origin, inColumns, { "data-from": r, "data-to": best[r].row });
    line.style.setProperty("--t", high > low ? share(best[r].value, low, high) : 1);
    return line;
  });
  svg.replaceChildren(...nodes.lines.filter(Boolean));
}

/** What is said of the token that is pointed at, and which lines and tokens stand out. */
function alignmentOf(index, best, names) {
  const { query, passage, shown } = names;
  if (index < shown) {
    const { row, value } = best[index];
    const told = `“${query[index].shown}” is answered by “${passage[row].shown}”: ${digits(value, 4)}`;
    return { from: [index], to: [row], told };
  }
  const row = index - shown;
  const from = best.flatMap((answer, r) => (answer.row === row ? [r] : []));
  const parts = from.map(r => `“${query[r].shown}” ${digits(best[r].value, 4)}`);
  const told = `“${passage[row].shown}” answers ${parts.length ? parts.join(", ") : "no token of the query"}`;
  return { from, to: [row], told };
}

function alignmentNodes(query, passage, best) {
  const queries = query.slice(0, alignedShown).map((token, r) => {
    const { row, value } = best[r];
    const name = `${token.shown}, answered by ${passage[row].shown}, ${digits(value, 3)}`;
    return alignToken(token, { "data-token": r, "data-answer": row, "data-value": value, "aria-label": name });
  });
  const passages = passage.slice(0, alignedShown).map((token, r) => alignToken(token, { "data-token": r }));
  const rows = [make("ul", { "aria-label": "Tokens of the query" }, ...queries),
    make("ul", { "aria-label": "Tokens of the passage" }, ...passages)];
  const svg = draw("svg", { "aria-hidden": "true" });
  return { queries, passages, rows, svg, stage: make("div", { class: "stage" }, svg, ...rows), lines: [] };
}

function alignmentNote(query, passage, best) {
  const told = ["A thicker line is a larger inner product."];
  const most = Math.max(query.length, passage.length);
  if (most > alignedShown) {
    told.push(`Shown are the first ${alignedShown} tokens of each text, of ${query.length} and ${passage.length}.`);
  }
  const beyond = best.slice(0, alignedShown).filter(({ row }) => row >= alignedShown).length;
  const have = beyond === 1 ? "has" : "have";
  if (beyond > 0) told.push(`${counted(beyond, "token")} answered by one beyond these ${have} no line.`);
  return told.join(" ");
}

/** The ColBERT alignment of two texts. It is laid out anew whenever its width changes. */
function alignment(queryItem, passageItem) {
  const [query, passage] = [rowTokens(queryItem), rowTokens(passageItem)];
  const best = answers(queryItem.colbert, passageItem.colbert);
  const nodes = alignmentNodes(query, passage, best);
  const rest = alignmentNote(query, passage, best);
  const note = make("p", { class: "caption quiet", role: "status", id: "align-note" }, rest);
  const all = [...nodes.queries, ...nodes.passages];
  const show = index => {
    const { from, to, told } = alignmentOf(index, best, { query, passage, shown: nodes.queries.length });
    nodes.queries.forEach((node, r) => node.classList.toggle("on", from.includes(r)));
    nodes.passages.forEach((node, r) => node.classList.toggle("on", to.includes(r)));
    nodes.lines.forEach((line, r) => line?.classList.toggle("on", from.includes(r)));
    nodes.stage.classList.add("pointed");
    note.textContent = told;
  };
  nodes.stage.addEventListener("pointerleave", event => {
    if (event.pointerType !== "mouse" || nodes.stage.contains(document.activeElement)) return;
    for (const node of [nodes.stage, ...all, ...nodes.lines]) node?.classList.remove("pointed", "on");
    note.textContent = rest;
  });
  nodes.rows.forEach((row, n) => rove(row, n ? nodes.passages : nodes.queries));
  pointed(nodes.stage, all, show);
  const lead = "Each token of the query has a line to the token of the passage with which its ColBERT vector has the " +
    "largest inner product. The score is the mean of these.";
  const figure = make("div", { id: "alignment" }, make("h4", {}, "Which token answers which"),
    make("p", { class: "quiet lead" }, lead), make("div", {}, nodes.stage, note));
  new ResizeObserver(() => layOut(best, nodes)).observe(figure);
  return figure;
}

/** The section about the chosen pair. */
function showPair(state) {
  const [i, j] = state.pair;
  const [query, passage] = [state.items[i], state.items[j]];
  at("swap").hidden = i === j;
  at("pair-title").textContent = `Query ${i + 1} with passage ${j + 1}`;
  const sides = make("div", { class: "sides" }, sideOf("Query", state, i), sideOf("Passage", state, j));
  const parts = [sides, pairScores(state, i, j)];
  if (state.has.sparse) parts.push(sharedList(query, passage));
  at("pair").hidden = false;
  if (state.has.colbert) parts.push(alignment(query, passage));
  else parts.push(make("p", { class: "quiet" }, `${state.model} has no ColBERT head: single tokens have no vectors.`));
  at("pair-body").replaceChildren(...parts);
}

const sideOf = (name, state, i) => make("div", {}, make("span", { class: "quiet small" }, `${name} ${i + 1}`),
  make("p", { dir: "auto" }, shortened(state.texts[i], 300)));
