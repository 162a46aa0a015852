"""Both formats, read by parsers that others wrote: prometheus_client's and promtool's."""

import random
import subprocess

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics)
from prometheus_client.parser import text_string_to_metric_families as parse_text


def samples(families):
    """{(name, labels): value}; a series that is there twice is a fault."""
    found = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, key
            found[key] = sample.value
    return found


def both(scrape):
    text = samples(parse_text(scrape()))
    openmetrics = samples(parse_openmetrics(scrape("--openmetrics")))
    assert text == openmetrics
    return text


def check_with_promtool(text):
    process = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                             text=True)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


VALUES = ["fraud", "", "with \"quotes\"", "back\\slash", "new\nline", "\\n", "é€😀", "a,b=\"c\"}",
          "{}", "# HELP", " "]


def count_something_in_every_metric(counter, listed, values):
    for name, kind, labels in listed:
        chosen = [values[i % len(values)] for i, _ in enumerate(labels)]
        if kind != "histogram":
            counter.do("add", name, 1, *chosen)
        elif name.endswith("_seconds"):
            counter.do("ns", name, 1_500_000, *chosen)
        else:
            counter.do("observe", name, 0.75, *chosen)


def test_an_empty_directory_is_a_whole_exposition(scrape):
    check_with_promtool(scrape())
    assert both(scrape)[("http_requests_in_progress", ())] == 0


def test_every_metric_of_the_list_is_there_with_its_type(start, scrape, listed):
    count_something_in_every_metric(start(), listed, ["a", "b", "c"])
    check_with_promtool(scrape())
    families = {family.name: family for family in parse_openmetrics(scrape("--openmetrics"))}
    assert len(families) == len(listed)
    for name, kind, labels in listed:
        family = families[name.removesuffix("_total").removesuffix("_info")]
        assert family.type == kind and family.documentation.endswith(".")
        sample = family.samples[0]
        assert [label for label in sample.labels if label != "le"] == labels


@pytest.mark.parametrize("value", VALUES)
def test_label_values_come_back_as_they_were_given(start, scrape, value):
    counter = start()
    counter.do("add", "http_requests_total", 3, value, "x", value)
    counter.do("observe", "ml_model_confidence_score", 0.75, value, value)
    check_with_promtool(scrape())
    found = samples(parse_text(scrape()))
    key = (("endpoint", "x"), ("method", value), ("status_code", value))
    assert found["http_requests_total", key] == 3
    assert samples(parse_openmetrics(scrape("--openmetrics"))) == found


def test_bytes_that_are_no_text_become_text(start, scrape):
    start().do("add", "ml_model_errors_total", 1, b"a\xff\x01\x80b")
    check_with_promtool(scrape())
    assert both(scrape)["ml_model_errors_total", (("error_type", "a\ufffd\ufffd\ufffdb"),)] == 1


def test_histograms_agree_with_their_own_count(start, scrape):
    rng = random.Random(5)
    counter = start()
    seen = [rng.random() ** 3 for _ in range(300)]
    for p in seen:
        counter.do("observe", "ml_model_fraud_probability", repr(p), "fraud", "1")
    family = next(f for f in parse_text(scrape()) if f.name == "ml_model_fraud_probability")
    for sample in family.samples:
        if sample.name.endswith("_bucket"):
            bound = float(sample.labels["le"])
            assert sample.value == sum(p <= bound for p in seen), sample
        elif sample.name.endswith("_count"):
            assert sample.value == len(seen)
        else:
            assert sample.value == pytest.approx(sum(seen), rel=1e-12)


def test_random_counts_of_many_processes_add_up_through_their_deaths(start, scrape):
    rng = random.Random(11)
    endpoints, statuses = ["/predict", "/health", "other"], ["200", "404", "422", "499"]
    expected, alive = {}, [start() for _ in range(4)]
    for step in range(400):
        counter = rng.choice(alive)
        key = rng.choice(endpoints), rng.choice(statuses)
        counter.do("add", "http_requests_total", 1, "GET", *key)
        expected[key] = expected.get(key, 0) + 1
        if rng.random() < 0.05:
            alive.remove(counter)
            counter.kill()
            alive.append(start())
        if rng.random() < 0.05:
            assert rng.choice(alive).say("fold") == "ok"
        if step % 20 == 0:
            found = both(scrape)
            assert {(dict(labels)["endpoint"], dict(labels)["status_code"]): value
                    for (name, labels), value in found.items()
                    if name == "http_requests_total"} == expected
            assert found["rowan_metrics_pages", ()] == len(alive)


def test_gauges_end_with_their_process_and_counters_do_not(start, scrape):
    living, dying = start(), start()
    for counter in (living, dying):
        counter.do("add", "http_requests_in_progress", 2)
        counter.do("add", "http_errors_total", 2, "500")
    assert both(scrape)["http_requests_in_progress", ()] == 4
    dying.kill()
    found = both(scrape)
    assert found["http_requests_in_progress", ()] == 2
    assert found["http_errors_total", (("status_code", "500"),)] == 4


def test_looking_changes_nothing(start, scrape, directory):
    start().kill()
    before = sorted(path.name for path in directory.iterdir())
    scrape()
    assert sorted(path.name for path in directory.iterdir()) == before
