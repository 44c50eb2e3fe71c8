// The similarities that FlagEmbedding's compute_score gives.

/** In four sums, which need not wait for one another: most of the time goes here. */
function dot(a, b) {
  let s = 0, t = 0, u = 0, v = 0;
  const whole = a.length - (a.length % 4);
  for (let i = 0; i < whole; i += 4) {
    s += a[i] * b[i];
    t += a[i + 1] * b[i + 1];
    u += a[i + 2] * b[i + 2];
    v += a[i + 3] * b[i + 3];
  }
  for (let i = whole; i < a.length; ++i) s += a[i] * b[i];
  return s + t + u + v;
}

/** Of two maps from token id to weight. */
function sparseScore(a, b) {
  let sum = 0;
  for (const [id, weight] of a) sum += weight * (b.get(id) ?? 0);
  return sum;
}

/** For each row of the query the row of the passage with the largest inner product: [{ row, value }]. */
function answers(query, passage) {
  return query.map(own => {
    let best = { row: -1, value: -Infinity };
    passage.forEach((other, row) => {
      const value = dot(own, other);
      if (value > best.value) best = { row, value };
    });
    return best;
  });
}

const average = values => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : 0);

/** The ColBERT scores of two texts as query and passage, and the other way round: both come of the same products. */
function colbertScores(a, b) {
  const ofA = new Float64Array(a.length).fill(-Infinity);
  const ofB = new Float64Array(b.length).fill(-Infinity);
  for (let i = 0; i < a.length; ++i) {
    for (let j = 0; j < b.length; ++j) {
      const value = dot(a[i], b[j]);
      if (value > ofA[i]) ofA[i] = value;
      if (value > ofB[j]) ofB[j] = value;
    }
  }
  return [average(ofA), average(ofB)];
}

/** Computes the ColBERT scores of a pair, unless that was done. */
function fillColbert({ items, tables }, i, j) {
  if (!Number.isNaN(tables.colbert[i][j])) return;
  [tables.colbert[i][j], tables.colbert[j][i]] = colbertScores(items[i].colbert, items[j].colbert);
}

/**
 * Computes those of all pairs, which takes seconds for two dozen long texts: the page lives on meanwhile, and is told
 * how much is done. Stops where `wanted` says no.
 */
async function fillAllColbert(state, tell, wanted) {
  const pairs = state.items.flatMap((_, i) => state.items.slice(i).map((_, more) => [i, i + more]));
  let resume = performance.now() + 40;
  for (const [n, [i, j]] of pairs.entries()) {
    fillColbert(state, i, j);
    if (performance.now() < resume) continue;
    tell(n / pairs.length);
    await new Promise(done => setTimeout(done));
    if (!wanted()) return;
    resume = performance.now() + 40;
  }
  tell(1);
}

/** The scores of all pairs, by kind: [queries][passages]; only kinds that the items have. ColBERT is NaN so far. */
function scoreTables(items) {
  const table = score => items.map(query => items.map(passage => score(query, passage)));
  const found = { dense: table((a, b) => dot(a.dense, b.dense)) };
  if (items[0].sparse) found.sparse = table((a, b) => sparseScore(a.sparse, b.sparse));
  if (items[0].colbert) found.colbert = table(() => NaN);
  return found;
}

/** The weighted mean of the named kinds for one pair; NaN where the weights add up to 0. */
function mean(tables, kinds, shares, i, j) {
  const total = kinds.reduce((sum, kind) => sum + shares[kind], 0);
  return kinds.reduce((sum, kind) => sum + shares[kind] * tables[kind][i][j], 0) / total;
}

/** Little-endian float32 in base64; the order of bytes of all that browsers run on. */
function floats(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i);
  return new Float32Array(bytes.buffer);
}

/** One of `data` of /v1/encode. */
function itemOf({ tokens, dense, sparse, colbert }) {
  return {
    count: tokens,
    dense: floats(dense),
    sparse: sparse && new Map(Object.entries(sparse).map(([id, weight]) => [Number(id), weight])),
    colbert: colbert && colbert.map(floats),
  };
}
