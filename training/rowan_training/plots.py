"""The plots of a model card, as PNG. Colours differ in lightness too, and no figure needs colour alone."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from rowan_training.assessment import calibration_bins

SIZE = (6.4, 4.2)
DPI = 110
STYLES = {"challenger": ("#1f5fa8", "-"), "champion": ("#e08a1e", "--")}
GENUINE, FRAUD = "#9aa5b1", "#b3261e"
SHOWN_FEATURES = 20

Scores = Mapping[str, np.ndarray]


def plot_all(folder: Path, labels: np.ndarray, scores: Scores, importance: Mapping[str, float]) -> list[str]:
    """Writes the plots, and gives their names. `scores` has the challenger's, and the champion's if there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        "calibration.png": _calibration(labels, scores),
        "precision-recall.png": _precision_recall(labels, scores),
        "scores.png": _distribution(labels, scores["challenger"]),
        "importance.png": _importance(importance),
    }
    for name, figure in figures.items():
        # No version of the library and no date in the file: the same model gives the same bytes.
        figure.savefig(folder / name, dpi=DPI, metadata={"Software": None})
    return list(figures)


def _axes(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.25)
    return figure, axes


def _calibration(labels: np.ndarray, scores: Scores) -> Figure:
    figure, axes = _axes(
        "Calibration: bins of equally many rows",
        "mean probability (bins without a fraud are not shown)",
        "share of frauds",
    )
    lowest = 1.0
    for name, probabilities in scores.items():
        bins = calibration_bins(labels, probabilities)
        colour, line = STYLES[name]
        seen = bins[(bins["frauds"] > 0) & (bins["probability"] > 0)]
        axes.plot(seen["probability"], seen["frauds"], line, marker="o", color=colour, label=name)
        lowest = min(lowest, float(seen[["probability", "frauds"]].to_numpy().min(initial=1.0)))
    axes.plot([lowest, 1], [lowest, 1], ":", color="#444444", label="perfect")
    axes.set(xscale="log", yscale="log")
    axes.legend()
    return figure


def _precision_recall(labels: np.ndarray, scores: Scores) -> Figure:
    figure, axes = _axes(
        "Precision and recall", "recall: share of frauds found", "precision: share of alarms that are frauds"
    )
    for name, probabilities in scores.items():
        precision, recall, _ = precision_recall_curve(labels, probabilities)
        colour, line = STYLES[name]
        axes.plot(recall, precision, line, color=colour, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.legend()
    return figure


def _distribution(labels: np.ndarray, probabilities: np.ndarray) -> Figure:
    figure, axes = _axes("Scores of the test rows", "probability", "rows")
    bins = np.linspace(0, 1, 51).tolist()
    genuine, frauds = probabilities[labels == 0], probabilities[labels == 1]
    axes.hist(genuine, bins, histtype="stepfilled", color=GENUINE, label=f"genuine ({len(genuine)})")
    axes.hist(frauds, bins, histtype="step", color=FRAUD, label=f"frauds ({len(frauds)})", linewidth=1.6)
    axes.set(yscale="log")
    axes.legend()
    return figure


def _importance(importance: Mapping[str, float]) -> Figure:
    figure, axes = _axes("Importance: share in what the trees gained", "share", "")
    shown = sorted(importance.items(), key=lambda item: item[1])[-SHOWN_FEATURES:]
    axes.barh([name for name, _ in shown], [value for _, value in shown], color=STYLES["challenger"][0])
    axes.tick_params(axis="y", labelsize=7)
    return figure
