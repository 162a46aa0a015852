// The live page: a form made from the contract, one POST /predict, the reply shown.
"use strict";

const HEALTH_EVERY_MS = 5000;
const $ = (id) => document.getElementById(id);
let schema = { properties: {}, required: [] };
let example = {};

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

async function getJson(path, options) {
  const response = await fetch(path, { headers: { Accept: "application/json" }, ...options });
  let body;
  try {
    body = await response.json();
  } catch {
    body = { detail: `${response.status} without JSON` };
  }
  return { status: response.status, body };
}

// ---- the form -----------------------------------------------------------------------

function typesOf(property) {
  return [property.type ?? []].flat();
}

function isNumber(property) {
  return typesOf(property).some((type) => type === "number" || type === "integer");
}

function field(name, property) {
  const input = element("input", {
    id: `field-${name}`,
    name,
    type: "text",
    inputMode: isNumber(property) ? "decimal" : "text",
    autocomplete: "off",
    spellcheck: false,
    value: example[name] ?? "",
    defaultValue: example[name] ?? "",
    required: schema.required.includes(name),
  });
  const label = element("label", { htmlFor: input.id }, name.replaceAll("_", " "));
  const row = element("div", { className: "field" }, label, input);
  if (property.description) {
    const hint = element("small", { id: `hint-${name}` }, property.description);
    input.setAttribute("aria-describedby", hint.id);
    row.append(hint);
  }
  return row;
}

function makeForm(document_) {
  const content = document_.paths["/predict"].post.requestBody.content["application/json"];
  schema = { required: [], ...document_.components.schemas.Transaction };
  example = content.example ?? {};
  $("about").textContent = schema.description ?? "";
  $("required").replaceChildren();
  $("optional").replaceChildren();
  for (const [name, property] of Object.entries(schema.properties)) {
    $(schema.required.includes(name) ? "required" : "optional").append(field(name, property));
  }
  $("more").hidden = $("optional").childElementCount === 0;
}

// A number stays as it was typed: JavaScript would round it beyond 2^53.
function jsonOf(property, text) {
  const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
  if (typesOf(property).includes("boolean") && /^(true|false)$/.test(text)) return text;
  return isNumber(property) && number.test(text) ? text : JSON.stringify(text);
}

function requestBody() {
  const members = [];
  for (const input of $("transaction").elements) {
    if (input.name && input.value.trim() !== "") {
      const value = jsonOf(schema.properties[input.name], input.value.trim());
      members.push(`${JSON.stringify(input.name)}: ${value}`);
    }
  }
  return `{${members.join(", ")}}`;
}

// ---- the answer ----------------------------------------------------------------------

function showFacts(reply) {
  $("facts").replaceChildren();
  for (const [name, value] of Object.entries(reply)) {
    if (name === "fraud_probability" || name === "risk_level") continue;
    $("facts").append(element("dt", {}, name.replaceAll("_", " ")), element("dd", {}, String(value)));
  }
}

function showPrediction(reply) {
  const isProbability = "fraud_probability" in reply;
  const score = isProbability ? reply.fraud_probability : reply.score;
  $("probability").textContent = isProbability ? `${(100 * score).toPrecision(3)} %` : String(score);
  $("probability").title = String(score);
  $("risk").textContent = reply.risk_level ? `${reply.risk_level} risk` : "";
  $("answer").dataset.risk = reply.risk_level ?? "";
  $("meter").hidden = !isProbability;
  $("meter").setAttribute("aria-label", `fraud probability ${score}`);
  $("bar").setAttribute("width", isProbability ? Math.max(1, 100 * score) : 0);
  showFacts(reply);
  $("answer").hidden = false;
}

function showProblems(detail) {
  const violations = Array.isArray(detail) ? detail : [{ loc: [], msg: String(detail) }];
  for (const { loc, msg } of violations) {
    const where = loc.slice(1).join(" ");
    $("problems").append(element("li", {}, where ? `${where}: ${msg}` : msg));
    $(`field-${loc.at(-1)}`)?.setAttribute("aria-invalid", "true");
  }
  $("more").open ||= violations.some(({ loc }) => $("optional").contains($(`field-${loc.at(-1)}`)));
  $("problems").hidden = false;
}

function clearAnswer() {
  $("waiting").hidden = true;
  $("answer").hidden = true;
  $("problems").hidden = true;
  $("problems").replaceChildren();
  for (const input of document.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
  }
}

async function score(event) {
  event.preventDefault();
  const body = requestBody();
  const started = performance.now();
  try {
    const { status, body: reply } = await getJson("/predict", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
    });
    const took = performance.now() - started;
    clearAnswer();
    if (status === 200) showPrediction(reply);
    else showProblems(reply.detail);
    $("sent").textContent = `POST /predict\n${body}`;
    $("received").textContent =
      `${status}, after ${took.toFixed(1)} ms\n${JSON.stringify(reply, null, 2)}`;
    $("exchange").hidden = false;
  } catch (error) {
    clearAnswer();
    showProblems(`The server cannot be reached: ${error.message}`);
  }
}

// ---- health ------------------------------------------------------------------------------

async function showHealth() {
  const shown = $("health");
  try {
    const { body } = await getJson("/health", { cache: "no-store" });
    shown.className = `health ${body.status === "healthy" ? "good" : "bad"}`;
    shown.textContent = body.model_loaded
      ? `${body.status}: ${body.model ?? "model"} ${body.version} (${body.model_type}), ${body.environment}`
      : `${body.status}: ${body.reason ?? "no model is loaded"}`;
    if (body.last_refused) shown.textContent += `; refused: ${body.last_refused.reason}`;
    return body;
  } catch {
    shown.className = "health bad";
    shown.textContent = "the server cannot be reached";
    return {};
  }
}

async function watch() {
  let version;
  for (;;) {
    const health = document.hidden ? { version } : await showHealth();
    if (health.version && health.version !== version) {
      version = health.version;
      const { status, body } = await getJson("/openapi.json");
      if (status === 200 && !isEdited()) makeForm(body);
    }
    await new Promise((resolve) => setTimeout(resolve, HEALTH_EVERY_MS));
  }
}

function isEdited() {
  // buttons are elements of the form too, and have no name
  return [...$("transaction").elements].some(
    (input) => input.name && input.value !== input.defaultValue);
}

$("transaction").addEventListener("submit", score);
watch();
