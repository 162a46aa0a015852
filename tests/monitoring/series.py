"""Series in promtool's notation, labelled as Prometheus would."""

SERVICE = "tasks10-ml-service"
HPA = f"{SERVICE}-hpa"
LONG = 400  # steps of a series that goes on to the end of its test


def text(name, labels):
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def target(pod="a", namespace="n"):
    """As a ServiceMonitor labels a pod; test_alert_lint.py compares."""
    return {"job": SERVICE, "namespace": namespace, "pod": pod, "instance": pod,
            "service": SERVICE, "container": "api"}


def of(name, pod="a", namespace="n", **labels):
    """A series of a pod."""
    return text(name, target(pod, namespace) | labels)


def bare(name, **labels):
    """A series of a target that has no labels but the job and its address."""
    return text(name, {"job": SERVICE, "instance": "a"} | labels)


# ---- values, one a step ---------------------------------------------------------------------


def steady(value, steps=LONG):
    return f"{value}x{steps}"


def growing(per_step, steps=LONG, start=0):
    return f"{start}+{round(per_step, 9)}x{steps}"


def restarted(per_step, after, steps=LONG):
    """A counter that begins again at 0 after so many steps."""
    return f"{growing(per_step, after)} {growing(per_step, steps)}"


def ramps(*pieces):
    """A counter that grows in each piece (steps, per step) at another rate."""
    value, found = 0, ["0"]
    for steps, per_step in pieces:
        found.append(growing(per_step, steps - 1, start=round(value + per_step, 9)))
        value += steps * per_step
    return " ".join(found)


def told(values, name, **labels):
    """A gauge of the broker as each replica tells it."""
    return {of(name, f"p{i}", **labels): steady(value) for i, value in enumerate(values)}
