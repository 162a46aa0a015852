"""docs/bench-engine.svg: every engine's one row and batches, on logarithmic axes."""

from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt  # noqa: E402
from report import BATCH_RATE, ONE_ROW_NS, ROWAN  # noqa: E402

MARKERS = "oDPXv^<>"


def _values(measured: dict, models: list[str], of) -> tuple[list[int], list[float]]:
    points = [(place, of(measured[model])) for place, model in enumerate(models)
              if model in measured]
    return [place for place, _ in points], [value for _, value in points]


def _panel(axes, results: dict, title: str, of, goals: dict) -> None:
    models, markers = results["models"], iter(MARKERS)
    for name, engine in results["engines"].items():
        if not engine["times"]:
            continue
        places, values = _values(engine["times"], models, of)
        mine = name == ROWAN
        axes.plot(places, values, linestyle="none", label=name, marker="*" if mine else
                  next(markers), markersize=15 if mine else 7, zorder=3 if mine else 2,
                  color="crimson" if mine else None, alpha=1 if mine else 0.8)
    axes.plot(range(len(models)), [goals[model] for model in models], linestyle="none",
              marker="_", markersize=22, color="crimson", label="Rowan's goal")
    axes.set(title=title, yscale="log", xticks=range(len(models)), xticklabels=models,
             xlim=(-0.5, len(models) - 0.5))
    axes.grid(axis="y", which="major", linewidth=0.4)
    axes.spines[["top", "right"]].set_visible(False)


def write(results: dict, path: Path) -> None:
    # Text stays text and ids are fixed: a small file, the same bytes for the same figures.
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "rowan", "font.size": 10})
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
    _panel(left, results, "One row, ns (lower is better)", lambda m: m["one_ns"], ONE_ROW_NS)
    _panel(right, results, "Batches, rows/s (higher is better)", lambda m: 1e9 / m["batch_ns"],
           BATCH_RATE)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5,
                  frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
