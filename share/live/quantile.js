// histogram_quantile of Prometheus, for classic histograms.

// buckets: [{ bound, count }] in the order of their bounds, cumulative, the last one +Inf;
// counts may be rates. null where there is nothing to tell.
export function quantile(q, buckets) {
  const total = buckets.at(-1)?.count;
  if (buckets.length < 2 || buckets.at(-1).bound !== Infinity || !(total > 0)) return null;
  const rank = q * total;
  const last = buckets.length - 1;
  let index = buckets.findIndex((bucket) => bucket.count >= rank);
  if (index < 0) index = last;
  if (index === last) return buckets[last - 1].bound; // nobody knows how far beyond
  const end = buckets[index].bound;
  if (index === 0 && end <= 0) return end;
  const start = index === 0 ? 0 : buckets[index - 1].bound;
  const below = index === 0 ? 0 : buckets[index - 1].count;
  return start + (end - start) * ((rank - below) / (buckets[index].count - below));
}
