"""Kinds of panels. A row says what is shown; here stands how."""

from dataclasses import dataclass
from string import ascii_uppercase

from grafana_foundation_sdk.builders import bargauge, common, dashboard, heatmap as heat
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType, DataSourceRef, DynamicConfigValue, FieldColorModeId, Threshold,
    ThresholdsMode)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode, HeatmapColorScale
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from . import alerts as rules
from .queries import fill

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
# Units of Grafana, https://grafana.com/docs/grafana/latest/panels-visualizations/
COUNT, SHARE, SECONDS, BYTES, AGO = "short", "percentunit", "s", "bytes", "dateTimeFromNow"
REQUESTS, MESSAGES, PER_SECOND = "reqps", "mps", "cps"
CORES, TIMES_BUDGET, SCORE = "suffix: cores", "suffix: x", "none"
COLORS = {"info": "blue", "warning": "orange", "critical": "red"}
GOOD, BAD = "green", "red"
HEIGHT = 8
EVERY = "15s"  # how often the ServiceMonitor has the service scraped


@dataclass(frozen=True)
class Query:
    text: str
    legend: str = ""
    instant: bool = False
    format: str = "time_series"

    def target(self, letter):
        made = (prometheus.Dataquery().expr(fill(self.text)).legend_format(self.legend)
                .datasource(DATASOURCE).format(PromQueryFormat(self.format)).ref_id(letter))
        return made.instant() if self.instant else made.range()


@dataclass(frozen=True)
class Step:
    """A line that is drawn, or the value from which a number has another colour."""
    value: float
    color: str


def queries(*pairs):
    """Queries of (text, legend)."""
    return [Query(*pair) for pair in pairs]


def step_of(alert):
    """`alert` is a name, or (name, the metric that it compares, a factor)."""
    name, metric, factor = (alert, None, 1) if isinstance(alert, str) else alert
    # of 14.4 * 0.001 / 0.001 no 14.399999 is left
    return Step(float(f"{rules.threshold(name, metric) * factor:.9g}"),
                COLORS[rules.severity(name)])


def steps(base, marks):
    """Colours from the lowest value up."""
    ordered = {mark.value: mark.color for mark in sorted(marks, key=lambda mark: mark.value)}
    return (dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE)
            .steps([Threshold(value=None, color=base),
                    *(Threshold(value=value, color=color) for value, color in ordered.items())]))


def link(name):
    return (dashboard.DashboardLink(f"Runbook: {name}").type(DashboardLinkType.LINK)
            .url(rules.runbook(name)).target_blank(True))


def names(alerts):
    return dict.fromkeys(one if isinstance(one, str) else one[0] for one in alerts)


def dress(panel, title, description, unit, targets, width, height, none):
    """What every panel has."""
    for letter, query in zip(ascii_uppercase, targets, strict=False):
        panel.with_target(query.target(letter))
    return (panel.title(title).description(description).unit(unit).datasource(DATASOURCE)
            .span(width).height(height).no_value(none).interval(EVERY))


def series(title, description, unit, targets, alerts=(), marks=(), runbooks=(), width=8,
           stacked=False, colors=None, none="No data"):
    """Lines over time. `alerts` draw their thresholds and link their runbooks; `runbooks` are
    those of alerts without a threshold of this unit; `colors`: {name of a series, or
    /what matches it/: color}."""
    panel = dress(timeseries.Panel(), title, description, unit, targets, width, HEIGHT, none)
    panel.links([link(name) for name in [*names(alerts), *runbooks]])
    panel.min(0).line_width(1).fill_opacity(30 if stacked else 5)
    panel.show_points(kinds.VisibilityMode.NEVER)
    panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    # A pod that is not scraped for a minute leaves no gap; one that has gone does.
    panel.span_nulls(60_000)
    panel.tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI)
                  .sort(kinds.SortOrder.DESCENDING))
    panel.legend(common.VizLegendOptions().show_legend(True).calcs(["lastNotNull"])
                 .display_mode(kinds.LegendDisplayMode.LIST)
                 .placement(kinds.LegendPlacement.BOTTOM))
    if stacked:
        panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL).group("A"))
    if drawn := [*map(step_of, alerts), *marks]:
        panel.thresholds(steps("transparent", drawn))
        panel.thresholds_style(common.GraphThresholdsStyleConfig()
                               .mode(kinds.GraphThresholdsStyleMode.DASHED))
    for name, color in (colors or {}).items():
        override = panel.override_by_regexp if name.startswith("/") else panel.override_by_name
        override(name, [DynamicConfigValue(
            id_val="color", value={"mode": "fixed", "fixedColor": color})])
    return panel


def number(title, description, unit, text, legend="", base=GOOD, alerts=(), marks=(), runbooks=(),
           width=4, height=4, decimals=None, named=False, none="No data"):
    """The value of now, large. `named`: the name of the series instead of its value."""
    panel = dress(stat.Panel(), title, description, unit, [Query(text, legend, instant=True)],
                  width, height, none)
    panel.links([link(name) for name in [*names(alerts), *runbooks]])
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    panel.graph_mode(kinds.BigValueGraphMode.NONE).color_mode(kinds.BigValueColorMode.VALUE)
    panel.text_mode(kinds.BigValueTextMode.NAME if named else kinds.BigValueTextMode.AUTO)
    panel.color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    panel.thresholds(steps(base, [*map(step_of, alerts), *marks]))
    return panel if decimals is None else panel.decimals(decimals)


def heatmap(title, description, unit, text, width=12, bounds=COUNT, none="No data"):
    """A histogram over time: `text` gives its cumulative buckets, `unit` is that of a cell and
    `bounds` that of a bucket's bound."""
    panel = dress(heat.Panel(), title, description, unit,
                  [Query(text, "{{le}}", format="heatmap")], width, HEIGHT, none)
    # Cells as large as these hold enough rows to have a shape.
    return (panel.calculate(False).interval("1m").max_data_points(60)
            .color(heat.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges")
                   .scale(HeatmapColorScale.EXPONENTIAL).exponent(0.5).steps(64))
            .y_axis(heat.YAxisConfig().unit(bounds).axis_placement(kinds.AxisPlacement.LEFT))
            .cell_values(heat.CellValues().unit(unit).decimals(0)).show_legend().show_y_histogram()
            .mode(kinds.TooltipDisplayMode.SINGLE))


def bars(title, description, unit, text, legend, width=8, none="No data"):
    """One bar a series, of now, from 0 to 1."""
    panel = dress(bargauge.Panel(), title, description, unit, [Query(text, legend, instant=True)],
                  width, HEIGHT, none)
    return (panel.orientation(kinds.VizOrientation.HORIZONTAL).min(0).max(1).decimals(4)
            .display_mode(kinds.BarGaugeDisplayMode.BASIC)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
            .thresholds(steps("blue", [])))


def states(title, description, text, legend, runbooks=(), width=12, none="No data"):
    """A bar a series, for as long as it is there."""
    panel = dress(statetimeline.Panel(), title, description, SCORE, [Query(text, legend)], width,
                  HEIGHT, none)
    panel.links([link(name) for name in runbooks])
    return (panel.show_value(kinds.VisibilityMode.NEVER).row_height(0.8).merge_values(True)
            .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(BAD)))
