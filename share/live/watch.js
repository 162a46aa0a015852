// GET /metrics every few seconds, and what became of it.

import { $, ANSWER_MAX_MS, clock, whyNoAnswer, withKey } from "./dom.js";
import { SyntaxFault } from "./metrics.js";
import { poll, Refusal } from "./poll.js";
import { read } from "./signals.js";

export const EVERY_MS = 2000;
const OLD_MS = 3 * EVERY_MS;
const SCRAPE_MAX = 16 * 2 ** 20; // characters

const REFUSED = {
  401: "it wants an API key",
  403: "it is not for everybody",
  404: "this service has no metrics",
  429: "asked too often",
  503: "the service is overloaded",
};

function now() {
  return performance.timeOrigin + performance.now(); // never goes back
}

async function refusal(response) {
  const { status } = response;
  const why = REFUSED[status] ?? response.statusText;
  return new Refusal(`The service refuses its metrics: ${status}${why && `, ${why}`}.`,
    response.headers.get("Retry-After"));
}

function unanswered(error) {
  throw new Refusal(whyNoAnswer(error));
}

async function scrape() {
  const response = await fetch("/metrics", {
    cache: "no-store", signal: AbortSignal.timeout(ANSWER_MAX_MS),
    headers: withKey({ Accept: "text/plain;version=0.0.4" }),
  }).catch(unanswered);
  const time = now();
  if (!response.ok) throw await refusal(response);
  const type = response.headers.get("Content-Type") ?? "";
  const text = await response.text().catch(unanswered);
  if (!type.startsWith("text/plain")) throw new Refusal("What came as metrics are none.");
  if (text.length > SCRAPE_MAX) throw new Refusal("The metrics are too long to be shown.");
  // Without a name there is one replica, or nobody can tell them apart.
  return { replica: response.headers.get("X-Rowan-Replica") ?? "unnamed", time, text };
}

// ---- what the reader is told ---------------------------------------------------------

let latest; // time of the last scrape that came
let trouble = "";

function say(...parts) {
  const text = parts.map((part) => part.textContent ?? part).join("");
  if ($("feed").textContent !== text) $("feed").replaceChildren(...parts);
}

function showAge() {
  const isOld = trouble !== "" || (latest !== undefined && now() - latest > OLD_MS);
  document.body.dataset.old = String(isOld);
  if (!isOld) say("");
  else if (latest === undefined) say(trouble, " There are no numbers yet.");
  else say(trouble, trouble ? " " : "", "The numbers are those of ", clock(latest), ".");
}

// Each scrape goes into the history, then shown() is called.
export function watchMetrics(history, shown) {
  setInterval(showAge, 1000);
  return poll({
    every: EVERY_MS,
    async ask() {
      const { replica, time, text } = await scrape();
      try {
        history.add(replica, time, read(text));
      } catch (error) {
        if (error instanceof SyntaxFault) throw new Refusal(error.message);
        throw error;
      }
      latest = time;
      trouble = "";
      showAge();
      shown();
    },
    failed(error) {
      if (!(error instanceof Refusal)) console.error(error);
      trouble = error.message;
      showAge();
    },
  });
}
