"""share/live/quantile.js gives what histogram_quantile of Prometheus gives."""

import math
import random

import pytest

from quantiles import assert_quantiles

BOUNDS = [1e-4, 2.5e-4, 0.001, 0.0025, 0.01, 0.1, 0.5, 1, 5, 10, math.inf]
QUANTILE = """async ([q, cases]) => {
  const { quantile } = await import("/live/quantile.js");
  return cases.map((buckets) => quantile(q, buckets.map(([bound, count]) => (
    { bound: bound === "inf" ? Infinity : bound, count }))));
}"""


def histogram(chance, bounds):
    """{bound: cumulative count}, with empty bins, whole numbers and rates."""
    sum_, buckets = 0.0, {}
    for bound in bounds:
        sum_ += chance.choice([0, 0, chance.randrange(100), chance.uniform(0, 3)])
        buckets[bound] = sum_
    buckets[math.inf] = buckets[math.inf] or 1.0
    return buckets


def quantiles(page, q, cases):
    return page.evaluate(QUANTILE, [q, [[["inf" if math.isinf(bound) else bound, count]
                                         for bound, count in case.items()] for case in cases]])


@pytest.mark.parametrize("q", [0.01, 0.5, 0.9, 0.99, 1])
def test_as_prometheus(modules, tmp_path, q):
    chance = random.Random(q)
    cases = [histogram(chance, BOUNDS[chance.randrange(len(BOUNDS) - 1):]) for _ in range(200)]
    cases += [histogram(chance, [-1, 0, 1, math.inf]) for _ in range(20)]
    found = quantiles(modules, q, cases)
    assert_quantiles(tmp_path, q, list(zip(cases, found)))


def test_nothing_to_tell_is_null(modules):
    cases = [{1: 0.0, math.inf: 0.0}, {math.inf: 3.0}, {1: 3.0}]
    assert quantiles(modules, 0.5, cases) == [None, None, None]
