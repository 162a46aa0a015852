"""Cases of ml-model."""

from itertools import accumulate

from cases import BELOW, FIRES, MISSING, OTHERS, RESOLVES, RESTART, ZERO, case
from psi import BINS, OTHER, QUIET, psi, shifted
from series import bare, growing, of, ramps, restarted, steady, text

N = {"namespace": "n"}
MODEL = {"model": "fraud", "model_version": "1"}


def up(pod="a", values=None, **where):
    return {of("up", pod, **where): values or steady(1)}


def info(pod="a", values=None, version="1", **where):
    return {of("ml_model_info", pod, **where, model="fraud", model_version=version,
               model_type="XGBoost"): values or steady(1)}


# ---- NoReadyModel -----------------------------------------------------------------------------

NO_MODEL = "1 replicas have no model, or are not ready"


def ready(values, pod="a", teller="k", **where):
    return {text("kube_pod_status_ready", {"namespace": "n", **where, "instance": teller,
                                           "pod": pod, "condition": "true"}): values}


case("NoReadyModel", FIRES, up() | up("b") | info(), [1],
     {2: [(NO_MODEL, N)]})
case("NoReadyModel", BELOW, up() | up("b") | info() | info("b"), range(0, 30, 5))
case("NoReadyModel", RESTART, up() | info(values="1x5 _ _ 1x20"), range(25))
case("NoReadyModel", MISSING, up() | up("b"), [1], {2: [("2 replicas have no model, or are not ready", N)]})
case("NoReadyModel", MISSING + ": labels of Kubernetes", {bare("up"): steady(1)}, [1],
     {2: [(NO_MODEL, {})]})
case("NoReadyModel", MISSING + ": ServiceDown says it", up(values=steady(0)), range(0, 30, 5))
case("NoReadyModel", RESOLVES, up() | info(values="_x6 1x20"), [6, 10],
     {5: [(NO_MODEL, N)]})
case("NoReadyModel", OTHERS, up() | info() | up(namespace="m"), (),
     {2: [(NO_MODEL, {"namespace": "m"})]})

# rowan-stream beside nginx tells of its model, and nginx has none.
BESIDE = up() | info() | up("b") | info("b")
case("NoReadyModel", FIRES + ": rowan-stream has one", BESIDE | ready(steady(0))
     | ready(steady(1), "b") | ready(steady(0), teller="l"), [6], {7: [(NO_MODEL, N)]})
case("NoReadyModel", BELOW + ": a rollout, one after the other",
     {of(name, f"p{i}", **labels): f"_x{2 * i} 1x60" for i in range(6)
      for name, labels in (("up", {}), ("ml_model_info", {**MODEL, "model_type": "XGBoost"}))}
     | {series: values for i in range(6)
        for series, values in ready(f"_x{2 * i} 0x3 1x60", f"p{i}").items()}, range(30))
# kube-state-metrics is started anew: what the new one tells of has not been ready as long as it
# knows, what the old one told of was.
case("NoReadyModel", BELOW + ": another kube-state-metrics", BESIDE
     | ready("1x18 0x2 _x30") | ready("_x20 0x2 1x30", teller="l"), range(40))
case("NoReadyModel", BELOW + ": now and then not ready", BESIDE
     | ready(" ".join(["0x3 1"] * 10)), range(40))
case("NoReadyModel", BELOW + ": ServiceDown says it, of pods that are not ready",
     up(values=steady(0)) | info() | ready(steady(0)), range(0, 30, 5))

# ---- ModelLoadFailed -----------------------------------------------------------------------------

ONCE = [("A new model has been refused 1 times in 10 minutes", N)]


def refused(values, **where):
    return {of("ml_model_loads_total", **where, outcome="refused"): values}


case("ModelLoadFailed", FIRES, refused("0 0 0 1x30"), [2], {3: ONCE})
case("ModelLoadFailed", BELOW, refused(steady(0))
     | {of("ml_model_loads_total", outcome="loaded"): growing(1)}, range(0, 30, 5))
case("ModelLoadFailed", RESTART, refused("3x5 0x20"), range(25))
case("ModelLoadFailed", RESTART + ", and then one", refused("3x5 0 0 1x20"), [7],
     {8: ONCE})
case("ModelLoadFailed", MISSING, up(), range(0, 30, 5))
case("ModelLoadFailed", RESOLVES, refused("0 0 0 1x30"), [13], {12: ONCE})
case("ModelLoadFailed", OTHERS, refused("0 0 0 1x30") | refused(steady(0), namespace="m"), (),
     {5: ONCE})

# ---- ModelStale: steps of an hour, 14 days are 336 -----------------------------------------------

OLD = {"namespace": "n", **MODEL}


def stale(n, version="1"):
    return [(f"{n} replicas serve fraud {version}, as 14 days ago",
             {**OLD, "model_version": version})]


def retrained(values):
    """As Pushgateway tells it; promtool's clock begins at 0."""
    return {text("ml_retraining_last_success_timestamp_seconds",
                 {"job": "ml-retraining", "model": "fraud"}): values}


case("ModelStale", FIRES, info() | info("b"), [335, 336], {337: stale(2)}, step=60)
case("ModelStale", BELOW + ": a newer version",
     info(values="1x99 stale") | info(values="_x100 1x400", version="2"), [337, 400, 436],
     {437: stale(1, "2")}, step=60)
case("ModelStale", BELOW + ": a retraining ended well 14 days ago", info()
     | retrained(steady(3 * 3600)), [337, 338, 339], {340: stale(1)}, step=60)
case("ModelStale", BELOW + ": none ended well lately", info() | retrained(steady(1)), [336],
     {340: stale(1)}, step=60)
case("ModelStale", RESTART, info(values="1x200 stale") | info("b", "_x200 1x300"), [336],
     {337: stale(1)}, step=60)
case("ModelStale", RESTART + ", in place", info(values="1x200 _ _ 1x300"), [336],
     {337: stale(1)}, step=60)
case("ModelStale", MISSING, up(), [337, 340], step=60)
case("ModelStale", MISSING + ": Prometheus was away 14 days ago", info(values="1x9 _x4 1x400"),
     [336], {346: stale(1)}, step=60)
case("ModelStale", RESOLVES, info(values="1x350 stale") | info(values="_x350 1x40", version="2"),
     [352], {350: stale(1)}, step=60)
case("ModelStale", RESOLVES + ": a retraining", info() | retrained(f"_x351 {351 * 3600}x40"),
     [352, 380], {350: stale(1)}, step=60)
case("ModelStale", OTHERS, info() | info(namespace="m", values="_x99 1x400"), (),
     {340: stale(1)}, step=60)

# ---- HighFraudRate -------------------------------------------------------------------------------


def predictions(legitimate, fraud, values=growing, model="fraud", **where):
    return {of("ml_model_predictions_total", **where, model=model, model_version="1",
               prediction_result=result): values(n)
            for result, n in (("legitimate", legitimate), ("fraud", fraud))}


HIGH = [("fraud calls 10.1% of transactions fraud", {**N, "model": "fraud"})]
case("HighFraudRate", FIRES, predictions(899, 101), [10], {11: HIGH})
case("HighFraudRate", BELOW, predictions(901, 99), range(0, 90, 5))
# 504 and 492 in an hour.
case("HighFraudRate", FIRES + ": just enough", predictions(6.4, 2), [65],
     {70: [("fraud calls 23.81% of transactions fraud", {**N, "model": "fraud"})]})
case("HighFraudRate", BELOW + ": too few", predictions(6.2, 2), range(0, 120, 5))
case("HighFraudRate", RESTART, predictions(899, 101, lambda n: restarted(n, 20)), (),
     dict.fromkeys(range(11, 40), HIGH))
case("HighFraudRate", RESTART + ", just below",
     predictions(901, 99, lambda n: restarted(n, 20)), range(40))
case("HighFraudRate", MISSING, up(), range(0, 30, 5))
case("HighFraudRate", ZERO, predictions(0, 0), range(0, 90, 5))
case("HighFraudRate", RESOLVES, predictions(0, 101) | predictions(
    5000, 0, lambda n: ramps((20, 0), (90, n)), pod="b"), [40], {20: [
        ("fraud calls 100% of transactions fraud", {**N, "model": "fraud"})]})
case("HighFraudRate", OTHERS, predictions(899, 101) | predictions(500, 0, model="other")
     | predictions(500, 0, namespace="m"), (), {11: HIGH})

# ---- PredictionDistributionShift: steps of an hour -----------------------------------------------

WEEK = 8 * 24  # a day and the 7 before
CHANGED = 7 * 24


def scores(*pieces, model="fraud", version="1", pod="a", **where):
    """Pieces of (hours, scores an hour, shares of bins)."""
    bounds = [*BINS[:-1], "+Inf"]
    labels = {"model": model, "model_version": version}
    cumulated = [(hours, n, list(accumulate(shares))) for hours, n, shares in pieces]
    found = {of("ml_model_fraud_probability_bucket", pod, **where, **labels, le=le):
             ramps(*((hours, n * shares[i]) for hours, n, shares in cumulated))
             for i, le in enumerate(bounds)}
    return found | {of("ml_model_fraud_probability_count", pod, **where, **labels):
                    ramps(*((hours, n) for hours, n, _ in pieces))}


def shift(index, model="fraud"):
    return [(f"Scores of {model} have shifted: {index:.2f} PSI against the week before",
             {**N, "model": model})]


# At its highest when the last day is all after the change, and the week all before.
NAME = "PredictionDistributionShift"
MUCH = (CHANGED, 1000, QUIET), (40, 1000, OTHER)


def since(hours, before=1000, after=1000):
    """So many hours after WEEK, as many of the last 7 days are of the change."""
    quiet, other = (7 * 24 - hours) * before, hours * after
    week = [(quiet * a + other * b) / (quiet + other) for a, b in zip(QUIET, OTHER, strict=True)]
    return shift(psi(OTHER, week))


case(NAME, FIRES, scores((CHANGED, 1000, QUIET), (40, 1000, shifted(0.2549))),
     [WEEK - 5, WEEK], {WEEK + 1: shift(0.25)}, step=60)
case(NAME, BELOW, scores((CHANGED, 1000, QUIET), (40, 1000, shifted(0.2475))),
     range(CHANGED, CHANGED + 40), step=60)
# 1008 and 984 in the day, 1008 and 991 in the 7 days before.
case(NAME, FIRES + ": a day of just enough", scores((CHANGED, 1000, QUIET), (40, 42, OTHER)), (),
     {WEEK + 2: since(2, after=42)}, step=60)
case(NAME, BELOW + ": a day of too few", scores((CHANGED, 1000, QUIET), (40, 41, OTHER)),
     [WEEK, WEEK + 2], step=60)
case(NAME, FIRES + ": a week of just enough", scores((CHANGED, 6, QUIET), (40, 1000, OTHER)),
     (), {WEEK + 1: since(1, before=6)}, step=60)
case(NAME, BELOW + ": a week of too few", scores((CHANGED, 5.9, QUIET), (40, 1000, OTHER)),
     range(WEEK - 20, WEEK + 1), step=60)
case(NAME, RESTART, scores((CHANGED, 1000, QUIET)) | {
    series: f"_x{CHANGED} {values}"
    for series, values in scores((40, 1000, OTHER), pod="b").items()}, (),
     {WEEK + 1: since(1)}, step=60)
case(NAME, MISSING, scores((24, 1000, OTHER)), range(24), step=60)
case(NAME, ZERO, scores((CHANGED, 0, QUIET), (40, 0, OTHER)), range(0, 200, 10), step=60)
case(NAME, ZERO + ": no scores in the last day", scores((CHANGED, 1000, QUIET), (40, 0, OTHER)),
     range(WEEK, WEEK + 10), step=60)
case(NAME, RESOLVES, scores(*MUCH, (60, 1000, QUIET)), [CHANGED + 40 + 30], {WEEK + 1: since(1)},
     step=60)
case(NAME, OTHERS, scores(*MUCH) | scores((CHANGED + 40, 1000, QUIET), model="other"), (),
     {WEEK + 1: since(1)}, step=60)
