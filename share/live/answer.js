// One POST /predict, and its reply shown.

import { $, access, element, getJson, whyNoAnswer } from "./dom.js";
import { forgetProblems, reasonsMax, requestBody, showProblemsInFields } from "./form.js";
import { showReasons } from "./reasons.js";

const REASONS = 6;

function showFacts(reply) {
  $("facts").replaceChildren();
  for (const [name, value] of Object.entries(reply)) {
    if (["fraud_probability", "risk_level", "reasons"].includes(name)) continue;
    const label = name.replaceAll("_", " ");
    $("facts").append(element("dt", {}, label), element("dd", {}, String(value)));
  }
}

function showPrediction(reply, why) {
  const isProbability = "fraud_probability" in reply;
  const score = isProbability ? reply.fraud_probability : reply.score;
  const shown = isProbability ? `${(100 * score).toPrecision(3)} %` : String(score);
  $("probability").textContent = shown;
  $("probability").title = String(score);
  $("risk").textContent = reply.risk_level ? `${reply.risk_level} risk` : "";
  $("answer").dataset.risk = reply.risk_level ?? "";
  $("meter").hidden = !isProbability;
  $("meter").setAttribute("aria-label", `fraud probability ${score}`);
  $("bar").setAttribute("width", isProbability ? Math.max(1, 100 * score) : 0);
  showReasons(reply.reasons ?? [], why);
  showFacts(reply);
  $("answer").hidden = false;
  $("said").textContent = `${isProbability ? "Fraud probability" : "Score"} ${shown}` +
    `${reply.risk_level ? `, ${reply.risk_level} risk` : ""}.`;
}

function showProblems(detail) {
  const violations = Array.isArray(detail) ? detail : [{ loc: [], msg: String(detail) }];
  for (const { loc, msg } of violations) {
    const where = loc.slice(1).join(" ");
    $("problems").append(element("li", {}, where ? `${where}: ${msg}` : msg));
  }
  $("problems").hidden = false;
  $("said").textContent = [...$("problems").children].map((li) => li.textContent).join(". ");
  showProblemsInFields(violations);
}

function clearAnswer() {
  $("waiting").hidden = true;
  $("answer").hidden = true;
  $("problems").hidden = true;
  $("problems").replaceChildren();
  forgetProblems();
}

// ---- the exchange --------------------------------------------------------------------

function ask(body, reasons) {
  const path = reasons > 0 ? `/predict?explain=${reasons}` : "/predict";
  return getJson(path, { method: "POST", headers: { "Content-Type": "application/json" }, body })
    .then((answer) => ({ path, ...answer }));
}

// What the service has against reasons, if that is all.
function refusesReasons({ status, body }) {
  const about = Array.isArray(body.detail) ? body.detail : [];
  return status === 422 && about.length > 0 && about.every(({ loc }) => loc.at(-1) === "explain")
    ? about.map(({ msg }) => msg).join(". ") : "";
}

async function answerOf(body) {
  const answer = await ask(body, Math.min(REASONS, reasonsMax()));
  const why = refusesReasons(answer);
  return why ? { ...await ask(body, 0), why: `There are no reasons: ${why}` } : { ...answer, why };
}

let isUnderWay = false;

// The button stays where the focus is: one that is `disabled` would lose it.
function showUnderWay(underWay) {
  isUnderWay = underWay;
  $("answer").setAttribute("aria-busy", String(underWay));
  $("submit").setAttribute("aria-disabled", String(underWay));
  if (underWay) $("waiting").textContent = $("said").textContent = "Asking for the score …";
}

async function exchange() {
  const body = requestBody();
  access.key = $("key").value.trim();
  const started = performance.now();
  try {
    const { path, status, body: reply, why } = await answerOf(body);
    const took = performance.now() - started;
    clearAnswer();
    if (status === 200) showPrediction(reply, why);
    else showProblems(reply.detail);
    if (status === 401) $("key-field").hidden = false;
    $("sent").textContent = `POST ${path}\n${body}`;
    $("received").textContent =
      `${status}, after ${took.toFixed(1)} ms\n${JSON.stringify(reply, null, 2)}`;
    $("exchange").hidden = false;
  } catch (error) {
    clearAnswer();
    showProblems(`${whyNoAnswer(error)} ${error.message}`);
  }
}

export async function score(event) {
  event.preventDefault();
  if (isUnderWay) return;
  showUnderWay(true);
  try {
    await exchange();
  } finally {
    showUnderWay(false);
  }
}
