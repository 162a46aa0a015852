"""Cases of ml-sync; promtool's clock begins at 0."""

from cases import BELOW, FIRES, MISSING, OTHERS, RESOLVES, RESTART, case
from series import of, steady

OF = {"model": "fraud", "reference": "champion"}
N = {"namespace": "n", **OF}


def success(values, pod="a", reference="champion", **where):
    return {of("ml_model_sync_last_success_timestamp_seconds", pod, **where, model="fraud",
               reference=reference): values}


def failing(n, **labels):
    labels = {**N, **labels}
    return [(f"{n} replicas have not been able to follow fraud {labels['reference']} for "
             "15 minutes", labels)]


def seen(minutes):
    """Successes of each minute until then."""
    return " ".join(str(60 * minute) for minute in range(minutes + 1))


NAME = "ModelSyncFailing"
case(NAME, FIRES, success(f"{seen(10)} 600x60") | success(f"{seen(10)} 600x60", "b"), [30],
     {31: failing(2)})
case(NAME, FIRES + ": 915 seconds", success(f"{seen(9)} 585x60"), [29], {30: failing(1)})
case(NAME, FIRES + ": from the start", success(steady(0)), [20], {21: failing(1)})
case(NAME, FIRES + ": never an answer", {of("ml_model_sync_registry_up", **OF): steady(0)}, [4],
     {5: failing(1)})
case(NAME, BELOW + ": nobody promoted", {of("ml_model_sync_registry_up", **OF): steady(1)}
     | success(seen(60)), range(0, 60, 10))
case(NAME, BELOW, success(" ".join(f"{900 * n}x14" for n in range(8))), range(0, 100, 5))
case(NAME, BELOW + ": away for 19 minutes", success(f"0x19 {20 * 60}x10"), range(30))
case(NAME, RESTART, success("0x14 _x3 0x40"), [20], {21: failing(1), 40: failing(1)})
case(NAME, MISSING, {of("up"): steady(1)}, range(0, 60, 10))
case(NAME, RESOLVES, success(f"0x30 {31 * 60}x12"), [31, 40], {30: failing(1)})
case(NAME, OTHERS, success(steady(0)) | success(seen(60), reference="challenger")
     | success(seen(60), namespace="m"), (), {30: failing(1)})

# ---- ModelSyncRefused --------------------------------------------------------------------------


def refusals(values, pod="a", reason="golden", **where):
    return {of("ml_model_sync_refused_total", pod, **where, **OF, reason=reason): values}


def refused(n, reason="golden"):
    return [(f"{n} replicas refused a version of fraud champion by its {reason}",
             {**N, "reason": reason})]


NAME = "ModelSyncRefused"
case(NAME, FIRES, refusals("0 0 0 1x30"), [2], {3: refused(1)})
case(NAME, FIRES + ": by two", refusals("0 0 0 1x30", reason="checksum")
     | refusals("0 0 0 1x30", "b", reason="checksum") | refusals(steady(0)), (),
     {5: refused(2, "checksum")})
case(NAME, BELOW, refusals(steady(0)) | refusals(steady(4), reason="format"), range(0, 30, 5))
case(NAME, RESTART, refusals("3x5 0x20"), range(25))
case(NAME, MISSING, {of("up"): steady(1)}, range(0, 30, 5))
case(NAME, RESOLVES, refusals("0 0 0 1x30"), [13], {12: refused(1)})
case(NAME, OTHERS, refusals("0 0 0 1x30") | refusals(steady(0), namespace="m"), (), {5: refused(1)})
