"""Each recording rule by promtool: its value by hand, its labels, and no series of nothing."""

from dataclasses import dataclass

import pytest

import cases_kafka
import cases_model
import cases_resources
import cases_service
from alert_rules import RECORDS, alone
from cases import series_test
from promtool import Batch
from psi import BINS, OTHER, QUIET, psi
from series import growing, of, ramps, restarted, steady

CLOSE = 1e-9
WINDOWS = {"5m": (1, 5), "30m": (1, 30), "1h": (10, 6), "2h": (10, 12), "6h": (10, 36),
           "1d": (60, 24), "3d": (60, 72)}  # minutes of a step, steps of the window
POD = cases_resources.POD


@dataclass
class Value:
    record: str
    what: str
    series: dict
    values: dict   # labels as text -> number; none: no series at all
    at: int = 10   # step
    step: int = 1

    @property
    def name(self):
        return f"{self.record}: {self.what}"

    def test(self):
        """A number as near as floats are; no label but the given ones."""
        asked = [(f"abs({self.record}{{{labels}}} - {value}) < bool {CLOSE}",
                  [{"labels": "{" + labels + "}", "value": 1}])
                 for labels, value in self.values.items()]
        asked.append((f"count({self.record}) or vector(0)",
                      [{"labels": "{}", "value": len(self.values)}]))
        return series_test(self.series, self.step, promql_expr_test=[
            {"expr": expression, "eval_time": f"{self.at * self.step}m", "exp_samples": samples}
            for expression, samples in asked])


N, M = 'namespace="n"', 'namespace="m"'
FRAUD = 'model="fraud",' + N


def slow(all_of_them, within, values=growing):
    duration = "http_request_duration_seconds"
    labels = {"method": "POST", "endpoint": "/predict"}
    return {of(duration + "_bucket", **labels, le="0.25"): values(within),
            of(duration + "_bucket", **labels, le="0.5"): values(all_of_them),
            of(duration + "_count", **labels): values(all_of_them)}


def of_windows():
    for window, (step, steps) in WINDOWS.items():
        at = steps + 5
        later = {"step": step, "at": at}
        restart = lambda n, after=at - 2: restarted(n, after)  # noqa: E731
        errors = f"namespace:http_predict_errors:ratio_rate{window}"
        replies = cases_service.replies
        yield Value(errors, "share", replies(95, 5) | replies(98, 2, namespace="m")
                    | replies(0, 99, endpoint="/health"), {N: 0.05, M: 0.02}, **later)
        yield Value(errors, "restart", replies(95, 5, restart), {N: 0.05}, **later)
        yield Value(errors, "no error yet", {name: values for name, values in replies(
            95, 5).items() if "500" not in name}, {N: 0}, **later)
        yield Value(errors, "0/0", replies(0, 0), {}, **later)
        # All before the window is forgotten.
        ended = lambda n, steps=steps: ramps((5, n), (steps, n if n == 95 else 0))  # noqa: E731
        yield Value(errors, "window", replies(95, 5, ended), {N: 0}, **later)
        slower = f"namespace:http_predict_slow:ratio_rate{window}"
        yield Value(slower, "share", slow(100, 96), {N: 0.04}, **later)
        yield Value(slower, "restart", slow(100, 96, restart), {N: 0.04}, **later)
        yield Value(slower, "0/0", slow(0, 0), {}, **later)
        if window in ("1h", "6h"):
            many = {**later, "at": at - 2}
            bad = errors.replace("ratio_rate", "increase")
            yield Value(bad, "number", replies(95, 5) | replies(0, 9, endpoint="/health"),
                        {N: 5 * steps}, **many)
            yield Value(bad, "no requests", {}, {}, **many)
            bad = slower.replace("ratio_rate", "increase")
            yield Value(bad, "number", slow(100, 96), {N: 4 * steps}, **many)
            yield Value(bad, "0", slow(100, 100), {N: 0}, **many)


def quantile(q, counts):
    """By linear interpolation within a bucket: [(upper bound, cumulated count), ...]."""
    rank, below, bound_below = q * counts[-1][1], 0, 0
    for bound, count in counts:
        if count >= rank:
            return bound_below + (bound - bound_below) * (rank - below) / (count - below)
        below, bound_below = count, bound
    raise AssertionError("no bucket holds it")


def of_http():
    rate = "namespace:http_predict_requests:rate5m"
    replies = cases_service.replies
    yield Value(rate, "pods are added", replies(600, 60) | replies(60, 0, pod="b")
                | replies(120, 0, namespace="m") | replies(999, 0, endpoint="/health"),
                {N: 12, M: 2})
    yield Value(rate, "idle", replies(0, 0), {N: 0})
    yield Value(rate, "nothing", {of("up"): steady(1)}, {})
    counts = [(1, 600), (2, 900), (5, 1000)]
    for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        record = f"namespace:http_predict_duration_seconds:{name}_rate5m"
        yield Value(record, "seconds", cases_service.latency(600, 900, 1000),
                    {N: quantile(q, counts)})
        yield Value(record, "0/0", cases_service.latency(0, 0, 0), {})


def of_resources():
    cpu, requests = cases_resources.cpu, cases_resources.requests
    pods = {f'{N},pod="a"': 0.3, f'{N},pod="b"': 0.6}
    both = cpu(a=0.3 * 0.75, b=0.6 * 0.75)
    again = requests("cpu", "ab", "l", api=0.5, stream=0.25)
    yield Value("namespace_pod:cpu_usage:rate2m", "cores", both,
                {labels: share * 0.75 for labels, share in pods.items()})
    yield Value("namespace_pod:cpu_request:cores", "told twice", both | again,
                dict.fromkeys(pods, 0.75))
    yield Value("namespace_pod:cpu_request:ratio_rate2m", "told twice", both | again, pods)
    yield Value("namespace_pod:cpu_request:ratio_rate2m", "no requests",
                cases_resources.used(a=1), {})
    yield Value("namespace:cpu_request:ratio_rate2m", "mean", both, {N: 0.45})
    yield Value("namespace:cpu_request:ratio_rate2m", "of one pod no requests",
                both | cases_resources.used(c=5), {N: 0.45})
    yield Value("namespace_pod_container:memory_limit:ratio", "share",
                cases_resources.memory(0.5, tellers="kl"),
                {f'container="api",{N},pod="{POD}"': 0.5,
                 f'container="stream",{N},pod="{POD}"': 100 / 512})


def of_models():
    predictions = cases_model.predictions
    yield Value("namespace_model:predictions:rate5m", "models are apart",
                predictions(540, 60) | predictions(60, 0, model="other"),
                {FRAUD: 10, 'model="other",' + N: 1})
    record = "namespace_model:fraud:ratio_rate1h"
    yield Value(record, "share", predictions(540, 60), {FRAUD: 0.1}, at=70)
    yield Value(record, "restart", predictions(540, 60, lambda n: restarted(n, 50)),
                {FRAUD: 0.1}, at=70)
    yield Value(record, "0/0", predictions(0, 0), {}, at=70)
    yield Value(record, "no fraud yet", {of("ml_model_predictions_total", model="fraud",
                model_version="1", prediction_result="legitimate"): growing(1)},
                {FRAUD: 0}, at=70)


def of_kafka():
    for record, metric, labels in (
            ("namespace_topic:kafka_queue_length:max", "kafka_queue_length", cases_kafka.TOPIC),
            ("namespace_topic_partition_consumer_group:kafka_consumer_lag:max",
             "kafka_consumer_lag", cases_kafka.LAG)):
        told = {of(metric, f"p{i}", **labels): steady(n) for i, n in enumerate((7, 9, 8))}
        text = ",".join(f'{key}="{value}"' for key, value in labels.items())
        up = {of("kafka_broker_up", f"p{i}"): steady(1) for i in range(3)}
        yield Value(record, "the largest", told | up, {f"{N},{text}": 9})
        away = {of("kafka_broker_up", "p1"): steady(0)}
        yield Value(record, "of replicas whose broker answers", told | up | away,
                    {f"{N},{text}": 8})
        yield Value(record, "no broker", told | {one: steady(0) for one in up}, {})


def of_scores():
    """A day of OTHER after a week of QUIET: the index against our own calculation."""
    series = cases_model.scores((7 * 24, 500, QUIET), (24, 700, OTHER))
    now = {"step": 60, "at": 8 * 24}
    for days, shares, count in (("1d", OTHER, 24 * 700), ("7d_offset1d", QUIET, 7 * 24 * 500)):
        yield Value(f"namespace_model:fraud_probability_count:increase{days}", "scores", series,
                    {FRAUD: count}, **now)
        yield Value(f"namespace_model_le:fraud_probability:share_rate{days}", "cumulated", series,
                    {f'le="{le}",{FRAUD}': sum(shares[:i + 1])
                     for i, le in enumerate([*BINS[:-1], "+Inf"])}, **now)
        yield Value(f"namespace_model_bin:fraud_probability:share_rate{days}", "shares", series,
                    {f'bin="{name}",{FRAUD}': share
                     for name, share in zip(BINS, shares, strict=True)}, **now)
    index = "namespace_model:fraud_probability_psi:1d"
    yield Value(index, "a shift", series, {FRAUD: psi(OTHER, QUIET)}, **now)
    yield Value(index, "none", cases_model.scores((8 * 24, 500, QUIET)), {FRAUD: 0}, **now)
    yield Value(index, "no week before", cases_model.scores((20, 500, QUIET)), {}, step=60, at=20)
    yield Value(index, "0/0", cases_model.scores((8 * 24, 0, QUIET)), {}, **now)


VALUES = [value for make in (of_windows, of_http, of_resources, of_models, of_kafka, of_scores)
          for value in make()]


def rules_of(record):
    """All rules of that name, and what they stand on."""
    found = []
    for rule in RECORDS:
        if rule["record"] == record:
            found += [one for one in alone(rule)["groups"][0]["rules"] if one not in found]
    return {"groups": [{"name": "alone", "rules": found}]}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    batch = Batch(tmp_path_factory.mktemp("records"))
    for value in VALUES:
        batch.add(value.name, rules_of(value.record), [value.test()], f"{value.step}m")
    return batch.run()


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.name)
def test_record_is_what_it_is_by_hand(value, verdicts):
    assert not verdicts[value.name]


def test_every_record_has_a_value():
    assert {rule["record"] for rule in RECORDS} == {value.record for value in VALUES}
    for value in VALUES:
        assert any(other.values for other in VALUES if other.record == value.record), value.record
