"""Annotations: what happened, drawn over the lines. Windows are those of Grafana's own step, so
that an event is seen however long a time is shown."""

from grafana_foundation_sdk.models.dashboard import AnnotationQuery

from .panels import DATASOURCE
from .queries import DEPLOYMENT, fill
from .rows.service_level import firing

# Of samples no further apart than this Grafana makes one event; it is the default too.
STEP = "60s"
WINDOW = "[$__rate_interval]"
ITS_DEPLOYMENT = f'{{@namespaces,deployment="{DEPLOYMENT}"}}'
REPLICAS = f"changes(kube_deployment_spec_replicas{ITS_DEPLOYMENT}{WINDOW}) > 0"
# Every change of a Deployment is a new generation, that of its replicas too.
ROLLOUT = (f"changes(kube_deployment_status_observed_generation{ITS_DEPLOYMENT}{WINDOW}) > 0 "
           f"unless on (namespace, deployment) {REPLICAS}")
SERVED = f'by (namespace, model, model_version) (ml_model_info{{@service,model=~"$model"}}'
EVENTS = (
    # name, color, query, title, text
    ("Rollouts", "blue", ROLLOUT, "Rollout", "{{deployment}}"),
    ("Scaling", "purple", REPLICAS, "Scaled", "{{deployment}}"),
    ("Model swaps", "green", f"count {SERVED}) unless count {SERVED} offset $__rate_interval)",
     "Model {{model}} {{model_version}}", "first served"),
    ("Refused models", "orange", "sum by (namespace) (increase(ml_model_loads_total{@service,"
     f'outcome="refused"}}{WINDOW})) > 0', "Model refused", "The log of {{namespace}} says why"),
    ("Alerts", "red", firing(), "{{alertname}}", "{{severity}} {{pod}}"),
)


class Event(AnnotationQuery):
    """With the fields that Grafana's plugin for Prometheus reads, and the SDK does not know."""

    def __init__(self, title, text, **fields):
        super().__init__(**fields)
        self.title, self.text = title, text

    def to_json(self):
        return {**super().to_json(), "step": STEP, "titleFormat": self.title,
                "textFormat": self.text}

    def build(self):
        return self


def events():
    return [Event(title, text, name=name, icon_color=color, expr=fill(query), enable=True,
                  datasource=DATASOURCE) for name, color, query, title, text in EVENTS]
