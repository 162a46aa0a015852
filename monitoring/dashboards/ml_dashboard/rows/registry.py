"""rowan-sync: what the registry names, what of it is served, and what was refused."""

from ..panels import COUNT, queries, series

TITLE = "Registry"
NONE = "No rowan-sync here"


def panels():
    return [
        series("Versions of the registry",
               "Pods that serve each version of the registry, by what they follow (an alias, a "
               "stage, a version or a run); in brackets the model's own version.", COUNT,
               queries(("count by (namespace, reference, registry_version, model_version) "
                        "(ml_model_sync_info{@pods})",
                        "{{namespace}} {{reference}}: {{registry_version}} ({{model_version}})")),
               runbooks=["ModelSyncFailing"], stacked=True, none=NONE),
        series("Looks at the registry",
               "By what came of them, in 10 minutes: unchanged and swapped are well, none means "
               "that nothing has the alias.", COUNT,
               queries(("sum by (namespace, reference, outcome) "
                        "(increase(ml_model_sync_checks_total{@pods}[10m]))",
                        "{{namespace}} {{reference}}: {{outcome}}")),
               runbooks=["ModelSyncFailing"], none=NONE),
        series("Refused versions",
               "Versions of the registry that were downloaded and not served, by reason; in an "
               "hour.", COUNT,
               queries(("sum by (namespace, reference, reason) "
                        "(increase(ml_model_sync_refused_total{@pods}[1h]))",
                        "{{namespace}} {{reference}}: {{reason}}")),
               runbooks=["ModelSyncRefused"], stacked=True, none="None"),
    ]
