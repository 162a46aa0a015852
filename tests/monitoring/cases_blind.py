"""Cases of ml-blind: one metric after the other is missing."""

from cases import BELOW, FIRES, MISSING, OTHERS, RESOLVES, RESTART, case
from series import HPA, of, steady, text

N = {"namespace": "n"}
MODEL = {"model": "fraud", "model_version": "1"}


def metric_of(series):
    return series.split("{")[0]


def without(series, metric):
    return {name: values for name, values in series.items() if metric_of(name) != metric}


def with_values(series, metric, values):
    return {name: values if metric_of(name) == metric else old for name, old in series.items()}


# ---- ServiceMetricsMissing -----------------------------------------------------------------------


def service(pod="a", namespace="n"):
    """What a healthy replica tells, and rules read."""
    page = {"method": "GET", "endpoint": "/metrics"}
    told = [("up", {}), ("http_requests_total", {**page, "status_code": "200"}),
            ("http_request_duration_seconds_bucket", {**page, "le": "0.25"}),
            ("http_request_duration_seconds_count", page),
            ("http_requests_refused_total", {"reason": "shed"}), ("http_shedding", {}),
            ("process_cpu_seconds_total", {}), ("ml_model_loads_total", {"outcome": "refused"}),
            ("ml_model_info", {**MODEL, "model_type": "XGBoost"}),
            ("ml_model_predictions_total", {**MODEL, "prediction_result": "fraud"}),
            ("ml_model_fraud_probability_bucket", {**MODEL, "le": "0.001"}),
            ("ml_model_fraud_probability_count", MODEL)]
    return {of(name, pod, namespace, **labels): steady(1) for name, labels in told}


def blind(metric, n=1):
    return [(f"{n} replicas do not tell {metric}", {**N, "metric": metric})]


NAME = "ServiceMetricsMissing"
HEALTHY = service() | service("b")
OF_SERVICE = sorted({metric_of(series) for series in service()} - {"up", "ml_model_info"})
case(NAME, FIRES, without(service(), "http_shedding") | service("b"), [9],
     {10: blind("http_shedding")})
for metric in OF_SERVICE:
    case(NAME, f"{FIRES}: {metric}", without(HEALTHY, metric), [9], {10: blind(metric, 2)})
case(NAME, FIRES + ": a label has another name",
     {series.replace("endpoint=", "exported_endpoint=") if "requests_total" in series else series:
      values for series, values in HEALTHY.items()}, [9],
     {10: blind("http_requests_total", 2)})
case(NAME, BELOW, HEALTHY, range(0, 30, 5))
case(NAME, RESTART, with_values(service(), "http_requests_total", "1x5 _x2 1x30"), range(30))
case(NAME, MISSING + ": all, and ServiceDown says it", {of("up"): steady(0)}, range(0, 30, 5))
case(NAME, MISSING + ": of models, and NoReadyModel says it",
     {series: values for series, values in HEALTHY.items()
      if "ml_model_" not in series or "loads" in series}, range(0, 30, 5))
case(NAME, RESOLVES, with_values(service(), "http_shedding", "_x12 1x20"), [13],
     {11: blind("http_shedding")})
case(NAME, OTHERS, without(HEALTHY, "http_shedding") | service(namespace="m"), (),
     {10: blind("http_shedding", 2)})

# ---- ResourceMetricsMissing ----------------------------------------------------------------------


def cluster(pod="a", namespace="n"):
    """What Kubernetes tells of a pod, and rules read."""
    there = {"namespace": namespace, "pod": pod, "container": "api"}
    scaler = {"namespace": namespace, "horizontalpodautoscaler": HPA}
    told = [("kube_pod_container_resource_requests", {**there, "resource": "cpu"}),
            ("kube_pod_container_resource_limits", {**there, "resource": "memory"}),
            ("container_memory_working_set_bytes", there),
            ("kube_pod_container_status_restarts_total", there),
            ("kube_pod_status_ready", {"namespace": namespace, "pod": pod, "condition": "true"})]
    told += [(f"kube_horizontalpodautoscaler_{name}_replicas", scaler)
             for name in ("status_current", "status_desired", "spec_max")]
    return {text(name, labels): steady(1) for name, labels in told} | {
        of("up", pod, namespace): steady(1)}


def unknown(metric, n):
    return [(f"Of {n} replicas nobody tells {metric}", {**N, "metric": metric})]


NAME = "ResourceMetricsMissing"
HEALTHY = cluster() | cluster("b")
OF_CLUSTER = sorted({metric_of(series) for series in cluster()} - {"up"})
LIMITS = "kube_pod_container_resource_limits"
case(NAME, FIRES, without(cluster(), LIMITS) | cluster("b"), [14], {15: unknown(LIMITS, 1)})
for metric in OF_CLUSTER:
    case(NAME, f"{FIRES}: {metric}", without(HEALTHY, metric), [14], {15: unknown(metric, 2)})
case(NAME, FIRES + ": a laptop", {of("up", "laptop", "compose"): steady(1)}, [14],
     {15: [(f"Of 1 replicas nobody tells {metric}", {"namespace": "compose", "metric": metric})
           for metric in OF_CLUSTER]})
case(NAME, BELOW, HEALTHY, range(0, 30, 5))
case(NAME, MISSING + ": the service too", {of("up"): steady(0)}, range(0, 30, 5))
case(NAME, RESOLVES, with_values(cluster(), LIMITS, "_x20 1x20"), [21], {18: unknown(LIMITS, 1)})
case(NAME, OTHERS, without(HEALTHY, LIMITS) | cluster(namespace="m"), (),
     {15: unknown(LIMITS, 2)})

# ---- KafkaMetricsMissing -------------------------------------------------------------------------

TOPIC = {"topic": "t"}


def stream(values=steady(1), pod="a", namespace="n"):
    told = [("kafka_broker_up", {}), ("kafka_queue_length", TOPIC),
            ("kafka_consumer_lag", {**TOPIC, "partition": "0", "consumer_group": "g"}),
            ("kafka_messages_consumed_total", TOPIC),
            ("kafka_dead_letters_total", {**TOPIC, "reason": "tombstone"})]
    return {of(name, pod, namespace, **labels): values for name, labels in told} | {
        of("up", pod, namespace): steady(1)}


def gone(metric, n=1):
    return [(f"{n} replicas told {metric} within the hour, none does now",
             {**N, "metric": metric})]


NAME = "KafkaMetricsMissing"
OF_KAFKA = sorted({metric_of(series) for series in stream()} - {"up"})
case(NAME, FIRES, with_values(stream() | stream(pod="b"), "kafka_broker_up", "1x9 stale"),
     [10, 14], {15: gone("kafka_broker_up", 2)})
for metric in OF_KAFKA:
    case(NAME, f"{FIRES}: {metric}", with_values(stream(), metric, "1x9 stale"), [14],
         {15: gone(metric)})
case(NAME, BELOW, stream(), range(0, 30, 5))
case(NAME, BELOW + ": one of two", stream("1x9 stale") | stream(pod="b"), range(0, 30, 5))
case(NAME, RESTART, stream("1x9 _x3 1x30"), range(40))
case(NAME, MISSING + ": no Kafka at all", {of("up"): steady(1)}, range(0, 30, 5))
case(NAME, MISSING + ": ServiceDown says it",
     stream("1x9 stale") | {of("up"): "1x9 0x60"}, range(0, 60, 5))
case(NAME, RESOLVES, with_values(stream(), "kafka_broker_up", "1x9 stale _x9 1x9"), [21],
     {17: gone("kafka_broker_up")})
case(NAME, RESOLVES + ": after an hour", with_values(stream(), "kafka_broker_up", "1x9 stale"),
     [71], {68: gone("kafka_broker_up")})
case(NAME, OTHERS, with_values(stream(), "kafka_broker_up", "1x9 stale")
     | stream(namespace="m"), (), {15: gone("kafka_broker_up")})
