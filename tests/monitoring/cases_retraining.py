"""Cases of ml-retraining, as Pushgateway tells of it; promtool's clock begins at 0."""

from cases import BELOW, FIRES, MISSING, OTHERS, RESOLVES, RESTART, case
from series import steady, text


def told(name, values, model="fraud", **labels):
    return {text(f"ml_retraining_{name}", {"job": "ml-retraining", "model": model, **labels}): values}


def outcome(values, of="failed", **where):
    return told("outcome", values, **where, outcome=of)


def last_run(values, **where):
    return told("last_run_timestamp_seconds", values, **where)


def failed(ago, what="failed", model="fraud"):
    return [(f"The last retraining of {model} {what}, {ago} ago", {"model": model, "outcome": what})]


NAME = "RetrainingFailed"
case(NAME, FIRES, outcome("0x4 1x40") | last_run("0x4 240x40"), [4],
     {5: failed("1m 0s"), 30: failed("26m 0s")})
case(NAME, FIRES + ": taken back", outcome(steady(1), "rolled-back") | outcome(steady(0))
     | last_run(steady(0)), (), {5: failed("5m 0s", "rolled-back")})
case(NAME, BELOW + ": promoted, and refused", outcome(steady(0)) | outcome(steady(0), "rolled-back")
     | outcome("1x10 0x40", "promoted") | outcome("0x10 1x40", "refused") | last_run(steady(0)),
     range(0, 40, 5))
case(NAME, MISSING, outcome(steady(0)), range(0, 30, 5))
case(NAME, MISSING + ": nothing was ever pushed", {"up": steady(1)}, range(0, 30, 5))
case(NAME, RESOLVES, outcome("1x9 0x40") | last_run("0x9 600x40"), [10, 20], {9: failed("9m 0s")})
case(NAME, RESTART + " of Pushgateway, that kept its file", outcome("1x9 _x3 1x40") | last_run(
    "0x9 _x3 0x40"), (), {20: failed("20m 0s")})
case(NAME, OTHERS, outcome(steady(1)) | last_run(steady(0)) | outcome(steady(0), model="other")
     | last_run(steady(0), model="other"), (), {5: failed("5m 0s")})

# ---- RetrainingLate: steps of an hour, 8 days are 192 ------------------------------------------

NAME = "RetrainingLate"


def late(ago, model="fraud"):
    return [(f"No retraining of {model} has ended for {ago}", {"model": model})]


case(NAME, FIRES, last_run(steady(0)), [192, 193], {194: late("8d 2h 0m 0s")}, step=60)
case(NAME, BELOW + ": a week and an hour", last_run(" ".join(
    f"{169 * 3600 * n}x168" for n in range(4))), range(0, 600, 20), step=60)
case(NAME, MISSING, {"up": steady(1)}, [193, 200, 300], step=60)
case(NAME, RESOLVES, last_run(f"0x210 {211 * 3600}x100"), [212, 300], {210: late("8d 18h 0m 0s")},
     step=60)
case(NAME, RESTART + " of Pushgateway, that kept its file", last_run("0x200 _ _ 0x100"), (),
     {210: late("8d 18h 0m 0s")}, step=60)
case(NAME, OTHERS, last_run(steady(0)) | last_run(f"0x150 {151 * 3600}x200", model="other"), (),
     {200: late("8d 8h 0m 0s")}, step=60)
