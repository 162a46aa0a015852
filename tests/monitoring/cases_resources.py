"""Cases of ml-resources."""

from cases import BELOW, FIRES, MISSING, OTHERS, RESOLVES, RESTART, ZERO, case
from series import HPA, growing, of, ramps, restarted, steady, text

N = {"namespace": "n"}
MI = 2**20
PREFIX = "tasks10-ml-service-api-"


def requests(resource, pods, teller="k", namespace="n", **containers):
    """As a kube-state-metrics tells them; with a pod that is no business of ours."""
    name = "kube_pod_container_resource_requests"
    series = {text(name, {"instance": teller, "namespace": namespace, "pod": pod,
                          "container": container, "resource": resource}): steady(value)
              for pod in pods for container, value in containers.items()}
    return {**series, text(name, {"instance": teller, "namespace": namespace, "pod": "other",
                                  "container": "c", "resource": resource}): steady(1000000)}


def used(values=growing, namespace="n", **cores):
    return {of("process_cpu_seconds_total", pod, namespace): values(60 * n)
            for pod, n in cores.items()}


def cpu(values=growing, namespace="n", **cores):
    """Each pod requests 0.5 and 0.25 cores, as api and stream do."""
    return used(values, namespace, **cores) | requests("cpu", cores, namespace=namespace,
                                                       api=0.5, stream=0.25)


# ---- HighCPUUsage: a rate is whole when its window is, in minute 2, and 2 after a restart --------

BUSY = [("The pods use 81% of the CPU that they request", N)]
# On average over the pods, as the HPA counts: 0.615 and 0.6 of 1.5 cores are 81 %.
case("HighCPUUsage", FIRES, cpu(a=0.615, b=0.6), [6], {7: BUSY})
case("HighCPUUsage", BELOW, cpu(a=0.9, b=0.285), range(0, 30, 5))
case("HighCPUUsage", RESTART, cpu(lambda n: restarted(n, 11), a=0.615, b=0.6), [13, 18],
     {step: BUSY for step in (7, 11, 19)})
case("HighCPUUsage", MISSING, used(a=10, b=10), range(0, 30, 5))
case("HighCPUUsage", MISSING + ": of one pod no requests", cpu(a=0.1) | used(b=9),
     range(0, 30, 5))
case("HighCPUUsage", MISSING + ": of one pod no use",
     cpu(a=0.6075) | requests("cpu", "b", api=0.5, stream=0.25), [6], {7: BUSY})
case("HighCPUUsage", FIRES + ": two tell the requests",
     cpu(a=0.615, b=0.6) | requests("cpu", "ab", "l", api=0.5, stream=0.25), [6], {7: BUSY})
case("HighCPUUsage", ZERO, used(a=0) | requests("cpu", "a", api=0), range(0, 30, 5))
case("HighCPUUsage", RESOLVES, cpu(lambda n: ramps((12, n), (20, n / 2)), a=0.615, b=0.6), [14],
     {12: BUSY})
case("HighCPUUsage", OTHERS, cpu(a=0.615, b=0.6) | cpu(namespace="m", a=0.1), (), {7: BUSY})

# ---- HighMemoryUsage -----------------------------------------------------------------------------

POD = PREFIX + "a"


def memory(share, pod=POD, namespace="n", values=steady, limited=True, tellers="k"):
    """Of both containers, and the kubelet's sum of the pod; `api` has the share."""
    limits = {"api": 768 * MI, "stream": 512 * MI}
    use = {"api": int(share * limits["api"]), "stream": 100 * MI, "": 10**12}
    there = {"namespace": namespace, "pod": pod}
    found = {text("container_memory_working_set_bytes",
                  {**there, "container": name, "id": teller}): values(n)
             for name, n in use.items() for teller in tellers}
    if limited:
        found |= {text("kube_pod_container_resource_limits",
                       {**there, "container": name, "resource": "memory", "instance": teller}):
                  steady(n) for name, n in limits.items() for teller in tellers}
    return found


FULL = [(f"api of {POD} uses 71% of its memory limit",
         {**N, "pod": POD, "container": "api"})]
case("HighMemoryUsage", FIRES, memory(0.71), [4], {5: FULL})
case("HighMemoryUsage", FIRES + ": told twice", memory(0.71, tellers="kl"), [4], {5: FULL})
case("HighMemoryUsage", BELOW, memory(0.69), range(0, 30, 5))
case("HighMemoryUsage", BELOW + ": told twice", memory(0.69, tellers="kl"), range(0, 30, 5))
case("HighMemoryUsage", MISSING, memory(0.9, limited=False), range(0, 30, 5))
case("HighMemoryUsage", ZERO, {series: steady(0) for series in memory(1)}, range(0, 30, 5))
case("HighMemoryUsage", RESOLVES, memory(0.71, values=lambda n: f"{n}x9 {n // 2}x20"), [10],
     {9: FULL})
case("HighMemoryUsage", OTHERS,
     memory(0.71) | memory(0.9, "another-a") | memory(0.3, namespace="m"), (), {5: FULL})

# ---- the HPA -------------------------------------------------------------------------------------


def hpa(namespace="n", teller="k", **values):
    """Series of the HPA by the end of their names."""
    return {text(f"kube_horizontalpodautoscaler_{name}_replicas",
                 {"namespace": namespace, "horizontalpodautoscaler": HPA, "instance": teller}):
            told for name, told in values.items()}


def bounds(low=4, high=6):
    return {"spec_min": steady(low), "spec_max": steady(high)}


# ---- AdminNotification_MaxScaleHighCPU -----------------------------------------------------------

ADMIN = "AdminNotification_MaxScaleHighCPU"
TOLD = [("6 replicas run, and one uses 81% of the CPU that it requests", N)]


def replicas(n, busiest, values=growing, down=0, namespace="n", wanted=None):
    """So many pods; the HPA counts as many as it `wanted`."""
    pods = [f"p{i}" for i in range(n)]
    return ({of("up", pod, namespace): steady(int(i < n - down)) for i, pod in enumerate(pods)}
            | hpa(namespace, status_current=steady(wanted or n), **bounds())
            | cpu(values, namespace, p0=busiest * 0.75,
                  **{pod: 0.1 for pod in pods[1:n - down]}))


case(ADMIN, FIRES, replicas(6, 0.81), [6], {7: TOLD})
case(ADMIN, FIRES + ": one of the 6 does not answer", replicas(6, 0.81, down=1), [6], {7: TOLD})
case(ADMIN, BELOW, replicas(6, 0.79), range(0, 30, 5))
case(ADMIN, BELOW + ": 5 replicas", replicas(5, 0.81), range(0, 30, 5))
case(ADMIN, BELOW + ": a rollout at 5, with one pod more", replicas(6, 0.81, wanted=5),
     range(0, 30, 5))
case(ADMIN, FIRES + ": two tell of the HPA", replicas(6, 0.81)
     | hpa(teller="l", status_current=steady(6), **bounds()), [6], {7: TOLD})
case(ADMIN, BELOW + ": two tell of the HPA", replicas(5, 0.81)
     | hpa(teller="l", status_current=steady(5)), range(0, 30, 5))
case(ADMIN, BELOW + ": 6 in two namespaces",
     replicas(3, 0.81) | replicas(3, 0.81, namespace="m"), range(0, 30, 5))
case(ADMIN, RESTART, replicas(6, 0.81, lambda n: restarted(n, 11)), [13, 18],
     {step: TOLD for step in (7, 11, 19)})
case(ADMIN, RESTART + ", just below", replicas(6, 0.79, lambda n: restarted(n, 11)), range(25))
case(ADMIN, MISSING, {series: values for series, values in replicas(6, 0.81).items()
                      if "kube_" not in series}, range(0, 30, 5))
case(ADMIN, MISSING + ": the HPA", {series: values for series, values in replicas(6, 0.81).items()
                                    if "autoscaler" not in series}, range(0, 30, 5))
case(ADMIN, ZERO, {series: steady(0) if "requests" in series or "cpu" in series else values
                   for series, values in replicas(6, 0.81).items()}, range(0, 30, 5))
case(ADMIN, RESOLVES, replicas(6, 0.81, lambda n: ramps((12, n), (20, n / 2))), [14], {12: TOLD})
case(ADMIN, OTHERS, replicas(6, 0.81) | replicas(6, 0.3, namespace="m"), (), {7: TOLD})

AT_MAX = [("6 replicas run, as many as the HPA may start", N)]
case("ModelScaledToMax", FIRES, hpa(status_current=steady(6), **bounds()), [4], {5: AT_MAX})
case("ModelScaledToMax", BELOW, hpa(status_current=steady(5), **bounds()), range(0, 30, 5))
case("ModelScaledToMax", BELOW + ": bounds that are one",
     hpa(status_current=steady(6), **bounds(6, 6)), range(0, 30, 5))
case("ModelScaledToMax", MISSING, hpa(status_current=steady(6)), range(0, 30, 5))
case("ModelScaledToMax", MISSING + ": no smallest number",
     hpa(status_current=steady(6), spec_max=steady(6)), [4], {5: AT_MAX})
case("ModelScaledToMax", RESOLVES, hpa(status_current="6x9 5x20", **bounds()), [10], {9: AT_MAX})
case("ModelScaledToMax", OTHERS, hpa(status_current=steady(6), **bounds())
     | hpa("m", status_current=steady(4), **bounds()), (), {5: AT_MAX})

FIVE = [("The HPA wants 5 replicas now", N)]
case("HPAScalingEvent", FIRES, hpa(status_desired="4x5 5x20"), [5], {6: FIVE, 10: FIVE})
case("HPAScalingEvent", BELOW, hpa(status_desired=steady(4)), range(0, 30, 5))
case("HPAScalingEvent", MISSING, hpa(status_current="4x5 5x20"), range(0, 30, 5))
case("HPAScalingEvent", RESOLVES, hpa(status_desired="4x5 5x20"), [11], {10: FIVE})
case("HPAScalingEvent", OTHERS, hpa(status_desired="4x5 5x20")
     | hpa("m", status_desired=steady(4)), (), {6: FIVE})

# ---- PodCrashLooping -----------------------------------------------------------------------------


def restarts(values, pod=POD, namespace="n"):
    return {text("kube_pod_container_status_restarts_total",
                 {"namespace": namespace, "pod": pod, "container": "api"}): values}


def waits(values, reason="CrashLoopBackOff"):
    return {text("kube_pod_container_status_waiting_reason",
                 {**N, "pod": POD, "container": "api", "reason": reason}): values}


def crashes(n):
    return [(f"api of {POD} has restarted {n} times in 10 minutes",
             {**N, "pod": POD, "container": "api"})]


case("PodCrashLooping", FIRES, restarts("0 0 1 2 3x20"), [3], {4: crashes(3)})
case("PodCrashLooping", FIRES + ": it waits",
     restarts("0 0 1x20") | waits("_ _ 1 _x20"), [1], {2: crashes(1)})
case("PodCrashLooping", FIRES + ": it waits for long", restarts("5x30") | waits(steady(1)), (),
     {20: [(f"api of {POD} waits in CrashLoopBackOff",
            {**N, "pod": POD, "container": "api"})]})
case("PodCrashLooping", BELOW, restarts("0 0 1 2x20") | waits(steady(1), "ContainerCreating"),
     range(20))
case("PodCrashLooping", RESTART + ": a new pod", restarts("9x5 stale")
     | restarts("_x5 0x20", PREFIX + "b"), range(25))
case("PodCrashLooping", MISSING, waits(steady(1), "ImagePullBackOff"), range(20))
case("PodCrashLooping", RESOLVES, restarts("0 0 1 2 3x20"), [14], {4: crashes(3)})
case("PodCrashLooping", OTHERS, restarts("0 0 1 2 3x20") | restarts(growing(1), "another-a")
     | restarts("0 1x20", namespace="m"), (), {4: crashes(3)})
