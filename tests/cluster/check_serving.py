"""Pods serve through the Service, and have no rights."""

import re
from pathlib import Path

import httpx

import containers
import service
from kube import kubectl
from table import check

USER = 65532
UNPRIVILEGED = {"Uid": f"{USER}", "Gid": f"{USER}", "CapEff": "0" * 16, "CapBnd": "0" * 16,
                "NoNewPrivs": "1", "Seccomp": "2"}


@check("pods", "4 of 4 Ready", essential=True)
def pods_ready():
    service.wait_until_settled()
    ready, all_pods = service.ready_pods(), service.pods()
    return len(ready) == 4, f"{len(ready)} of {len(all_pods)} Ready"


def fields(text):
    """The two that README shows, or all there is."""
    found = re.search(r'"fraud_probability":[^,]*,"risk_level":"[a-z]*"', text)
    return found[0] if found else text.strip()


@check("POST /predict through the Service", f"200, {service.ANSWER}")
def predict():
    answer = service.predict()
    return (answer.status_code == 200 and service.ANSWER in answer.text,
            f"{answer.status_code}, {fields(answer.text)}")


@check("GET of the other endpoints", "/health 200, /livez 200, /readyz 200, /metrics 200")
def endpoints():
    paths = ("/health", "/livez", "/readyz", "/metrics")
    answers = {path: httpx.get(service.url(path), timeout=20) for path in paths}
    seen = ", ".join(f"{path} {answer.status_code}" for path, answer in answers.items())
    return (all(answer.status_code == 200 for answer in answers.values())
            and "ml_model_predictions_total" in answers["/metrics"].text), seen


def container_names(pod):
    return [container["name"] for container in pod["spec"]["containers"]]


def first_processes():
    """Pid of the first process of each container of each pod."""
    found = {}
    for pod in service.ready_pods():
        for name in container_names(pod):
            found[f"{pod['metadata']['name']}/{name}"] = containers.main_pid(pod, name)
    return found


def processes_of(first):
    """The processes of a container: those of the pid namespace of its first one."""
    namespace = Path(f"/proc/{first}/ns/pid").readlink()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "ns/pid").readlink() == namespace:
                yield entry
        except OSError:
            pass  # it has just ended


def status_of(process):
    """Each line of /proc/PID/status, of users and groups only if all four are the same."""
    fields = {}
    for line in (process / "status").read_text().splitlines():
        name, value = line.split(":", 1)
        parts = value.split()
        fields[name] = parts[0] if parts and len(set(parts)) == 1 else value.strip()
    return fields


@check("rights of every process of the pods",
       f"user and group {USER}, no capabilities, no new privileges, seccomp filter")
def rights():
    seen, count = set(), 0
    for first in first_processes().values():
        for process in processes_of(first):
            fields = status_of(process)
            seen.add(", ".join(f"{name} {fields[name]}" for name in UNPRIVILEGED))
            count += 1
    wanted = ", ".join(f"{name} {value}" for name, value in UNPRIVILEGED.items())
    return seen == {wanted}, f"{count} processes: {'; '.join(sorted(seen))}"


@check("root file system of every container", "read-only, as the node sees it")
def read_only_root():
    modes = {}
    for name, first in first_processes().items():
        mounts = Path(f"/proc/{first}/mountinfo").read_text()
        modes[name] = re.search(r"^\S+ \S+ \S+ \S+ / (r[ow])", mounts, re.MULTILINE)[1]
    count = list(modes.values()).count("ro")
    return 0 < count == len(modes), f"{count} of {len(modes)} containers read-only"


@check("a shell in a pod", "/bin/sh: no such file or directory")
def no_shell():
    pod = service.ready_pods()[0]["metadata"]["name"]
    tried = kubectl("exec", "-n", service.NAMESPACE, pod, "-c", "api", "--", "/bin/sh", "-c",
                    "true", check=False)
    said = re.search(r"/bin/sh: no such file or directory", tried.stderr)
    return bool(said), said[0] if said else f"status {tried.returncode}: {tried.stderr[-200:]}"
