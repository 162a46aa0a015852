"""The results of make bench-scaling as Markdown and as a plot: the generated part of
docs/capacity.md."""

from pathlib import Path

import capacity
import document
import matplotlib
from capacity import short

matplotlib.use("svg")

import matplotlib.pyplot as plt  # noqa: E402

DOCUMENT = capacity.ROOT / "docs" / "capacity.md"
PICTURE = capacity.ROOT / "docs" / "images" / "capacity-scaling.svg"
BEGIN, END = "<!-- scaling: written by make bench-scaling -->", "<!-- end of scaling -->"
BUSIEST = 0.85  # of the machine: beyond it the machine is the limit, and not the replica


def efficiency(point, points):
    """Of so many times the first point of the curve, where one replica has work; those without
    a partition do not count."""
    return point["rate"] / (point["working"] * points[0]["rate"])


def too_busy(results):
    """Each point at which the machine was the limit, in words."""
    points = [*((f"{p['replicas']} replicas, {p['partitions']} partitions", p)
                for curve in results["curves"].values() for p in curve),
              *((f"HTTP, {p['replicas']} replicas", p) for p in results["http"]),
              *((f"one replica at {p['rate']:,} a second", p) for p in results["steady"]),
              *((f"one replica with a pod's share, {name}", p)
                for name, p in results["costs"].items()),
              *((f"one replica with a pod's share at {p['rate']:,.0f} a second", p)
                for name in ("kafka", "kafka_lz4") for p in results["costs"][name]["paced"]
                if p["counts"])]
    return [f"{name}: {point['busy']:.0%} of its CPU in use, at most {BUSIEST:.0%} allowed"
            for name, point in points if point["busy"] > BUSIEST]


# ---- tables -------------------------------------------------------------------------------------


def marked(point):
    return f"{point['busy']:.0%}" + (" **too busy**" if point["busy"] > BUSIEST else "")


def stream_row(point, head, points):
    # The fullest replica ends last: so much is left where a message costs the same in all rows.
    bound = 1 / point["fullest"]
    return [str(head), str(point["working"]), f"{point['rate']:,.0f}",
            f"{efficiency(point, points):.2f}", f"{bound:.2f}", f"{point['share_used']:.2f}",
            f"{point['cpu_us']:.2f}", f"{point['broker_us']:.2f}",
            short(point["per_transaction"]), marked(point)]


def stream_table(results, name):
    head = [name, "with work", "messages/s", "efficiency", "fullest leaves",
            "of its share used", "CPU us a message", "broker us", "messages a transaction",
            "machine busy"]
    points = results["curves"][name]
    rows = [stream_row(point, point[name], points) for point in points]
    return document.table(head, rows)


def http_table(results):
    points = results["http"]
    rows = [[str(point["replicas"]), f"{point['rate']:,.0f}", f"{efficiency(point, points):.2f}",
             f"{point['share_used']:.2f}", f"{point['cpu_us']:.2f}", marked(point)]
            for point in points]
    return document.table(["replicas", "requests/s", "efficiency", "of its share used",
                           "CPU us a request", "machine busy"], rows)


def steady_table(results):
    rows = [[f"{point['rate']:,}", f"{point['cores']:.3f}", f"{point['cpu_us']:.1f}",
             f"{point['p50_ms']:.0f}", f"{point['p99_ms']:.0f}", f"{point['busy']:.0%}"]
            for point in results["steady"]]
    return document.table(["messages/s", "CPUs in use", "CPU us a message", "p50 ms", "p99 ms",
                           "machine busy"], rows)


# ---- text ---------------------------------------------------------------------------------------


def brokers_us(cost):
    if "append_us" not in cost:
        return "–"
    return " + ".join(f"{cost[key]:.1f}" for key in ("append_us", "broker_us", "read_us"))


def costs_table(results):
    rows = []
    for name, key in (("Kafka, as shipped", "kafka"), ("Kafka, predictions in lz4", "kafka_lz4"),
                      ("HTTP", "http")):
        cost = results["costs"][key]
        rows.append([name, f"{cost['rate']:,.0f}", f"{cost['cpu_us']:.2f}",
                     f"{cost['bytes_in']:.0f}", f"{cost['bytes_out']:.0f}",
                     brokers_us(cost), marked(cost)])
    return document.table([f"one replica with {results['large']:g} CPU, behind", "a second",
                           "CPU us each", "bytes in", "bytes out",
                           "us of three brokers, each with a copy: input + `rowan-stream` + "
                           "one reader", "machine busy"], rows)


def paced_table(results):
    """A pod that keeps up, and the line through the points that count."""
    rows, lines = [], []
    for name, key in (("as shipped", "kafka"), ("predictions in lz4", "kafka_lz4")):
        points = results["costs"][key]["paced"]
        rows += [[name, f"{point['rate']:,.0f}", f"{point['cores']:.3f}",
                  f"{point['cpu_us']:.2f}", short(point["per_transaction"]),
                  f"{point['busy']:.0%}", "yes" if point["counts"] else
                  "no: machine busy" if point["kept_up"] else "no: did not keep up"]
                 for point in points]
        fixed, us = capacity.fit(points)
        lines.append(f"{name} {fixed:.3f} of a CPU + {us:.2f} us x messages a second")
    head = [f"one replica with {results['large']:g} CPU, keeping up", "messages/s",
            "CPUs in use", "CPU us a message", "messages a transaction", "machine busy", "counts"]
    return (document.table(head, rows)
            + f"\n\nThe straight lines through those that count: {'; '.join(lines)}.")


def head(results):
    command = "make bench-scaling" + (" ARGS=--quick" if results["quick"] else "")
    return "\n".join([
        f"Printed by `{command}` in {results['took'] / 60:.0f} minutes:", "",
        f"- machine: {results['machine']}",
        f"- each replica has {results['share']:g} of a CPU by its cgroup's quota; "
        f"{results['messages']:,} messages for each replica that works; medians of "
        f"{results['rounds']} rounds, steady rates once",
        f"- {too_busy_text(results)}"])


def too_busy_text(results):
    busy = too_busy(results)
    if busy:
        return "THE MACHINE WAS THE LIMIT at " + "; ".join(busy)
    points = [*results["http"], *results["steady"], *results["costs"].values(),
              *(p for curve in results["curves"].values() for p in curve)]
    return (f"the machine was busy for at most {max(p['busy'] for p in points):.0%} of its CPU "
            f"time at any point (allowed: {BUSIEST:.0%})")


def render(results):
    return "\n\n".join([
        head(results), f"![Messages a second over replicas and partitions](images/{PICTURE.name})",
        "### Replicas, 24 partitions", stream_table(results, "replicas"),
        "### Partitions, 6 replicas", stream_table(results, "partitions"),
        "### HTTP", http_table(results),
        "### One replica at a steady rate", steady_table(results),
        "### What one costs in a pod", costs_table(results),
        paced_table(results),
        "### The example", capacity.render(results, capacity.Assumptions()),
        "### What is assumed", capacity.assumptions_table()]) + "\n"


def write_into(text):
    document.write_between(DOCUMENT, BEGIN, END, text)


# ---- the plot -----------------------------------------------------------------------------------


def panel(axes, points, name, title):
    places = [point[name] for point in points]
    axes.plot(places, [points[0]["rate"] * point["working"] for point in points], color="grey",
              linestyle="--", linewidth=1, label="as many times the first, by replicas with work")
    axes.plot(places, [point["rate"] for point in points], marker="o", color="crimson",
              label="measured")
    axes.set(title=title, xlabel=name, xticks=places, ylim=(0, None))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value / 1000:,.0f} k")
    axes.grid(axis="y", linewidth=0.4)
    axes.spines[["top", "right"]].set_visible(False)


def draw(results, path: Path):
    # Text stays text and ids are fixed: a small file, the same bytes for the same figures.
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "rowan", "font.size": 10})
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    curves = results["curves"]
    panel(left, curves["replicas"], "replicas", "Kafka, messages/s; 24 partitions")
    panel(middle, curves["partitions"], "partitions", "Kafka, messages/s; 6 replicas")
    panel(right, results["http"], "replicas", "HTTP, requests/s")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2,
                  frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
