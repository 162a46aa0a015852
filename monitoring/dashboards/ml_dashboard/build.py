"""The dashboard of its rows."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType

from .alerts import runbooks
from .events import events
from .rows import ROWS
from .variables import variables

UID = "tasks10-ml-dashboard"  # that alerts link to
LINKS = {"Runbooks": runbooks()}


def link(title, url):
    return (dashboard.DashboardLink(title).type(DashboardLinkType.LINK).url(url).icon("doc")
            .target_blank(True))


def build():
    made = (dashboard.Dashboard("Fraud scoring: tasks10-ml-service").uid(UID)
            .description("Rowan: service level, model, HTTP, resources, Kafka, retraining. Made "
                         "by monitoring/dashboards/make.py; changes belong there.")
            .tags(["fraud", "ml", "rowan", "tasks10"]).editable().timezone("browser")
            .refresh("15s").time("now-1h", "now").tooltip(DashboardCursorSync.CROSSHAIR)
            .variables(variables()).annotations(events())
            .links([link(*one) for one in LINKS.items()]))
    for row in ROWS:
        made.with_row(dashboard.Row(row.TITLE))
        for panel in row.panels():
            made.with_panel(panel)
    finished = made.build()
    for number, panel in enumerate(finished.panels, 1):
        panel.id_val = number
    return finished


def text():
    """As it is committed: sorted, so that a change of one panel is a change of its lines."""
    return JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode(build()) + "\n"
