"""The pictures of a rehearsal: what was seen over time, on one axis of minutes. Acts are shaded,
marks are thin lines with their numbers, and where nobody answered there is a gap.

A panel is a function of (axes, Story) that draws one figure; PICTURES says which stand together.
"""

import re
import textwrap
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import LogFormatter, MaxNLocator  # noqa: E402

BLUE, SKY, GREEN, ORANGE, RED, PURPLE = (  # Okabe and Ito's: told apart by everybody
    "#0072b2", "#56b4e9", "#009e73", "#e69f00", "#d55e00", "#cc79a7")
GREY = "#808080"
SHADES = ("#eef3f8", "#f8f3ea")  # of acts, in turn
CLASSES = {"2xx": GREEN, "4xx": ORANGE, "5xx": RED}
WIDTH = 11          # inches
PANEL_HEIGHT = 1.75
BAR_HEIGHT = 0.24   # of an alert
NAME_ROOM = 0.24    # of the width: the longest name of an alert
HEADER_HEIGHT = 0.62  # titles of acts, and numbers of marks
GAP = 0.3             # between panels: the legend of the lower one
LEFT, RIGHT, TOP, BOTTOM = 0.85, 0.15, 0.05, 0.45  # the same in each picture
LETTERS = 110       # of an act's title, were it as long as the rehearsal
TITLE_LINES = 2
ROWS = 2            # of the marks' numbers, one above the other where they are close
APART = 0.016       # of the width: numbers closer than that are not in one row
PATH = re.compile(r' d="[^"]*"')
DECIMALS = re.compile(r"(\d+\.\d)\d+")  # of a path: a tenth of a point is enough
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "rowan", "font.size": 9, "axes.titlesize": 9,
         "axes.labelsize": 8.5, "legend.fontsize": 8, "axes.axisbelow": True,
         "axes.spines.top": False, "axes.spines.right": False, "path.simplify_threshold": 0.4,
         "font.family": "sans-serif",
         "font.sans-serif": ["DejaVu Sans", "Verdana", "Helvetica", "Arial"]}


@dataclass
class Story:
    """A record and the looks at what it tells of, in minutes since the first act or look: what is
    brought up before is no part of it."""

    record: object
    looks: object

    @cached_property
    def origin(self):
        begins = [*(act["began"] for act in self.record.acts),
                  *(sample["t"] for sample in self.looks.samples)]
        return min(begins, default=self.record.began)

    def minutes(self, t):
        return (t - self.origin) / 60

    @property
    def times(self):
        return [self.minutes(sample["t"]) for sample in self.looks.samples]

    @property
    def end(self):
        """Of the last act, or the last look."""
        ends = [*(act["ended"] for act in self.record.acts if act["ended"] is not None),
                *(sample["t"] for sample in self.looks.samples)]
        return max(map(self.minutes, ends), default=1)

    def figure(self, name):
        """A value for each look; NaN is a gap."""
        return [number(sample[name]) for sample in self.looks.samples]

    def part(self, name, key):
        """Of a figure with several values. One that is not told is a gap."""
        return [number((sample[name] or {}).get(key)) for sample in self.looks.samples]

    def keys(self, name):
        return sorted({key for sample in self.looks.samples for key in sample[name] or ()})

    def silences(self):
        """(begin, end) of each time in which Prometheus did not answer."""
        return spans(self.times, [sample["alerts"] is None for sample in self.looks.samples])

    def alerts(self):
        """Alert -> [(begin, end)] while it fires, in the order in which they began."""
        names = self.looks.firing(float("-inf"))
        return {name: spans(self.times, [name in (sample["alerts"] or ())
                                         for sample in self.looks.samples])
                for name in sorted(names, key=names.get)}


def number(value):
    return float("nan") if value is None else value


def spans(times, flags):
    """The runs of looks for which the flag is true: each lasts until the next look."""
    found, begin = [], None
    for time, flag in zip([*times, times[-1] if times else 0], [*flags, False]):
        if flag and begin is None:
            begin = time
        elif not flag and begin is not None:
            found.append((begin, time))
            begin = None
    return found


# ---- panels ------------------------------------------------------------------------------


def replicas(axes, story):
    axes.plot(story.times, story.figure("replicas_wanted"), color=BLUE, drawstyle="steps-post",
              linewidth=1.6, label="wanted by the HPA")
    axes.plot(story.times, story.figure("replicas_ready"), color=ORANGE, drawstyle="steps-post",
              linewidth=1.2, linestyle=(0, (3, 1.5)), label="ready")
    axes.set(ylabel="replicas", ylim=(0, 7.5))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def cpu_of_pods(axes, story):
    pods = story.keys("cpu")
    for i, pod in enumerate(pods):
        axes.plot(story.times, story.part("cpu", pod), color=SKY, linewidth=0.8, alpha=0.9,
                  label="each pod" if i == 0 else None)
    totals = [number(sum(sample["cpu"].values()) if sample["cpu"] else None)
              for sample in story.looks.samples]
    axes.plot(story.times, totals, color=BLUE, linewidth=1.4, label="all pods")
    axes.set(ylabel="CPU, cores")
    axes.set_ylim(bottom=0)


def cpu_of_request(axes, story):
    axes.axhline(80, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)))
    axes.plot(story.times, story.figure("hpa_percent"), color=BLUE, linewidth=1.4,
              label="CPU of all pods, of what they request, as the HPA sees it (80 % is its aim)")
    axes.set(ylabel="%  of requests")
    axes.set_ylim(bottom=0)


def node(axes, story):
    axes.plot(story.times, story.figure("node_cpu_percent"), color=PURPLE, linewidth=1,
              label="CPU of the whole machine, clients and brokers included")
    axes.set(ylabel="%  of machine", ylim=(0, 105))


def requests(axes, story):
    for name in story.keys("requests_per_s"):
        axes.plot(story.times, story.part("requests_per_s", name), linewidth=1.2, label=name,
                  color=CLASSES.get(name, GREY))
    axes.set(ylabel="/predict, requests/s")
    from_zero(axes)


def scored(axes, story):
    axes.plot(story.times, story.figure("consumed_per_s"), color=BLUE, linewidth=1.2,
              label="messages of Kafka")
    axes.plot(story.times, story.figure("predictions_per_s"), color=GREEN, linewidth=1.2,
              label="transactions by HTTP")
    axes.set(ylabel="scored, 1/s")
    from_zero(axes)


def latency(axes, story):
    values = [value if value > 0 else float("nan") for value in story.figure("p99_s")]
    axes.plot(story.times, [value * 1000 for value in values], color=PURPLE, linewidth=1.2,
              label="p99 of /predict, at the server")
    axes.set(ylabel="ms", yscale="log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))


def queue(axes, story):
    axes.axhline(1000, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)))
    axes.plot(story.times, story.figure("queue"), color=BLUE, linewidth=1.4,
              label="messages of the topic that wait (KafkaQueueHigh above 1000)")
    axes.plot(story.times, story.figure("lag"), color=ORANGE, linewidth=1,
              label="of the worst partition")
    axes.set(ylabel="messages")
    from_zero(axes)


def beside(first, last, end):
    """Where a name stands, whether it goes to the right from there, and its colour: where there is
    more room, and on the bar where there is none."""
    right = end - last >= first
    if max(end - last, first) < NAME_ROOM * end:
        return first, True, "white"
    return last if right else first, right, "black"


def alerts(axes, story):
    """A row an alert, its name beside its bars."""
    found = story.alerts()
    for row, (name, times) in enumerate(found.items()):
        axes.broken_barh([(begin, end - begin) for begin, end in times], (row - 0.3, 0.6),
                         facecolors=RED, linewidth=0, zorder=2)
        at, right, colour = beside(times[0][0], times[-1][1], story.end)
        axes.annotate(name, (at, row), va="center", color=colour,
                      xytext=(4 if right else -4, 0), textcoords="offset points",
                      ha="left" if right else "right", fontsize=8, zorder=3)
    for begin, end in story.silences():
        axes.axvspan(begin, end, facecolor="none", edgecolor=GREY, hatch="////", linewidth=0)
    axes.set(ylabel="alerts", ylim=(max(len(found), 1) - 0.4, -0.6), yticks=[])
    if not found:
        axes.text(0.5, 0.5, "none fired", transform=axes.transAxes, ha="center", va="center")


def from_zero(axes):
    """A logarithmic scale that has a zero: a flood and what one client asks, in one panel."""
    axes.set_yscale("symlog", linthresh=1, linscale=0.4)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")


PICTURES = {
    "replicas": ("Replicas, and the CPU that they use",
                 (replicas, cpu_of_request, cpu_of_pods, node)),
    "traffic": ("What came, what was answered, how long it took, what waited",
                (requests, scored, latency, queue)),
    "alerts": ("Alerts of the service while they fire; hatched: Prometheus did not answer",
               (alerts,)),
}


# ---- pictures ------------------------------------------------------------------------------


def rows_of(places):
    """A row for each number, so that those side by side are apart."""
    last, rows = [float("-inf")] * ROWS, []
    for place in places:
        row = next((i for i in range(ROWS) if place - last[i] >= APART), last.index(min(last)))
        last[row] = place
        rows.append(row)
    return rows


def shade(axes, story):
    for i, act in enumerate(story.record.acts):
        end = story.end if act["ended"] is None else story.minutes(act["ended"])
        axes.axvspan(story.minutes(act["began"]), end, color=SHADES[i % 2], zorder=0, linewidth=0)
    for mark in story.record.marks:
        axes.axvline(story.minutes(mark["t"]), color=GREY, linewidth=0.5, zorder=1)


def header(axes, story):
    """The titles of the acts, and below them the numbers of the marks."""
    axes.set_axis_off()
    axes.set_ylim(0, 1)
    line = 8 / (HEADER_HEIGHT * 72)
    marks = [story.minutes(mark["t"]) for mark in story.record.marks]
    for i, (at, row) in enumerate(zip(marks, rows_of([at / story.end for at in marks])), 1):
        axes.text(at, 0.03 + line * row, str(i), ha="center", fontsize=7, color="#404040")
    begins = [story.minutes(act["began"]) for act in story.record.acts]
    for act, begin, until in zip(story.record.acts, begins, [*begins[1:], story.end]):
        if letters := int(LETTERS * (until - begin) / story.end):
            lines = textwrap.wrap(act["title"], letters, max_lines=TITLE_LINES, placeholder="…")
            axes.text(begin, 0.98, "\n".join(lines), va="top", fontsize=9, fontweight="bold")


def height_of(panel, story):
    return BAR_HEIGHT * max(2, len(story.alerts())) if panel is alerts else PANEL_HEIGHT


def legend(axes):
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(handles, labels, loc="lower left", bbox_to_anchor=(0, 0.99), ncols=4,
                    frameon=False, borderaxespad=0.1, handlelength=1.6, columnspacing=1.2)


def blank(heights, gaps):
    """A figure with axes of these heights, one below the other, in inches from its top."""
    height = TOP + sum(heights) + sum(gaps) + BOTTOM
    figure, top, grid = plt.figure(figsize=(WIDTH, height)), height - TOP, []
    for own, gap in zip(heights, gaps):
        top -= gap + own
        place = (LEFT / WIDTH, top / height, (WIDTH - LEFT - RIGHT) / WIDTH, own / height)
        grid.append(figure.add_axes(place, sharex=grid[0] if grid else None))
    return figure, grid


def draw(panels, story):
    heights = [HEADER_HEIGHT, *(height_of(panel, story) for panel in panels)]
    gaps = [0, *(0.05 if panel is alerts else GAP for panel in panels)]
    figure, (top, *grid) = blank(heights, gaps)
    header(top, story)
    for panel, axes in zip(panels, grid):
        panel(axes, story)
        shade(axes, story)
        legend(axes)
        axes.grid(axis="y", linewidth=0.3, color="#c8c8c8")
        axes.tick_params(labelbottom=axes is grid[-1])
        axes.yaxis.set_label_coords(-0.065, 0.5)
    grid[-1].set(xlabel="minutes", xlim=(0, story.end))
    return figure


def smaller(svg):
    """The same picture: a line's points follow each other without a letter each."""
    return PATH.sub(lambda d: DECIMALS.sub(r"\1", d[0]).replace(" \nL ", " "), svg)


def write(record, looks, folder):
    """The pictures as files; name -> caption."""
    story, folder = Story(record, looks), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(STYLE):
        for name, (_, panels) in PICTURES.items():
            path = folder / f"rehearsal-{name}.svg"
            figure = draw(panels, story)
            figure.savefig(path, metadata={"Date": None})
            plt.close(figure)
            path.write_text(smaller(path.read_text()))
    return {name: caption for name, (caption, _) in PICTURES.items()}
