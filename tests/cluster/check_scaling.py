"""Load takes the HPA to its maximum and not further; Argo CD leaves the replicas alone."""

import time
from dataclasses import dataclass, field

import argocd
import metrics_server
import service
from load import Load
from place import PATIENCE, say
from table import check

ROWS = 200      # transactions of a request, so that the pods work and not the clients
CLIENTS = 6
EVERY = 3        # seconds between two looks
LOOKS_ABOVE = 8  # at six replicas under load: the overlay's policy adds a pod every 15 s


@dataclass
class Watch:
    """What was seen of replicas and of the Application."""

    replicas: list = field(default_factory=list)
    states: set = field(default_factory=set)

    def look(self):
        now = service.deployment()["spec"]["replicas"]
        self.replicas.append(now)
        self.states.add(argocd.state(service.APPLICATION).split()[0])
        return now

    def until(self, replicas, looks=1):
        """Until so many looks have seen so many replicas."""
        deadline = time.monotonic() + 2 * PATIENCE
        while self.replicas[-looks:] != [replicas] * looks and time.monotonic() < deadline:
            time.sleep(EVERY)
            self.look()

    def steps(self):
        """Replicas, each change once."""
        pairs = zip(self.replicas, self.replicas[1:])
        return [self.replicas[0]] + [new for old, new in pairs if new != old]


def goes_up_then_down(steps):
    top = steps.index(max(steps))
    up, down = steps[:top], steps[top:]
    return up == sorted(up) and down == sorted(down, reverse=True)


def utilization():
    metrics = service.autoscaler()["status"].get("currentMetrics") or ()
    found = [one["resource"] for one in metrics if one.get("resource")]
    return ", ".join(f"{one['name']} {one['current']['averageUtilization']} %" for one in found)


@check("load through the Service, and its end",
       "HPA 4 up to 6, never above, back to 4; Application Synced all the time; 0 failed")
def scales():
    metrics_server.wait_for_figures(service.NAMESPACE)
    service.wait_until_settled()
    watch = Watch()
    watch.look()
    body = service.request_file(ROWS)
    with Load(service.url("/predict?explain=3"), body, service.ANSWER.split(",")[0],
              keepalive=CLIENTS, rate=200) as load:
        watch.until(service.REPLICAS_MAX, LOOKS_ABOVE)
        say(f"under load: {utilization()}")
    watch.until(service.REPLICAS_MIN)
    service.wait_until_settled()
    steps = watch.steps()
    passed = (steps[0] == steps[-1] == service.REPLICAS_MIN and max(steps) == service.REPLICAS_MAX
              and goes_up_then_down(steps) and watch.states == {"Synced"} and load.failed == 0)
    return passed, (f"{' -> '.join(map(str, steps))}; {', '.join(sorted(watch.states))} in "
                    f"{len(watch.replicas)} looks; {load.describe()}")
