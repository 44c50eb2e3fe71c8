// Texts as their tokens, shaded by lexical weight.

const tokensShown = 200;  // of each text

const hasPlace = token => Number.isInteger(token?.start) && Number.isInteger(token?.stop);

/** The part of a text from which a token comes, and what is skipped before it; `part` gives bytes of it as text. */
function placed(part, end, { start, stop }, next) {
  // Of tokens that begin at one character the last has it; the others are a word mark, or come of the same character.
  if (hasPlace(next) && next.start <= start) return { gap: "", shown: "·", end };
  const begin = Math.max(end, start);
  const own = part(begin, stop);
  const word = own.trimStart();
  const gap = part(end, begin) + own.slice(0, own.length - word.length);
  return { gap, shown: word || "·", end: Math.max(end, stop) };
}

/** Tokens of /tokenize with how they are shown; of a text that was cut the first ones, and the end, as embedded. */
function tokensOf(text, found, item) {
  const bytes = new TextEncoder().encode(text), decoder = new TextDecoder();
  const part = (begin, end) => decoder.decode(bytes.subarray(begin, end));
  const kept = found.length > item.count ? [...found.slice(0, item.count - 1), found[found.length - 1]] : found;
  let end = 0;
  return kept.map((token, i) => {
    const place = hasPlace(token) ? placed(part, end, token, kept[i + 1]) : { gap: "", shown: token.text };
    const { gap, shown } = place;
    end = place.end ?? end;
    const weight = item.sparse && !token.special ? item.sparse.get(token.id) ?? 0 : null;
    return { id: token.id, special: token.special, gap, shown, weight };
  });
}

/** A list item for each token. Gaps are text between them. */
function tokenLine(tokens, heaviest, show) {
  const line = make("p", { class: "tokens", role: "list", dir: "auto" });
  const shown = tokens.filter(token => !token.special).slice(0, tokensShown);
  const spans = shown.map(token => {
    const told = token.weight === null ? "" : digits(token.weight, 3);
    const span = make("span", { class: "token", role: "listitem", "data-weight": told,
      "aria-label": told ? `${token.shown}, ${told}` : token.shown }, token.shown);
    span.style.setProperty("--t", share(token.weight ?? 0, 0, heaviest));
    line.append(token.gap, span);
    return span;
  });
  const rest = tokens.filter(token => !token.special).length - spans.length;
  if (rest > 0) line.append(make("span", { class: "quiet" }, ` … ${counted(rest, "more token")}`));
  rove(line, spans);
  pointed(line, spans, i => show(shown[i]));
  return line;
}

const toldWeight = token => (token.weight === null ? `“${token.shown}”: token ${token.id}`
  : `“${token.shown}”: weight ${digits(token.weight, 4)}, token ${token.id}`);

/** A text, and below it the number of its tokens and the token that is pointed at. */
function weightedText(item, heaviest) {
  const count = counted(item.count, "token");
  const note = make("p", { class: "quiet small", role: "status" }, count);
  const line = tokenLine(item.tokens, heaviest, token => { note.textContent = `${count} · ${toldWeight(token)}`; });
  return make("li", {}, line, note);
}

/** The section about lexical weights. */
function showWeights(state) {
  const all = state.items.flatMap(item => item.tokens);
  const heaviest = all.reduce((most, token) => Math.max(most, token.weight ?? 0), 0);
  at("weights-lead").textContent = state.has.sparse
    ? "Each text as its tokens. The stronger its colour, the more a token weighs in the sparse vector: from 0 to " +
      `${digits(heaviest, 2)}. Point at a token for its number.`
    : `${state.model} has no sparse head, so its tokens have no weights.`;
  at("print-weights-label").hidden = !state.has.sparse;
  at("weights").replaceChildren(...state.items.map(item => weightedText(item, heaviest)));
}
