// What the page takes from a scrape: counters in groups, gauges, the models.

import { parse } from "./metrics.js";

const PREDICT = "/predict";

// Name of a counter -> the group that a series of it counts for, or undefined.
const COUNTERS = {
  http_requests_total: ({ endpoint, status_code: status }) =>
    endpoint === PREDICT ? `requests:${status[0]}xx` : undefined,
  http_request_duration_seconds_bucket: ({ endpoint, le }) =>
    endpoint === PREDICT ? `latency:${Number(le.replace("+Inf", "Infinity"))}` : undefined,
  ml_model_predictions_total: ({ prediction_result: result }) => `predictions:${result}`,
  ml_model_fraud_probability_bucket: ({ le }) =>
    `scores:${Number(le.replace("+Inf", "Infinity"))}`,
  http_requests_refused_total: ({ reason }) => `refused:${reason}`,
  ml_model_errors_total: ({ error_type: type }) => `errors:${type}`,
  kafka_messages_consumed_total: () => "kafka:consumed",
  kafka_dead_letters_total: () => "kafka:dead",
};

// The broker is one: each replica tells the same of the whole topic, and the largest counts.
// Lag has a series a partition, which are added within a replica.
const GAUGES = {
  kafka_queue_length: ({ topic }) => `queue:${topic}`,
  kafka_consumer_lag: ({ topic }) => `lag:${topic}`,
};

const WANTED = new Set([...Object.keys(COUNTERS), ...Object.keys(GAUGES), "ml_model_info",
  "kafka_broker_up"]);

// { counters: Map key -> { group, value }, gauges: Map group -> sum, models: [text] }
export function read(text) {
  const reading = { counters: new Map(), gauges: new Map(), models: [] };
  let brokerAnswers = true;
  for (const { name, labels, key, value } of parse(text, WANTED)) {
    if (name === "ml_model_info") {
      if (value > 0) reading.models.push(labels);
      continue;
    }
    if (name === "kafka_broker_up") {
      brokerAnswers &&= value > 0;
      continue;
    }
    const group = (COUNTERS[name] ?? GAUGES[name])(labels);
    if (group === undefined) continue;
    if (name in COUNTERS) reading.counters.set(key, { group, value });
    else reading.gauges.set(group, (reading.gauges.get(group) ?? 0) + Number(value));
  }
  // Then its queue and lag are old, and must not hide what another replica has heard since.
  if (!brokerAnswers) reading.gauges.clear();
  return reading;
}

// ---- groups of a point ---------------------------------------------------------------

// The sum of all groups of a family, such as "requests".
export function total(groups, family) {
  let sum = 0;
  for (const [group, value] of groups) {
    if (group.startsWith(`${family}:`)) sum += value;
  }
  return sum;
}

// The cumulative buckets of a histogram, in the order of their bounds.
export function buckets(groups, family) {
  const found = [];
  for (const [group, count] of groups) {
    if (group.startsWith(`${family}:`)) {
      found.push({ bound: Number(group.slice(family.length + 1)), count });
    }
  }
  return found.sort((a, b) => a.bound - b.bound);
}

// Each bucket with what lies in it alone.
export function bins(cumulative) {
  return cumulative.map(({ bound, count }, i) => ({
    low: i === 0 ? 0 : cumulative[i - 1].bound,
    high: bound,
    count: count - (i === 0 ? 0 : cumulative[i - 1].count),
  }));
}
