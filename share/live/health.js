// GET /health: what is served, what was refused, and a form anew for each version.

import { $, getJson, isLate } from "./dom.js";
import { isEdited, makeForm } from "./form.js";
import { poll } from "./poll.js";

const EVERY_MS = 5000;

let version; // of the contract that the form shows

function show(isGood, text) {
  $("health").className = `health ${isGood ? "good" : "bad"}`;
  if ($("health").textContent !== text) $("health").textContent = text; // told once
}

function inWords({ status, model_loaded: isLoaded, last_refused: refused, ...body }) {
  const model = `${body.model ?? "model"} ${body.version} (${body.model_type})`;
  const served = isLoaded ? `${status}: ${model}, ${body.environment}`
    : `${status}: ${body.reason ?? "no model is loaded"}`;
  return refused ? `${served}; refused: ${refused.reason}` : served;
}

async function ask() {
  const { body } = await getJson("/health");
  show(body.status === "healthy", body.status ? inWords(body) : `no health: ${body.detail}`);
  if (!body.version || body.version === version) return;
  const { status, body: openapi } = await getJson("/openapi.json");
  if (status !== 200) return;
  version = body.version;
  if (!isEdited()) makeForm(openapi);
}

export function watchHealth() {
  return poll({
    every: EVERY_MS, ask,
    failed: (error) => show(false, isLate(error) ? "no answer" : "the server cannot be reached"),
  });
}
