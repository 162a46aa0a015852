// What scrapes of one or more replicas say, as a series of points in time.
//
// Behind a Service each scrape may reach another replica, with counters of its own. So each
// replica is compared with its own scrape before, and a point adds up the rates of all
// replicas seen within the last minute.

import { difference } from "./metrics.js";

export const REPLICA_WINDOW_MS = 60_000; // a replica that was not seen so long is gone
export const WINDOW_MS = 600_000; // of the points that are kept

// Counters that went back, or away: the replica has begun anew, all of them from 0.
function hasBegunAnew(earlier, later) {
  for (const [key, { value }] of earlier) {
    const now = later.get(key);
    if (now === undefined || now.value < value) return true;
  }
  return false;
}

// Map group -> how far its counters went.
export function increases(earlier, later) {
  const before = hasBegunAnew(earlier, later) ? new Map() : earlier;
  const found = new Map();
  for (const [key, { group, value }] of later) {
    const gone = difference(value, before.get(key)?.value ?? 0);
    found.set(group, (found.get(group) ?? 0) + gone);
  }
  return found;
}

function addTo(sums, values) {
  for (const [group, value] of values) sums.set(group, (sums.get(group) ?? 0) + value);
}

export class History {
  points = []; // { time, replica, seconds, rates, increases, gauges, replicas, models }
  #replicas = new Map(); // name -> { time, reading, rates }

  // time: milliseconds at which the scrape came. The point that it makes, or null where it is
  // the first of its replica.
  add(replica, time, reading) {
    const before = this.#replicas.get(replica);
    const seconds = before && (time - before.time) / 1000;
    if (before && !(seconds > 0)) return null;
    const gone = before && increases(before.reading.counters, reading.counters);
    const rates = gone && new Map([...gone].map(([group, n]) => [group, n / seconds]));
    this.#replicas.set(replica, { time, reading, rates });
    this.#forget(time);
    if (!before) return null;
    const point = {
      time, replica, seconds, increases: gone, rates: this.#sum(), gauges: this.gauges(),
      replicas: this.#replicas.size,
    };
    this.points.push(point);
    return point;
  }

  #forget(time) {
    for (const [name, { time: seen }] of this.#replicas) {
      if (time - seen > REPLICA_WINDOW_MS) this.#replicas.delete(name);
    }
    this.points = this.points.filter((point) => time - point.time < WINDOW_MS);
  }

  #sum() {
    const sums = new Map();
    for (const { rates } of this.#replicas.values()) addTo(sums, rates ?? []);
    return sums;
  }

  get replicas() {
    return [...this.#replicas.keys()].sort();
  }

  // Map group -> the largest that a replica tells.
  gauges() {
    const largest = new Map();
    for (const { reading } of this.#replicas.values()) {
      for (const [group, value] of reading.gauges) {
        largest.set(group, Math.max(value, largest.get(group) ?? -Infinity));
      }
    }
    return largest;
  }

  // Map "fraud 1.0.0 (XGBoost)" -> the replicas that serve it.
  models() {
    const served = new Map();
    for (const [name, { reading }] of this.#replicas) {
      for (const { model, model_version: version, model_type: type } of reading.models) {
        const text = `${model} ${version} (${type})`;
        served.set(text, [...(served.get(text) ?? []), name]);
      }
    }
    return served;
  }

  // Map group -> what was counted over all points. An increase over a longer time than the
  // window, as after an hour in which nobody looked, is left out: most of it lies before.
  counted() {
    const sums = new Map();
    for (const { seconds, increases: gone } of this.points) {
      if (1000 * seconds <= WINDOW_MS) addTo(sums, gone);
    }
    return sums;
  }
}
