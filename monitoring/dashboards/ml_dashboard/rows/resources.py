"""What the pods use of what they ask for and may have, and how many there are."""

from ..alerts import replicas
from ..panels import BYTES, CORES, COUNT, SECONDS, SHARE, Step, queries, series
from ..queries import DEPLOYMENT, ITS_PODS

TITLE = "Resources and scaling"
NONE = "No kube-state-metrics or cAdvisor here"
HPA = 'horizontalpodautoscaler="tasks10-ml-service-hpa"'
FEWEST, MOST = replicas()
# Pods of the Deployment, as the alerts have it: one that crashes may be no target.
OWN = f"{DEPLOYMENT}-.+"
# Of the containers; one without a name is the whole pod, or the sandbox.
CONTAINERS = '@namespaces,pod=~"$pod",container!=""'


# What Kubernetes tells may be told twice for some minutes, when kube-state-metrics or a kubelet is
# started anew: the largest first, and then the sum.
EACH = "max by (namespace, pod, container)"


def asked(kind, resource):
    return (f'sum by (namespace) ({EACH} (kube_pod_container_resource_{kind}{{@namespaces,'
            f'resource="{resource}"}}) {ITS_PODS})')


def hpa(which):
    return (f"max by (namespace) (kube_horizontalpodautoscaler_{which}_replicas"
            f"{{@namespaces,{HPA}}})")


def panels():
    return [
        series("CPU of each pod, of its request",
               "CPU that the processes of a pod use, as a share of what its containers request, "
               "over 2 minutes.", SHARE,
               queries(('namespace_pod:cpu_request:ratio_rate2m{@namespaces,pod=~"$pod"}',
                        "{{pod}}")),
               alerts=["AdminNotification_MaxScaleHighCPU"], none=NONE),
        series("CPU of all pods, of their requests",
               "The average that the HPA compares with 80 %: above it adds pods.", SHARE,
               queries(("namespace:cpu_request:ratio_rate2m{@namespaces}", "{{namespace}}")),
               alerts=["HighCPUUsage"], none=NONE),
        series("CPU of all pods, in cores",
               "What the processes say that they use and what the kubelet says of the "
               "containers, beside what is requested and allowed. The first needs no "
               "kube-state-metrics.", CORES,
               queries(("sum by (namespace) (rate(process_cpu_seconds_total{@pods}[5m]))",
                        "{{namespace}} processes"),
                       (f"sum by (namespace) ({EACH} (rate(container_cpu_usage_seconds_total"
                        f"{{{CONTAINERS}}}[5m])) {ITS_PODS})", "{{namespace}} containers"),
                       (asked("requests", "cpu"), "{{namespace}} requested"),
                       (asked("limits", "cpu"), "{{namespace}} allowed")), none=NONE),
        series("Memory of each container, of its limit",
               "Working set, as a share of the limit at which the kernel kills.", SHARE,
               queries(('namespace_pod_container:memory_limit:ratio{@namespaces,pod=~"$pod"}',
                        "{{pod}} {{container}}")),
               alerts=["HighMemoryUsage"], none=NONE),
        series("Memory of all pods",
               "Working set of the containers, beside what is requested and allowed, and what "
               "the processes have resident: memory that they share counts once in each there.",
               BYTES,
               queries((f"sum by (namespace) ({EACH} (container_memory_working_set_bytes"
                        f"{{{CONTAINERS}}}) {ITS_PODS})", "{{namespace}} working set"),
                       ("sum by (namespace) (process_resident_memory_bytes{@pods})",
                        "{{namespace}} resident"),
                       (asked("requests", "memory"), "{{namespace}} requested"),
                       (asked("limits", "memory"), "{{namespace}} allowed")), none=NONE),
        series("Replicas",
               f"Pods that the HPA wants, that there are and that are ready; it may run "
               f"{FEWEST} to {MOST}, which are the dashed lines.", COUNT,
               queries((hpa("status_desired"), "{{namespace}} wanted"),
                       (hpa("status_current"), "{{namespace}} there"),
                       ("max by (namespace) (kube_deployment_status_replicas_available"
                        f'{{@namespaces,deployment="{DEPLOYMENT}"}})', "{{namespace}} ready"),
                       (hpa("spec_min"), "{{namespace}} fewest"),
                       (hpa("spec_max"), "{{namespace}} most")),
               marks=[Step(FEWEST, "green"), Step(MOST, "orange")],
               runbooks=["ModelScaledToMax", "HPAScalingEvent"], none=NONE),
        series("Restarts",
               "Restarts of each container in 10 minutes, as the alert counts them; it also fires "
               "while Kubernetes waits before the next start.", COUNT,
               queries(("max by (namespace, pod, container) (increase("
                        f'kube_pod_container_status_restarts_total{{@namespaces,pod=~"{OWN}",'
                        'pod=~"$pod"}[10m]))', "{{pod}} {{container}}")),
               alerts=["PodCrashLooping"], none=NONE),
        series("Throttling",
               "Share of the kernel's periods in which a container wanted more CPU than its "
               "limit allows. Nothing here is normal for a container without a limit of CPU.",
               SHARE,
               queries(("sum by (pod, container) (rate(container_cpu_cfs_throttled_periods_total"
                        f"{{{CONTAINERS}}}[5m]) {ITS_PODS}) / sum by (pod, container) (rate("
                        f"container_cpu_cfs_periods_total{{{CONTAINERS}}}[5m]) {ITS_PODS})",
                        "{{pod}} {{container}}")), none="No container has a limit of CPU"),
        series("Time since the start",
               "Of the oldest process of each pod; a line that falls is a restart.", SECONDS,
               queries(("time() - process_start_time_seconds{@pods}", "{{pod}}")),
               none="Prometheus knows of no pod"),
        series("Open files",
               "Open file descriptors of all processes of a pod, as a share of their limits.",
               SHARE, queries(("process_open_fds{@pods} / process_max_fds{@pods}", "{{pod}}")),
               width=12, none="Prometheus knows of no pod"),
        series("Pods that are ready",
               "By the kubelet's probes, of the pods that Prometheus scrapes.", COUNT,
               queries((f'sum by (namespace) (max by (namespace, pod) (kube_pod_status_ready'
                        f'{{@namespaces,condition="true"}}) {ITS_PODS})', "{{namespace}}")),
               runbooks=["ServiceDown"], width=12, none=NONE),
    ]
