"""What can be chosen above the panels."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (VariableOption, VariableRefresh,
                                                     VariableSort)

from .panels import DATASOURCE
from .queries import fill

# ".*" instead of a list of all: it also finds what has no such label, as outside of Kubernetes.
EVERYTHING = ".*"
CHOICES = (
    ("namespace", "Namespace", 'label_values(up{job="tasks10-ml-service"}, namespace)'),
    ("pod", "Pod", "label_values(up{@service}, pod)"),
    ("model", "Model", "label_values(ml_model_info{@service}, model)"),
)


def choice(name, label, query):
    return (dashboard.QueryVariable(name).label(label).query(fill(query)).datasource(DATASOURCE)
            .multi(True).include_all(True).all_value(EVERYTHING)
            .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_ASC))


def variables():
    return [dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
            *(choice(*row) for row in CHOICES)]
