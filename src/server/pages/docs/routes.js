// Any route of the server, as its openapi.json describes it.

const answerShown = 20000;  // characters
let routesKnown = new Map();

/** What `$ref` stands for. */
function resolved(schema, node) {
  for (let steps = 0; node?.$ref && steps < 8; ++steps) {
    const names = node.$ref.replace(/^#\//, "").split("/").map(name => name.replace(/~1/g, "/").replace(/~0/g, "~"));
    node = names.reduce((found, name) => found?.[name], schema);
  }
  return node;
}

const firstExample = (schema, node) => node?.example ?? resolved(schema, Object.values(node?.examples ?? {})[0])?.value;

/** The path with an example in each of its places, and what the query must have. */
function addressOf(schema, path, parameters) {
  const all = parameters.map(parameter => resolved(schema, parameter));
  const valueOf = parameter => {
    const type = resolved(schema, parameter.schema);
    const choices = [firstExample(schema, parameter), type?.example, type?.default, type?.enum?.[0], type?.const];
    return `${choices.find(choice => choice !== undefined && choice !== null) ?? parameter.name}`;
  };
  const filled = all.filter(({ in: place }) => place === "path").reduce((text, parameter) =>
    text.replace(`{${parameter.name}}`, encodeURIComponent(valueOf(parameter))), path);
  const query = all.filter(parameter => parameter.in === "query" && parameter.required)
    .map(parameter => `${parameter.name}=${encodeURIComponent(valueOf(parameter))}`);
  return query.length ? `${filled}?${query.join("&")}` : filled;
}

function operations(schema) {
  return Object.entries(schema.paths).flatMap(([path, methods]) => ["post", "get", "delete", "put"].flatMap(method => {
    const operation = methods[method];
    if (!operation) return [];
    const json = resolved(schema, operation.requestBody)?.content?.["application/json"];
    const address = addressOf(schema, path, [...(methods.parameters ?? []), ...(operation.parameters ?? [])]);
    return [{
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      address,
      group: operation.tags?.[0] ?? "",
      about: [operation.summary, operation.description].filter(Boolean).join("\n"),
      body: json ? firstExample(schema, json) ?? {} : null,
    }];
  }));
}

function routeOptions(all) {
  const groups = new Map();
  const ordered = [...all].sort((a, b) => (a.method === "POST" ? 0 : 1) - (b.method === "POST" ? 0 : 1));
  for (const { group, name } of ordered) groups.set(group, [...(groups.get(group) ?? []), new Option(name, name)]);
  return [...groups].flatMap(([label, options]) => (label ? [make("optgroup", { label }, ...options)] : options));
}

function showBody(body) {
  const text = JSON.stringify(body, null, 2);
  at("body").value = text;
  at("body").rows = Math.min(16, Math.max(3, text.split("\n").length));
}

/** The list in which a body has its texts: the name of the first field that holds strings. */
const textsField = body => body && Object.keys(body).find(name =>
  Array.isArray(body[name]) && body[name].length > 0 && body[name].every(item => typeof item === "string"));

function showRoute() {
  const { about, address, path, body } = routesKnown.get(at("route").value);
  at("route-about").textContent = about;
  at("address").value = address;
  at("address-field").hidden = address === path;
  at("body-field").hidden = body === null;
  at("take-texts").hidden = !textsField(body);
  showBody(body ?? {});
}

function takeTexts() {
  const { body } = routesKnown.get(at("route").value);
  showBody({ ...body, [textsField(body)]: textsOf(at("texts").value) });
}

/** Vectors have a thousand numbers: the first few tell enough. */
function abridged(value) {
  if (typeof value === "string" && value.length > 400) return `${value.slice(0, 60)}… ${value.length} characters`;
  if (Array.isArray(value) && value.length > 12 && value.every(item => typeof item === "number"))
    return [...value.slice(0, 6), `… ${value.length} numbers`];
  if (Array.isArray(value)) return value.map(abridged);
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, abridged(item)]));
}

function answerText(value) {
  if (typeof value === "string") return shortened(value, answerShown);
  const text = JSON.stringify(abridged(value), null, 2).replace(/\[\s+([-\d.e,\s]+),\s+"(… \d+ numbers)"\s+\]/g,
    (all, numbers, rest) => `[${numbers.replace(/\s+/g, " ")}, ${rest}]`);
  if (text.length <= answerShown) return text;
  return `${text.slice(0, answerShown)}\n… ${counted(text.length, "character")} in all`;
}

async function send() {
  const { method, body } = routesKnown.get(at("route").value);
  at("send").disabled = true;
  at("summary").textContent = "…";
  try {
    const { ok, entry, value } = await ask(method, at("address").value, body === null ? null : at("body").value);
    at("summary").className = ok ? "quiet" : "error";
    at("summary").textContent = [`${entry.status}`, timesOf(entry)].filter(Boolean).join(" · ");
    at("answer").textContent = answerText(value);
  } catch (error) {
    at("summary").className = "error";
    at("summary").textContent = error.message;
  }
  at("send").disabled = false;
}

async function loadRoutes() {
  try {
    const response = await fetch("openapi.json");
    if (!response.ok) throw new Error(`status ${response.status}`);
    routesKnown = new Map(operations(await response.json()).map(route => [route.name, route]));
  } catch (error) {
    at("route-about").textContent = `The list of routes, openapi.json, cannot be read: ${error.message}`;
    at("send").disabled = true;
    return;
  }
  at("route").replaceChildren(...routeOptions([...routesKnown.values()]));
  at("route").addEventListener("change", showRoute);
  at("take-texts").addEventListener("click", takeTexts);
  at("send").addEventListener("click", send);
  showRoute();
}

loadRoutes();
