// Which tiles and charts there are, and what each of them shows.

import { $, element } from "./dom.js";
import { Bars, Lines } from "./charts.js";
import { quantile } from "./quantile.js";
import { bins, buckets, total } from "./signals.js";

// ---- numbers in words ----------------------------------------------------------------

function round(value, digits = 3) {
  if (value === 0) return "0";
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString()
    : String(Number(value.toPrecision(digits)));
}

export function perSecond(value) {
  return `${round(value)}/s`;
}

export function duration(seconds) {
  if (seconds >= 1) return `${round(seconds)} s`;
  return seconds >= 0.001 || seconds === 0 ? `${round(1000 * seconds)} ms`
    : `${round(1e6 * seconds)} µs`;
}

export function percent(share) {
  return `${round(100 * share)} %`;
}

function messages(count) {
  return round(count);
}

// ---- values of a point ---------------------------------------------------------------

const rate = (group) => ({ rates }) => rates.get(group) ?? 0;
const sum = (family) => ({ rates }) => total(rates, family);
const latency = (q) => ({ rates }) => quantile(q, buckets(rates, "latency"));

function fraudShare({ rates }) {
  const all = total(rates, "predictions");
  return all > 0 ? (rates.get("predictions:fraud") ?? 0) / all : null;
}

const gauge = (family) => ({ gauges }) => total(gauges, family);

// ---- the tables ----------------------------------------------------------------------

const LINES = [
  { id: "requests", title: "Requests to /predict", format: perSecond,
    about: "Answers a second, by the first digit of their status.",
    series: [{ name: "2xx", of: rate("requests:2xx") }, { name: "4xx", of: rate("requests:4xx") },
      { name: "5xx", of: rate("requests:5xx") }] },
  { id: "latency", title: "Time of an answer", format: duration,
    about: "Half of the requests to /predict took less than p50, 99 of 100 less than p99.",
    series: [{ name: "p50", of: latency(0.5) }, { name: "p99", of: latency(0.99) }] },
  { id: "predictions", title: "Predictions", format: perSecond,
    about: "Transactions scored a second; each row of an array counts.",
    series: [{ name: "legitimate", of: rate("predictions:legitimate") },
      { name: "fraud", of: rate("predictions:fraud") }] },
  { id: "share", title: "Share of fraud", format: percent,
    about: "Of the predictions, those that say fraud.",
    series: [{ name: "fraud", of: fraudShare }] },
  { id: "refused", title: "Refused, and errors", format: perSecond,
    about: "Requests that limits or shedding refused, and faults of the service itself.",
    series: [{ name: "shed", of: rate("refused:shed") },
      { name: "refused otherwise",
        of: (point) => total(point.rates, "refused") - rate("refused:shed")(point) },
      { name: "errors", of: sum("errors") }] },
];

const KAFKA = [
  { id: "queue", title: "Kafka: waiting", format: messages,
    about: "Messages that the group has not processed (queue) or not committed (lag).",
    series: [{ name: "queue", of: gauge("queue") }, { name: "lag", of: gauge("lag") }] },
  { id: "consumed", title: "Kafka: messages", format: perSecond,
    about: "Messages a second, counted when their transaction has committed.",
    series: [{ name: "consumed", of: rate("kafka:consumed") },
      { name: "dead letters", of: rate("kafka:dead") }] },
];

const TILES = [
  ["requests", "Requests", (point) => perSecond(total(point.rates, "requests"))],
  ["p99", "p99 of /predict", (point) => {
    const seconds = latency(0.99)(point);
    return seconds === null ? "none" : duration(seconds);
  }],
  ["predictions", "Predictions", (point) => perSecond(total(point.rates, "predictions"))],
  ["share", "Share of fraud", (point) => {
    const share = fraudShare(point);
    return share === null ? "none" : percent(share);
  }],
  ["refused", "Refused", (point) => perSecond(total(point.rates, "refused"))],
  ["errors", "Errors", (point) => perSecond(total(point.rates, "errors"))],
];

// ---- the view ------------------------------------------------------------------------

export class View {
  #tiles = new Map();
  #lines = [];
  #kafka = [];
  #scores;

  constructor() {
    for (const [id, name] of TILES) this.#addTile(id, name);
    this.#addTile("replicas", "Replicas seen");
    this.#addTile("model", "Model");
    if (typeof uPlot === "undefined") {
      $("charts").append(element("p", { className: "about" }, "The charts could not be loaded."));
      return;
    }
    this.#lines = LINES.map((spec) => new Lines(spec, $("charts")));
    this.#scores = new Bars({
      id: "scores", title: "Scores",
      about: "Predictions by fraud probability since this page was opened, of ten minutes at most. "
        + "A logarithmic scale; bins are finer near 0 and 1.",
    }, $("charts"));
    this.#kafka = KAFKA.map((spec) => new Lines(spec, $("charts")));
    for (const chart of this.#kafka) chart.parts.made.hidden = true;
  }

  #addTile(id, name) {
    const value = element("dd", { id: `tile-${id}` }, "…");
    this.#tiles.set(id, value);
    $("tiles").append(element("div", {}, element("dt", {}, name), value));
  }

  #showServed(history) {
    const names = history.replicas;
    this.#tiles.get("replicas").textContent = String(names.length);
    this.#tiles.get("replicas").title = names.join(", ");
    const models = [...history.models()].map(([text, replicas]) =>
      (replicas.length < names.length ? `${text}, ${replicas.length} of ${names.length}` : text));
    this.#tiles.get("model").textContent = models.join("; ") || "none";
  }

  show(history) {
    this.#showServed(history);
    const latest = history.points.at(-1);
    if (!latest) return;
    for (const [id, , of] of TILES) this.#tiles.get(id).textContent = of(latest);
    for (const chart of this.#lines) chart.update(history.points);
    this.#scores?.update(bins(buckets(history.counted(), "scores")));
    if (latest.gauges.size > 0) {
      for (const chart of this.#kafka) chart.parts.made.hidden = false;
    }
    for (const chart of this.#kafka.filter(({ parts }) => !parts.made.hidden)) {
      chart.update(history.points);
    }
  }
}
