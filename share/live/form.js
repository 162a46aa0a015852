// The form: its fields come from the contract, and become the body of a request.

import { $, element } from "./dom.js";

let schema = { properties: {}, required: [] };
let example = {};
let explain = 0; // the largest number of reasons that may be asked for

export function typesOf(property) {
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

export function makeForm(openapi) {
  const { post } = openapi.paths["/predict"];
  const content = post.requestBody.content["application/json"];
  schema = { required: [], ...openapi.components.schemas.Transaction };
  example = content.example ?? {};
  explain = post.parameters?.find(({ name }) => name === "explain")?.schema.maximum ?? 0;
  $("about").textContent = schema.description ?? "";
  $("required").replaceChildren();
  $("optional").replaceChildren();
  for (const [name, property] of Object.entries(schema.properties)) {
    $(schema.required.includes(name) ? "required" : "optional").append(field(name, property));
  }
  $("more").hidden = $("optional").childElementCount === 0;
}

export function reasonsMax() {
  return explain;
}

function inputs() {
  // buttons are elements of the form too, and have no name
  return [...$("transaction").elements].filter((input) => input.name);
}

export function isEdited() {
  return inputs().some((input) => input.value !== input.defaultValue);
}

// A number stays as it was typed: JavaScript would round it beyond 2^53.
export function jsonOf(property, text) {
  const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
  if (typesOf(property).includes("boolean") && /^(true|false)$/.test(text)) return text;
  return isNumber(property) && number.test(text) ? text : JSON.stringify(text);
}

export function requestBody() {
  const members = [];
  for (const input of inputs()) {
    if (input.value.trim() !== "") {
      const value = jsonOf(schema.properties[input.name], input.value.trim());
      members.push(`${JSON.stringify(input.name)}: ${value}`);
    }
  }
  return `{${members.join(", ")}}`;
}

// ---- what is wrong with it -----------------------------------------------------------

export function forgetProblems() {
  for (const input of document.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
  }
}

// Marks the field of each violation; the first of them gets the focus.
export function showProblemsInFields(violations) {
  const wrong = violations.map(({ loc }) => $(`field-${loc.at(-1)}`)).filter((input) => input);
  for (const input of wrong) input.setAttribute("aria-invalid", "true");
  if (wrong.some((input) => $("optional").contains(input))) $("more").open = true;
  wrong[0]?.focus();
}
