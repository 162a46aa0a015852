"""Eight days of scores before a test began, for what looks back a week: made up, of the one
histogram that needs it, and put into Prometheus' files as promtool back-fills them. It ends an hour
before now, so that no panel of the last minutes lives on it."""

import subprocess
import time

METRIC = "ml_model_fraud_probability"
DAYS, EVERY = 8, 300  # seconds between two samples
# Share of the scores up to each bound.
CUMULATIVE = {"0.001": 0.45, "0.005": 0.7, "0.025": 0.85, "0.1": 0.93, "0.3": 0.96, "0.5": 0.97,
              "0.7": 0.98, "0.9": 0.985, "0.99": 0.993, "+Inf": 1.0}
PER_SAMPLE = 1000


def openmetrics(labels, now):
    given = ",".join(f'{name}="{value}"' for name, value in labels.items())
    lines = [f"# TYPE {METRIC} histogram"]
    times = range(int(now) - DAYS * 86400, int(now) - 3600, EVERY)
    for number, moment in enumerate(times, 1):
        count = number * PER_SAMPLE
        lines += [f'{METRIC}_bucket{{{given},le="{bound}"}} {round(count * share)} {moment}'
                  for bound, share in CUMULATIVE.items()]
        lines.append(f"{METRIC}_count{{{given}}} {count} {moment}")
    return "\n".join([*lines, "# EOF", ""])


def back_fill(prometheus, **labels):
    """Before Prometheus starts."""
    text = prometheus.folder / "history.om"
    text.write_text(openmetrics(labels, time.time()))
    made = subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", text,
                           prometheus.folder / "data"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
