"""What the model says, and which one it is."""

from ..panels import (BYTES, COUNT, PER_SECOND, REQUESTS, SCORE, SECONDS, SHARE, heatmap, queries,
                      series)
from ..queries import quantiles

TITLE = "Model"
NONE = "Nothing scored yet"
VERSION = "namespace, model, model_version"


def panels():
    return [
        series("Predictions by result",
               "Transactions scored in a second, over HTTP and from Kafka; each row of an array "
               "counts.", PER_SECOND,
               queries(("sum by (prediction_result) (rate("
                        "ml_model_predictions_total{@models}[$__rate_interval]))",
                        "{{prediction_result}}")),
               runbooks=["NoPredictions"], stacked=True,
               colors={"fraud": "red", "legitimate": "green"}, none=NONE),
        series("Share of fraud",
               "Share of the scored transactions that the model calls fraud: of one hour, which "
               "the alert looks at, and of 5 minutes in the pods chosen above.", SHARE,
               queries(('namespace_model:fraud:ratio_rate1h{@namespaces,model=~"$model"}',
                        "{{namespace}} {{model}}, 1 h"),
                       ("sum by (namespace, model) (rate(ml_model_predictions_total{@models,"
                        'prediction_result="fraud"}[5m])) / sum by (namespace, model) (rate('
                        "ml_model_predictions_total{@models}[5m]))",
                        "{{namespace}} {{model}}, 5 min")),
               alerts=["HighFraudRate"], none=NONE),
        series("Shift of the scores",
               "Population stability index of the last day's scores against the 7 days before: "
               "below 0.1 nothing has changed. It needs more than a day of history.", SCORE,
               queries(('namespace_model:fraud_probability_psi:1d{@namespaces,model=~"$model"}',
                        "{{namespace}} {{model}}")),
               alerts=["PredictionDistributionShift"], none="Not a day of history yet"),
        heatmap("Scores",
                "Fraud probabilities of the rows scored: how many fell into which bucket.", COUNT,
                "sum by (le) (increase(ml_model_fraud_probability_bucket{@models}"
                "[$__rate_interval]))", none=NONE),
        series("Confidence",
               "The larger of p and 1 - p of the rows scored: the tenth of rows of which the "
               "model is least sure, the middle, and the mean. A falling line means doubt.",
               SHARE,
               queries(*quantiles("ml_model_confidence_score", "@models", 0.1, 0.5,
                          by="namespace, model"),
                       ("sum by (namespace, model) (rate(ml_model_confidence_score_sum{@models}"
                        "[$__rate_interval])) / sum by (namespace, model) (rate("
                        "ml_model_confidence_score_count{@models}[$__rate_interval]))",
                        "{{namespace}} {{model}} mean")),
               width=12, none=NONE),
        series("Versions served",
               "Pods that serve each version: two lines are a rollout, a canary, or a pod whose "
               "new model was refused.", COUNT,
               queries((f"count by ({VERSION}, model_type) (ml_model_info{{@models}})",
                        "{{namespace}} {{model}} {{model_version}} ({{model_type}})")),
               runbooks=["NoReadyModel"], stacked=True, none="No model is served"),
        series("Age of the model",
               "Time since a pod loaded the version that it serves, of the pod that did so first, "
               "and since a retraining last succeeded. Each pod loads when it starts, so that a "
               "rollout begins the first anew, of an old version, too.", SECONDS,
               queries(("time() - min by (namespace, model) "
                        "(ml_model_loaded_timestamp_seconds{@models})", "{{namespace}} {{model}}"),
                       ("time() - max by (model) (ml_retraining_last_success_timestamp_seconds{"
                        'job="ml-retraining",model=~"$model"})', "{{model}}, retraining")),
               runbooks=["ModelStale"], none="No model is served"),
        series("Loads and refusals",
               "Model directories loaded, and refused because they do not reproduce their golden "
               "rows or cannot be read; in 10 minutes.", COUNT,
               queries(("sum by (outcome) (increase(ml_model_loads_total{@pods}[10m]))",
                        "{{outcome}}")),
               runbooks=["ModelLoadFailed"], colors={"refused": "red", "loaded": "green"},
               none="No model was loaded"),
        # Not a rate: a pod loads its model before the first scrape, and then perhaps never again.
        series("Time to load",
               "Time to read, compile and prove a model directory, on average and at most about, "
               "of all loads since the pods began.", SECONDS,
               queries(("sum by (namespace) (ml_model_load_duration_seconds_sum{@pods}) "
                        "/ (sum by (namespace) (ml_model_load_duration_seconds_count{@pods}) > 0)",
                        "{{namespace}} mean"),
                       ("histogram_quantile(1, sum by (namespace, le) "
                        "(ml_model_load_duration_seconds_bucket{@pods}))", "{{namespace}} p100")),
               none="No model was loaded"),
        series("Memory of the models",
               "Bytes of the compiled models of a pod; all of its processes share one copy.",
               BYTES, queries(("ml_model_memory_usage_bytes{@pods}", "{{pod}}")),
               none="No model is served"),
        series("Time of a prediction",
               "From a request's body to its reply, without the network; an array is one "
               "observation.", SECONDS,
               queries(*quantiles("ml_model_prediction_duration_seconds", "@models",
                                  0.5, 0.95, 0.99)), none=NONE),
        series("Requests without a prediction",
               "By reason, whoever is to blame: the client for what breaks the contract, the "
               "service for what it counts as its own error, which a healthy one never does.",
               REQUESTS,
               queries(("sum by (failure_reason) (rate(ml_model_failed_predictions_total{@pods}"
                        "[$__rate_interval]))", "{{failure_reason}}"),
                       ("sum by (error_type) (rate(ml_model_errors_total{@pods}"
                        "[$__rate_interval]))", "own error: {{error_type}}")),
               width=24, none="None"),
    ]
