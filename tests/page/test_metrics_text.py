"""share/live/metrics.js beside prometheus_client: the same samples of the same text."""

import json
import math
import random

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

PARSE = """async ([text, names]) => {
  const { parse } = await import("/live/metrics.js");
  return parse(text, names && new Set(names)).map(({ name, labels, value }) =>
    [name, Object.entries(labels).sort(), String(value)]);
}"""


@pytest.fixture
def page(modules):
    return modules


def by_page(page, text, names=None):
    return [(name, tuple(map(tuple, labels)), float(value.replace("Infinity", "inf")))
            for name, labels, value in page.evaluate(PARSE, [text, names])]


def by_prometheus(text):
    return [(sample.name, tuple(sorted(sample.labels.items())), sample.value)
            for family in text_string_to_metric_families(text) for sample in family.samples]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for (name, labels, value), (its_name, its_labels, its_value) in zip(found, expected):
        assert (name, labels) == (its_name, its_labels)
        assert value == its_value or (math.isnan(value) and math.isnan(its_value))


def test_a_scrape_of_the_service(page, server):
    text = server.get("/metrics").text
    assert_same(by_page(page, text), by_prometheus(text))


AWKWARD = ["", " ", "\\", '"', "\n", "a\\nb", 'say "x"', "}", "{", ",", "=", "# not", "\\\\n",
           "end\\", "Grüße", "😀", "a\tb", "__name__"]


def test_labels_of_every_kind(page):
    registry = CollectorRegistry()
    gauge = Gauge("odd", "Odd labels.", ["one", "two"], registry=registry)
    for one in AWKWARD:
        for two in AWKWARD:
            gauge.labels(one, two).set(1)
    text = generate_latest(registry).decode()
    found = by_page(page, text)
    assert_same(found, by_prometheus(text))
    assert {dict(labels)["one"] for _, labels, _ in found} == set(AWKWARD)


def test_random_labels_and_values(page):
    chance = random.Random(5)
    registry = CollectorRegistry()
    gauge = Gauge("any", "Any value.", ["label"], registry=registry)
    for _ in range(500):
        label = "".join(chance.choices('ab\\"\n{},= é', k=chance.randrange(12)))
        gauge.labels(label).set(chance.choice([
            chance.uniform(-1, 1) * 10 ** chance.randrange(-300, 300), chance.randrange(10 ** 6),
            math.inf, -math.inf, math.nan]))
    text = generate_latest(registry).decode()
    assert_same(by_page(page, text), by_prometheus(text))


def test_spaces_times_and_comments(page):
    text = ('# HELP a Help with "quotes" and {braces}.\n# TYPE a counter\n#\n\n'
            'a{ x = "1" , y = "2" , } 3 1395066363000\n  a{x="2"}\t4\na 5\n a 6 \nb{}7\n')
    expected = [("a", (("x", "1"), ("y", "2")), 3.0), ("a", (("x", "2"),), 4.0), ("a", (), 5.0),
                ("a", (), 6.0), ("b", (), 7.0)]
    assert by_page(page, text) == expected


def test_only_the_names_that_are_wanted(page):
    text = "aa 1\naab 2\na 3\nbroken {\n"
    assert by_page(page, text, ["aa"]) == [("aa", (), 1.0)]


@pytest.mark.parametrize("line", [
    "a", "a{", "a{x", "a{x=", 'a{x="', 'a{x="1', 'a{x="1"', 'a{x="1"}', 'a{x="1"y="2"} 1',
    "a{x=1} 1", "a one", "a 1 2 3", "a 0x10", "a 1 x", "a 1_000", "1a 1", "{x=\"1\"} 1", "a --1"])
def test_a_broken_line_is_named(page, line):
    error = page.evaluate("""async (text) => {
      const { parse, SyntaxFault } = await import("/live/metrics.js");
      try { parse(text); } catch (error) { return [error instanceof SyntaxFault, error.message]; }
    }""", f"fine 1\n{line}\n")
    assert error and error[0] and error[1].startswith("line 2 of the metrics: ")


# ---- numbers that a double cannot hold ---------------------------------------------------


@pytest.mark.parametrize("earlier, later", [
    (2**53, 2**53 + 1), (2**53 - 2, 2**53 + 3), (2**63 - 1, 2**64 - 1), (10**25, 10**25 + 7),
    (5, 12), (0, 2**60)])
def test_differences_of_counters_are_exact(page, earlier, later):
    found = page.evaluate("""async ([earlier, later]) => {
      const { parse, difference } = await import("/live/metrics.js");
      const [first, second] = parse(`n ${earlier}\\nn ${later}`);
      return difference(second.value, first.value);
    }""", [str(earlier), str(later)])
    assert float(found) == float(later - earlier)


# ---- a long scrape -----------------------------------------------------------------------


BLOCK = 2000  # counters


def block():
    registry = CollectorRegistry()
    counter = Counter("http_requests", "Many.", ["method", "endpoint", "status_code"],
                      registry=registry)
    for number in range(BLOCK):
        counter.labels("POST", "/predict" if number % 2 else f'/"{number}"', str(number)).inc()
    return generate_latest(registry).decode()


def test_megabytes_are_read_whole(page):
    """Each sample once: work that grows with the square of the length would not end."""
    text = block()
    times = 8_000_000 // len(text) + 1
    count, total = page.evaluate("""async ([block, times]) => {
      const text = block.repeat(times);
      const { parse } = await import("/live/metrics.js");
      const samples = parse(text, new Set(["http_requests_total"]));
      return [samples.length, samples.reduce((sum, { value }) => sum + value, 0)];
    }""", [text, times])
    assert count == total == BLOCK * times


def test_bigints_never_reach_json(page):
    """Values of a reading are added up as Numbers, whatever their size."""
    groups = page.evaluate("""async (text) => {
      const { read } = await import("/live/signals.js");
      return JSON.stringify([...read(text).gauges]);
    }""", f'kafka_queue_length{{topic="t"}} {2**60}\nkafka_consumer_lag{{topic="t"}} 3\n')
    assert [(name, float(value)) for name, value in json.loads(groups)] == [
        ("queue:t", float(2**60)), ("lag:t", 3.0)]
