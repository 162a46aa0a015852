"""Load takes the HPA to its maximum and not further; Argo CD leaves the replicas alone; Prometheus
sees the same, and alerts. One load, and several checks of what was seen."""

import time
from dataclasses import dataclass, field
from functools import cache

import alertmanager
import argocd
import containers
import memory
import metrics_server
import prometheus
import service
from load import Load
from place import PATIENCE, eventually, say
from table import check

ROWS = 200      # transactions of a request, so that the pods work and not the clients
CLIENTS = 6
EVERY = 3        # seconds between two looks
LOOKS_ABOVE = 8  # at six replicas under load: the overlay's policy adds a pod every 15 s
# The first fires at once; the others wait 5 minutes, which is their own `for`.
FOR_ADMINISTRATOR = "AdminNotification_MaxScaleHighCPU"
ALERTS = ("HPAScalingEvent", "ModelScaledToMax", "HighCPUUsage", "HighMemoryUsage",
          FOR_ADMINISTRATOR)
ALERT_PATIENCE = 300 + PATIENCE
HELD = 0.8       # of one container's limit of memory, for HighMemoryUsage
ENDING = set(ALERTS) - {"HPAScalingEvent"}  # within 2 minutes; that one looks back 5
# Percent of the CPU that pods request, on average over 5 minutes: each recorded ratio looks back 2.
# The HPA's figures come some 20 s later, and are those of its status.
RECORDED = "100 * avg_over_time(namespace:cpu_request:ratio_rate2m[3m])"
OF_HPA = ("avg_over_time(kube_horizontalpodautoscaler_status_target_metric{"
          f'namespace="{service.NAMESPACE}",metric_name="cpu",metric_target_type="utilization"'
          "}[5m])")
CPU_TOLERANCE = 0.15  # of the HPA's


@dataclass
class Watch:
    """What was seen of replicas, of the Application, of alerts and of CPU."""

    replicas: list = field(default_factory=list)
    states: set = field(default_factory=set)
    began: float = 0.0
    alerts: dict = field(default_factory=dict)  # name -> seconds from the load's begin
    cpu: tuple = (None, None)                   # recorded, and the HPA's, at the load's end
    told: set = field(default_factory=set)      # receivers of the alert for the administrator
    ended: bool = False                         # the alerts, after it
    load: Load | None = None

    def look(self):
        self.replicas.append(service.deployment()["spec"]["replicas"])
        self.states.add(argocd.state(service.APPLICATION).split()[0])

    def look_at_load(self):
        now = time.monotonic()
        self.look()
        for name in prometheus.firing():
            self.alerts.setdefault(name, now - self.began)

    def until(self, condition, look, patience=2 * PATIENCE):
        """Looks until the condition is true, or the patience at its end."""
        deadline = time.monotonic() + patience
        while not condition() and time.monotonic() < deadline:
            time.sleep(EVERY)
            look()

    def at(self, replicas, looks=1):
        """Whether the last so many looks have seen so many replicas."""
        return self.replicas[-looks:] == [replicas] * looks

    def steps(self):
        """Replicas, each change once."""
        pairs = zip(self.replicas, self.replicas[1:])
        return [self.replicas[0]] + [new for old, new in pairs if new != old]


def goes_up_then_down(steps):
    top = steps.index(max(steps))
    up, down = steps[:top], steps[top:]
    return up == sorted(up) and down == sorted(down, reverse=True)


def utilization():
    """Percent of what the pods request, as the HPA says it, of each resource."""
    metrics = service.autoscaler()["status"].get("currentMetrics") or ()
    return {one["resource"]["name"]: one["resource"]["current"]["averageUtilization"]
            for one in metrics if one.get("resource")}


def hold(watch):
    """At six replicas, until every alert has fired: one container's memory is nearly used up."""
    victim = service.ready_pods()[0]
    with memory.held(containers.main_pid(victim, "api"), HELD):
        watch.until(lambda: set(ALERTS) <= set(watch.alerts), watch.look_at_load, ALERT_PATIENCE)
        watch.told = alertmanager.told(FOR_ADMINISTRATOR)
    watch.cpu = prometheus.value(RECORDED), prometheus.value(OF_HPA)
    say(f"under load: {utilization()}")


@cache
def under_load():
    """The one load of these checks, to the end of what it does."""
    metrics_server.wait_for_figures(service.NAMESPACE)
    service.wait_until_settled()
    watch = Watch()
    watch.look()
    body = service.request_file(ROWS)
    watch.began = time.monotonic()
    with Load(service.url("/predict?explain=3"), body, service.ANSWER.split(",")[0],
              keepalive=CLIENTS, rate=200) as watch.load:
        watch.until(lambda: watch.at(service.REPLICAS_MAX, LOOKS_ABOVE), watch.look_at_load)
        hold(watch)
    watch.until(lambda: watch.at(service.REPLICAS_MIN), watch.look)
    service.wait_until_settled()
    watch.ended = bool(eventually(lambda: not ENDING & prometheus.firing()))
    return watch


@check("load through the Service, and its end",
       "HPA 4 up to 6, never above, back to 4; Application Synced all the time; 0 failed")
def scales():
    watch = under_load()
    steps = watch.steps()
    passed = (steps[0] == steps[-1] == service.REPLICAS_MIN and max(steps) == service.REPLICAS_MAX
              and goes_up_then_down(steps) and watch.states == {"Synced"}
              and watch.load.failed == 0)
    return passed, (f"{' -> '.join(map(str, steps))}; {', '.join(sorted(watch.states))} in "
                    f"{len(watch.replicas)} looks; {watch.load.describe()}")


@check("alerts under that load, and after it",
       f"{', '.join(ALERTS)} fire, the last one for administrator and on-call; all but the first "
       "end with it")
def alerts():
    watch = under_load()
    fired = [f"{name} after {watch.alerts[name]:.0f} s" for name in ALERTS if name in watch.alerts]
    silent = [f"{name} silent" for name in ALERTS if name not in watch.alerts]
    told = f"told: {', '.join(sorted(watch.told)) or 'nobody'}"
    return not silent and watch.ended and watch.told == {"administrator", "on-call"}, ", ".join(
        fired + silent + [told] + ["all but the first end" if watch.ended else "some go on"])


@check("recorded CPU of the pods, over their requests, under that load",
       f"as the HPA's status says, on average over 5 minutes, within {CPU_TOLERANCE:.0%}")
def cpu_recorded():
    ours, theirs = under_load().cpu
    return (None not in (ours, theirs) and abs(ours / theirs - 1) < CPU_TOLERANCE,
            f"{ours or 0:.0f} % and {theirs or 0:.0f} %")
