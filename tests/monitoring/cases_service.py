"""Cases of ml-service."""

from cases import BELOW, FIRES, MISSING, OTHERS, RESOLVES, RESTART, ZERO, case
from series import bare, growing, of, ramps, restarted, steady, target, text

N = {"namespace": "n"}
DOWN = "0 replicas of the service answer"


def replies(good, bad, values=growing, endpoint="/predict", **where):
    """`values` of each status, from what a step adds."""
    return {of("http_requests_total", **where, method="POST", endpoint=endpoint,
               status_code=status): values(n)
            for status, n in (("200", good), ("500", bad))}


def up(pod="a", values=None, **where):
    return {of("up", pod, **where): values or steady(1)}


# ---- ServiceDown ----------------------------------------------------------------------------

case("ServiceDown", FIRES, up(values=steady(0)) | up("b", steady(0)), [0], {1: [(DOWN, N)]})
case("ServiceDown", BELOW, up() | up("b", steady(0)), range(0, 30, 5))
case("ServiceDown", MISSING, {'up{job="another"}': steady(1)}, [0],
     {1: [(DOWN, {"job": "tasks10-ml-service"})]})
# Where nobody tells of Deployments, a namespace that lost its targets fires for a day, and where no
# other is left, for ever.
case("ServiceDown", MISSING + ": another namespace is well",
     up(values="1x9 stale") | up(namespace="m"), [10], {11: [(DOWN, N)], 72: [(DOWN, N)]})
case("ServiceDown", MISSING + ": another namespace is well, a day later",
     up(values="1x9 stale") | up(namespace="m"), [10, 36], {12: [(DOWN, N)], 33: [(DOWN, N)]},
     step=60)
case("ServiceDown", MISSING + ": the last one", up(values="1x9 stale"), [10],
     {12: [(DOWN, N)], 36: [(DOWN, {"job": "tasks10-ml-service"})]}, step=60)


def deployment(replicas="4", name="tasks10-ml-service-api", namespace="n"):
    return {text("kube_deployment_spec_replicas",
                 {"namespace": namespace, "deployment": name}): steady(replicas)}


case("ServiceDown", FIRES + ": for ever, while there is the Deployment",
     up(values="1x9 stale") | up(namespace="m") | deployment() | deployment(namespace="m"), [10],
     {12: [(DOWN, N)], 36: [(DOWN, N)], 99: [(DOWN, N)]}, step=60)
# In a namespace of its own name, so that it stays apart where cases are put together.
case("ServiceDown", FIRES + ": scaled to 0, and never seen", deployment("0", namespace="k"), [0],
     dict.fromkeys((1, 99), [(DOWN, {"namespace": "k"})]))
case("ServiceDown", BELOW + ": the Deployment of another", up() | deployment()
     | deployment(name="another", namespace="m"), range(0, 30, 5))
case("ServiceDown", RESOLVES, up(values="0x5 1x10"), [6, 10], {5: [(DOWN, N)]})
case("ServiceDown", OTHERS, up(values=steady(0)) | up(namespace="m"), (), {5: [(DOWN, N)]})
case("ServiceDown", RESTART, up(values="1x3 0 1x20"), range(10))

# ---- TargetDown ----------------------------------------------------------------------------------

ONE = "a is one of 1 replicas that do not answer"
case("TargetDown", FIRES, up(values=steady(0)) | up("b"), [4], {5: [(ONE, target())]})
case("TargetDown", FIRES + ": two",
     up(values=steady(0)) | up("b", steady(0)) | up("c"), [4],
     {5: [(f"{pod} is one of 2 replicas that do not answer", target(pod)) for pod in "ab"]})
case("TargetDown", BELOW, up() | up("b"), range(0, 30, 5))
case("TargetDown", BELOW + ": ServiceDown says it",
     up(values=steady(0)) | up("b", steady(0)) | up(namespace="m"), range(0, 30, 5))
case("TargetDown", RESTART, up(values="1x3 0x4 1x20") | up("b"), range(20))
case("TargetDown", MISSING, up(values="1x3 stale") | up("b"), range(20))
case("TargetDown", RESOLVES, up(values="0x9 1x20") | up("b"), [10], {9: [(ONE, target())]})

# ---- HighErrorRate -----------------------------------------------------------------------------

BAD = [("5.1% of predictions fail", N)]
case("HighErrorRate", FIRES, replies(949, 51), [5], {6: BAD})
case("HighErrorRate", BELOW, replies(951, 49), range(0, 30, 5))
case("HighErrorRate", RESTART, replies(949, 51, lambda n: restarted(n, 11)), (),
     dict.fromkeys(range(6, 25), BAD))
case("HighErrorRate", RESTART + ", just below",
     replies(951, 49, lambda n: restarted(n, 11)), range(25))
case("HighErrorRate", MISSING, {of("http_requests_total", method="POST", endpoint="/predict",
                                   status_code="200"): growing(1)}, range(0, 30, 5))
case("HighErrorRate", MISSING + ": labels of Kubernetes",
     {bare("http_requests_total", method="POST", endpoint="/predict", status_code=status):
      growing(n) for status, n in (("200", 949), ("500", 51))}, [5],
     {6: [("5.1% of predictions fail", {})]})
case("HighErrorRate", ZERO, replies(0, 0), range(0, 30, 5))
case("HighErrorRate", RESOLVES,
     replies(949, 51, lambda n: ramps((12, n), (30, n if n > 100 else 0))), [14, 18],
     {12: BAD})
case("HighErrorRate", OTHERS,
     replies(949, 51) | replies(1000, 0, namespace="m") | replies(0, 1000, endpoint="/health")
     | replies(0, 1000, endpoint="/health", namespace="m"), (), {6: BAD})
case("HighErrorRate", OTHERS + ": pods of a namespace are one",
     replies(899, 101) | replies(1000, 0, pod="b"), [5],
     {6: [("5.05% of predictions fail", N)]})

# ---- SlowResponseTime --------------------------------------------------------------------------

SLOW = [("One prediction in twenty takes longer than 2.059s", N)]


def latency(within_1s, within_2s, within_5s, values=growing):
    counts = {"1.0": within_1s, "2.0": within_2s, "5.0": within_5s, "+Inf": within_5s}
    return {of("http_request_duration_seconds_bucket", method="POST", endpoint="/predict", le=le):
            values(n) for le, n in counts.items()} | replies(within_5s, 0, values)


case("SlowResponseTime", FIRES, latency(900, 949, 1000), [5], {6: SLOW})
case("SlowResponseTime", BELOW, latency(900, 951, 1000), range(0, 30, 5))
case("SlowResponseTime", RESTART, latency(900, 949, 1000, lambda n: restarted(n, 11)), (),
     dict.fromkeys(range(6, 25), SLOW))
case("SlowResponseTime", MISSING, replies(1000, 0), range(0, 30, 5))
case("SlowResponseTime", ZERO, latency(0, 0, 0), range(0, 30, 5))
case("SlowResponseTime", RESOLVES, latency(900, 949, 1000, lambda n: ramps((12, n), (30, 0))),
     [18], {12: SLOW})

# ---- NoPredictions -------------------------------------------------------------------------------

NONE = [("0 predictions in 15 minutes", N)]


def predictions(values, pod="a", **where):
    return {of("ml_model_predictions_total", pod, **where, model="fraud", model_version="1",
               prediction_result="legitimate"): values} | up(pod, **where)


# 101.25 and 97.5 in a quarter of an hour; the last one at minute 75.
case("NoPredictions", FIRES, predictions(ramps((75, 6.75), (60, 0))), [75, 89], {90: NONE})
case("NoPredictions", BELOW, predictions(ramps((75, 6.5), (60, 0))), range(0, 135, 5))


# ---- with a week before: steps of 5 minutes -----------------------------------------------

DAY, NOW = 288, 7 * 288 + 20


def days(week=0, yesterday=0, hour=0):
    """So many a step around the same time a week ago and a day ago, and until 45 minutes ago."""
    return predictions(ramps((10, 1), (20, week), (NOW - DAY - 40, 0), (20, yesterday),
                             (DAY - 32, 0), (13, hour), (60, 0)))


# 100.5 and 99 in a quarter of an hour. None from step NOW - 9 on, and that for 10 minutes.
EXPECTED = {NOW: NONE}
case("NoPredictions", FIRES + ": as yesterday and a week ago", days(33.5, 33.5), (), EXPECTED,
     step=5)
case("NoPredictions", FIRES + ": as an hour and a week ago", days(33.5, 0, 33.5), [NOW - 7],
     {NOW - 6: NONE, NOW: NONE}, step=5)
for what, traffic in {
        "a Saturday": days(0, 90), "the end of a working day": days(0, 0, 90),
        "the end of a busy Friday": days(0, 90, 90), "only a week ago": days(90),
        "a week ago too few": days(33, 90, 90), "yesterday too few": days(90, 33),
        "an hour ago too few": days(90, 0, 33)}.items():
    case("NoPredictions", f"{BELOW}: {what}", traffic, range(NOW - 8, NOW + 3), step=5)
# On a fresh installation nobody knows a week: an hour ago decides, a day ago does not.
case("NoPredictions", BELOW + ": fresh, yesterday only", predictions(ramps((6, 90), (400, 0))),
     range(280, 300), step=5)
case("NoPredictions", FIRES + ": fresh, an hour ago", predictions(ramps((24, 33.5), (60, 0))),
     [26], {28: NONE}, step=5)
case("NoPredictions", RESTART, predictions(restarted(10, 77)), range(0, 135, 5))
case("NoPredictions", RESTART + ", and then none",
     predictions(f"{growing(10, 40)} {growing(10, 34)} 340x60"), [89], {90: NONE})
case("NoPredictions", RESTART + ": new pods",
     predictions(f"{growing(10, 75)} stale") | predictions("_x75 0x60", "b"), [84], {91: NONE})
case("NoPredictions", MISSING, predictions(f"{growing(10, 75)} stale"), [89], {90: NONE})
case("NoPredictions", MISSING + ": the service is down",
     predictions(f"{growing(10, 75)} stale") | up(values="1x75 0x60"), [90, 100])
case("NoPredictions", ZERO, predictions(steady(0)), range(0, 135, 5))
case("NoPredictions", RESOLVES, predictions(ramps((75, 10), (20, 0), (40, 10))), [97],
     {95: NONE})
case("NoPredictions", OTHERS, predictions(ramps((75, 10), (60, 0)))
     | predictions(growing(1), namespace="m"), (), {90: NONE})

# ---- FloodShedding ------------------------------------------------------------------------------

FLOOD = [("1.017 requests a second are refused", N)]


def refused(values, reason="rate_limit", **where):
    return {of("http_requests_refused_total", **where, reason=reason): values}


case("FloodShedding", FIRES, refused(growing(61)), [3], {4: FLOOD})
case("FloodShedding", FIRES + ": shedding",
     refused(growing(30), "shed") | {of("http_shedding"): steady(1)}, [2],
     {4: [("500m requests a second are refused", N)]})
case("FloodShedding", BELOW,
     refused(growing(59)) | refused(growing(9000), "api_key") | {of("http_shedding"): steady(0)},
     range(30))
case("FloodShedding", BELOW + ": no key",
     refused(growing(9000), "api_key") | {of("http_shedding"): steady(1)}, range(0, 30, 5))
case("FloodShedding", RESTART, refused(restarted(61, 11)), [13, 15],
     {step: FLOOD for step in (4, 11, 16, 20)})
case("FloodShedding", MISSING, {of("http_shedding"): steady(1)}, range(30))
case("FloodShedding", RESOLVES, refused(ramps((9, 61), (20, 0))), [12], {9: FLOOD})
case("FloodShedding", OTHERS, refused(growing(61)) | refused(growing(1), namespace="m"), (),
     {4: FLOOD})
