"""The lint of queries notices what it is for."""

import pytest

from vocabulary import complaints


@pytest.mark.parametrize("query", [
    'sum by (namespace) (rate(http_requests_total{endpoint="/predict",status_code=~"5.."}[5m]))',
    'histogram_quantile(0.9, sum by (le) (rate(kafka_end_to_end_latency_seconds_bucket[5m])))',
    'kube_pod_container_resource_requests{resource="cpu"} * on (namespace, pod) group_left() up',
    'label_replace(up, "bin", "$1", "job", "(.*)")'])
def test_queries_of_what_there_is(query):
    assert complaints(query) == []


@pytest.mark.parametrize("query, wrong", [
    ("rate(http_request_total[5m])", "no metric http_request_total"),
    ('http_requests_total{status="200"}', "http_requests_total has no label status"),
    ("sum by (version) (ml_model_info)", "no series here has the label version"),
    ("up / on (deployment) kube_pod_status_ready", "no series here has the label deployment"),
    ("ml_model_fraud_probability", "no metric ml_model_fraud_probability")])
def test_queries_of_what_there_is_not(query, wrong):
    assert complaints(query) == [wrong]
