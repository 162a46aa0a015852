"""A real Prometheus with the very rules beside a real service, as compose.yaml has them: no alert
fires while nothing happens, nor is one left pending, and one is when something does."""

import json

import pytest
import yaml

from alert_rules import FILES, ROOT
from prometheus import Prometheus, static_job
from server import Server, eventually

# A busy machine may take a while to answer a scrape.
EVERY = {"scrape_interval": "5s", "scrape_timeout": "5s", "evaluation_interval": "1s"}
# Without Kubernetes nobody tells what it would: docs/image.md says so.
WITHOUT_KUBERNETES = {"ResourceMetricsMissing"}
LOOKS = 10  # evaluations of each group


@pytest.fixture
def rules(tmp_path):
    """Copies, all groups evaluated each second."""
    for file in FILES:
        text = yaml.safe_load(file.read_text())
        for group in text["groups"]:
            group.pop("interval", None)
        (tmp_path / file.name).write_text(yaml.safe_dump(text, sort_keys=False))
    return tmp_path


@pytest.fixture
def server(place):
    with Server(place / "nginx") as running:
        yield running


@pytest.fixture
def prometheus(rules, server):
    job = static_job("tasks10-ml-service", f"127.0.0.1:{server.port}", namespace="compose",
                     pod="laptop")
    configuration = {"global": EVERY, "rule_files": [f"{rules}/*.yaml"], "scrape_configs": [job]}
    with Prometheus(rules, configuration) as running:
        yield running


def alerts(prometheus, *states):
    """Names of those that are pending or fire, or of one of these states."""
    return {alert["labels"]["alertname"] for alert in prometheus.get("alerts")["alerts"]
            if not states or alert["state"] in states}


def quiet(prometheus):
    """A scrape that was lost makes one pending for a moment, and no longer."""
    return eventually(lambda: alerts(prometheus) == WITHOUT_KUBERNETES)


def groups(prometheus):
    return prometheus.get("rules")["groups"]


def evaluated(prometheus):
    """The time of the oldest evaluation of a group."""
    return min(group["lastEvaluation"] for group in groups(prometheus))


def stays_quiet(prometheus):
    """Nothing fires in some more evaluations of every group, and nothing is pending at their
    end."""
    for _ in range(LOOKS):
        newest = max(group["lastEvaluation"] for group in groups(prometheus))
        assert eventually(lambda: evaluated(prometheus) > newest)
        assert alerts(prometheus, "firing") <= WITHOUT_KUBERNETES
    assert quiet(prometheus), alerts(prometheus)


def test_nothing_fires_on_an_idle_service(prometheus, server):
    # Until the first scrapes there is no target, and no rate.
    assert quiet(prometheus), alerts(prometheus)
    stays_quiet(prometheus)
    assert [rule for group in groups(prometheus) for rule in group["rules"]
            if rule["health"] != "ok"] == []

    golden = (ROOT / "models/fraud/golden.jsonl").read_text().splitlines()
    requests = [json.loads(line)["request"] for line in golden[:20]]
    for request in requests:
        assert server.predict(request).status_code == 200
    assert server.predict({"not": "a transaction"}).status_code == 422
    assert eventually(lambda: prometheus.query("sum(ml_model_predictions_total)")
                      == {(): len(requests)})
    stays_quiet(prometheus)
    assert prometheus.query("sum(namespace_model:predictions:rate5m) > bool 0") == {(): 1}


def test_an_alert_is_pending_while_the_service_is_away(prometheus, server):
    assert quiet(prometheus), alerts(prometheus)
    server.stop()
    assert eventually(lambda: "ServiceDown" in alerts(prometheus))
    server.start()
    assert quiet(prometheus), alerts(prometheus)
