"""The results of a run as Markdown, for the terminal and for docs/bench.md."""

from pathlib import Path

import document
from document import table
from models import MODELS

BEGIN, END = "<!-- engine: written by make bench-engine -->", "<!-- end of engine -->"
ROWAN = "Rowan"

# What Rowan is to reach on the machine of these docs: ns for one row, rows a second in
# batches, ns a row for contributions.
ONE_ROW_NS = {"M1": 40, "M2": 140, "M3": 450, "M4": 1100}
BATCH_RATE = {"M1": 80e6, "M2": 20e6, "M3": 6.5e6, "M4": 1.1e6}
CONTRIBUTIONS_NS = {"M1": 2_000, "M2": 30_000, "M3": 100_000}
TWO_THREADS = 1.9


# ---- numbers ------------------------------------------------------------------------


def duration(ns: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"


def rate(rows: float) -> str:
    return f"{rows / 1e6:.3g} M"


def memory(kib: float) -> str:
    return f"{kib / 1024:.3g} MB"


# ---- tables ---------------------------------------------------------------------------


def cells(results: dict, name: str, part: str, show) -> list[str]:
    measured = results["engines"][name][part]
    return [show(measured[model]) if model in measured else "–" for model in results["models"]]


def names(results: dict, part: str) -> list[str]:
    """Engines that have figures of this part; Rowan last, above what it is compared with."""
    with_figures = [name for name, engine in results["engines"].items() if engine[part]]
    return sorted(with_figures, key=lambda name: name == ROWAN)


def best_peer(results: dict, part: str, key: str, model: str) -> float | None:
    """The smallest time; `key` is one of times."""
    times = [engine[part][model][key] for name, engine in results["engines"].items()
             if name != ROWAN and model in engine[part]]
    return min(times, default=None)


def ratios(results: dict, part: str, keys: tuple[str, ...]) -> list[str]:
    """How many times faster than the best peer, by each of the times."""
    def ratio(model: str) -> str:
        mine = results["engines"][ROWAN][part].get(model)
        if not mine or not best_peer(results, part, keys[0], model):
            return "–"
        times = [best_peer(results, part, key, model) / mine[key] for key in keys]
        return f"**{' / '.join(f'{time:.3g}' for time in times)} x**"
    return [ratio(model) for model in results["models"]]


def goals(results: dict, part: str, keys: tuple[str, ...], goal_ns: dict, show) -> list[str]:
    def goal(model: str) -> str:
        if model not in goal_ns:
            return "–"
        mine = results["engines"][ROWAN][part].get(model)
        reached = " / ".join(f"{goal_ns[model] / mine[key]:.2f}" for key in keys) if mine else ""
        return f"{show(goal_ns[model])}: " + (f"{reached} of it" if mine else "not measured")
    return [goal(model) for model in results["models"]]


def comparison(results: dict, part: str, keys: tuple[str, ...], show, goal_ns: dict,
               show_goal) -> str:
    rows = [[f"**{name}**" if name == ROWAN else name, *cells(results, name, part, show)]
            for name in names(results, part)]
    rows.append(["best peer / Rowan", *ratios(results, part, keys)])
    rows.append(["goal", *goals(results, part, keys, goal_ns, show_goal)])
    return table(["", *results["models"]], rows)


def one_row_table(results: dict) -> str:
    return comparison(results, "times", ("one_ns",),
                      lambda m: f"{duration(m['one_ns'])} ({duration(m['p99_ns'])})",
                      ONE_ROW_NS, duration)


def batch_table(results: dict) -> str:
    goal_ns = {model: 1e9 / rows for model, rows in BATCH_RATE.items()}
    return comparison(results, "times", ("batch_ns",), lambda m: rate(1e9 / m["batch_ns"]),
                      goal_ns, lambda ns: rate(1e9 / ns))


def contributions_table(results: dict) -> str:
    explained = [model for model in results["models"] if model in CONTRIBUTIONS_NS]
    return comparison(results | {"models": explained}, "contributions", ("one_ns", "batch_ns"),
                      lambda m: f"{duration(m['one_ns'])} / {duration(m['batch_ns'])}",
                      CONTRIBUTIONS_NS, duration)


def load_table(results: dict) -> str:
    rows = [[name, *cells(results, name, "times",
                          lambda m: f"{duration(m['load_ms'] * 1e6)}, {memory(m['memory_kib'])}")]
            for name in names(results, "times")]
    if results["engines"][ROWAN]["times"]:
        rows.append(["Rowan's image: map, size", *cells(
            results, ROWAN, "times",
            lambda m: f"{duration(m['map_ms'] * 1e6)}, {memory(m['image_bytes'] / 1024)}")])
    return table(["", *results["models"]], rows)


def agreement_table(results: dict) -> str:
    rows = [[name, *cells(results, name, "distance", lambda units: f"{units:.1f}")]
            for name in names(results, "distance")]
    return table(["", *results["models"]], rows)


def threads_table(results: dict) -> str:
    rows = [[model, rate(one["rate_1"]), rate(one["rate_n"]),
             f"**{one['rate_n'] / one['rate_1']:.2f} x** (goal {TWO_THREADS})"]
            for model, one in results["threads"].items()]
    return table(["", "one thread", "two threads", "ratio"], rows)


# ---- text ----------------------------------------------------------------------------------


def notes(results: dict) -> str:
    lines = []
    for name, engine in results["engines"].items():
        compiled = ", ".join(f"{model} {seconds:.0f} s"
                             for model, seconds in engine["compile_seconds"].items())
        lines.append(f"- {name}: {engine['note']}" + (f"; compiled in: {compiled}" if compiled
                                                      else ""))
    return "\n".join(lines)


def problems(results: dict) -> str:
    return "\n".join(f"- {text}" for text in results["problems"]) or "- none"


def checks(results: dict) -> str:
    return "\n".join(f"- {'' if check['passed'] else 'FAILED: '}{check['text']}"
                     for check in results["checks"])


def few_calls(results: dict) -> str:
    wanted = results["settings"]["rows"]
    few = [f"{name} {model} {measured['calls']:,}"
           for name, engine in results["engines"].items()
           for model, measured in engine["times"].items() if measured["calls"] < wanted]
    return (f" Fewer than {wanted:,} timed calls: {', '.join(few)}." if few else "")


def render(results: dict, plot: str | None) -> str:
    settings, clock = results["settings"], results["clock"]
    picture = [f"![One row and batches, logarithmic]({plot})", ""] if plot else []
    return "\n".join([
        f"Printed by `{settings['command']}`:", "",
        f"- machine: {results['machine']}",
        *[f"- {name}: {MODELS[name]}" for name in results["models"]],
        f"- data: {settings['rows']:,} rows of {settings['features']} float32 features",
        f"- Rowan's kernels: {', '.join(results['kernels']) or 'none'}",
        f"- medians of rounds: {settings['rounds']}; one thread; measurements of "
        f"{settings['seconds']:g} s", "",
        *picture,
        "### One row: median (p99)", "", one_row_table(results), "",
        f"A call is timed by {clock['name']} over {settings['rows']:,} different rows; the "
        f"{clock['empty_ns']:.1f} ns that an empty call measures are taken off (not from "
        f"oneDAL's, which are timed from Python).{few_calls(results)}", "",
        "### Batches of 10,000: rows a second", "", batch_table(results), "",
        "### Two threads, one model: rows a second", "", threads_table(results), "",
        "### Contributions (exact TreeSHAP): one row / a row in batches of 1000", "",
        "Timed by clock_gettime, whose 20 to 40 ns are left in.", "",
        contributions_table(results), "",
        "### Load time and memory", "",
        "Memory is what the process grows by when it loads the model and scores one batch. "
        "tl2cgen and lleaves are compiled ahead: their loading is `dlopen`.", "",
        load_table(results), "",
        "### Do they agree?", "", checks(results), "",
        "Largest difference from Rowan (from LightGBM where Rowan has no figure), in units of "
        "2^-24 = 6e-8, one ulp of a float32 probability near 1:", "",
        agreement_table(results), "",
        "### Engines", "", notes(results), "", "Not measured:", "", problems(results), ""])


def write_into(path: Path, text: str) -> None:
    document.write_between(path, BEGIN, END, text)
