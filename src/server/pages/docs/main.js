// From the texts to what is shown of their vectors.

const textsShown = 24;
const charactersSent = 1000;  // of each text

let state = null;  // of the texts that are shown
let known = null;  // what GET /info says

const textsOf = value => value.split("\n").filter(line => line.trim() !== "");

function tellModel(info) {
  const vectors = ["dense", info.sparse && "sparse", info.colbert && "ColBERT"].filter(Boolean).join(", ");
  at("about").textContent = `${info.model_id} · ${info.device}, ${info.model_dtype} · ` +
    `${counted(info.dimension, "dimension")} · ${vectors} · up to ${counted(info.max_input_length, "token")}`;
}

/** Asks for GET /info until it was answered once. */
async function knowModel() {
  if (known) return known;
  const response = await fetch("./info", requestOptions("GET", null));
  const value = parsed(await response.text());
  if (!response.ok) throw new Error(reason("/info", { entry: response, value }));
  known = value;
  tellModel(known);
  return known;
}

/** What is compared of what was written, and what is said about the rest. */
function takenTexts(all, info) {
  const most = Math.min(textsShown, info.max_client_batch_size);
  const notes = [];
  if (all.length > most) notes.push(`The first ${most} of ${all.length} texts are compared.`);
  const long = all.slice(0, most).filter(text => Array.from(text).length > charactersSent).length;
  const cut = counted(charactersSent, "character");
  if (long > 0) notes.push(`${counted(long, "text")} cut after ${cut}, before being embedded.`);
  if (info.default_prompt_name) {
    const name = info.default_prompt_name;
    notes.push(`The model’s default prompt, “${name}”, is left out: each vector has its token.`);
  }
  return { texts: all.slice(0, most).map(text => Array.from(text).slice(0, charactersSent).join("")), notes };
}

async function embedded(texts, info) {
  const body = { input: texts, dense: true, sparse: info.sparse, colbert: info.colbert, encoding_format: "base64" };
  const prompt = info.default_prompt_name ? { prompt: "" } : {};
  const [tokens, encoded] = await Promise.all([
    post("/tokenize", { inputs: texts, ...prompt }),
    post("/v1/encode", { ...body, ...prompt }),
  ]);
  return encoded.data.map((data, i) => {
    const item = itemOf(data);
    return { ...item, tokens: tokensOf(texts[i], tokens[i], item) };
  });
}

function choose(i, j) {
  state.pair = [i, j];
  showHeat(state, choose);
  showPair(state);
}

function refresh() {
  at("shares").hidden = state.kind !== "combined";
  showHeat(state, choose);
  if (state.pair) showPair(state);
}

function showResults(notes) {
  const reasons = showKinds(state, kind => {
    state.kind = kind;
    refresh();
  });
  at("notes").replaceChildren(...[...notes, ...reasons.map(text => `${text}.`)].map(text => make("li", {}, text)));
  at("results").hidden = false;
  at("pair").hidden = true;
  at("shares").hidden = state.kind !== "combined";
  showHeat(state, choose);
  showWeights(state);
  if (state.items.length > 1) choose(0, 1);
}

/** The scores that take long. */
async function finish(current, told) {
  at("results").setAttribute("aria-busy", "true");
  const tell = share => {
    at("compare-status").textContent = share < 1 ? `${told} · ColBERT ${Math.floor(100 * share)} %` : told;
  };
  if (current.has.colbert) await fillAllColbert(current, tell, () => state === current);
  if (state !== current) return;
  if (current.has.colbert) showHeat(current, choose);
  at("compare-status").textContent = told;
  at("results").setAttribute("aria-busy", "false");
}

async function compare() {
  const all = textsOf(at("texts").value);
  at("compare-error").hidden = true;
  if (all.length === 0) {
    at("compare-status").textContent = "There is no text yet.";
    return;
  }
  at("compare").disabled = true;
  at("compare-status").textContent = "…";
  try {
    const info = await knowModel();
    const { texts, notes } = takenTexts(all, info);
    const items = await embedded(texts, info);
    state = { texts, items, tables: scoreTables(items), kind: state?.kind ?? "dense", pair: null, model: info.model_id,
      has: { dense: true, sparse: info.sparse, colbert: info.colbert } };
    showResults(notes);
    const tokens = items.reduce((sum, item) => sum + item.count, 0);
    finish(state, `${counted(texts.length, "text")}, ${counted(tokens, "token")}`);
  } catch (error) {
    at("compare-status").textContent = "";
    at("compare-error").textContent = error.message;
    at("compare-error").hidden = false;
  }
  at("compare").disabled = false;
}

function start() {
  at("texts-limit").textContent = `Up to ${textsShown} texts are compared, of each the first ` +
    `${charactersSent.toLocaleString("en")} characters. Ctrl+Enter compares.`;
  at("compare").addEventListener("click", compare);
  at("texts").addEventListener("keydown", event => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) compare();
  });
  at("swap").addEventListener("click", () => choose(state.pair[1], state.pair[0]));
  for (const kind of ["dense", "sparse", "colbert"]) {
    at(`share-${kind}`).addEventListener("input", () => state && refresh());
  }
  at("print-weights").addEventListener("change", ({ target }) =>
    at("weights").classList.toggle("numbers", target.checked));
  const tryModel = () => knowModel().catch(error => { at("about").textContent = error.message; });
  at("key").addEventListener("change", tryModel);
  tryModel();
}

start();
