"""A page that says what kube-state-metrics and the kubelet would say of a Deployment's pods: no
cluster runs here. It is declared, not measured; tests/cluster asks the real ones. A test compares
its metrics and labels with monitoring/metrics-elsewhere.yaml."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "tasks10-ml-service"
CONTAINERS = {"api": {"cpu": (0.5, 2), "memory": (256 << 20, 768 << 20)},
              "stream": {"cpu": (0.25, 1), "memory": (128 << 20, 512 << 20)}}
UNITS = {"cpu": "core", "memory": "byte"}


class DeclaredCluster:
    """As a context manager it answers on a port of 127.0.0.1."""

    def __init__(self, namespace, pods, replicas):
        self.namespace, self.pods, self.replicas = namespace, pods, replicas
        self.generation = 1
        self.began = time.monotonic()

    def roll_out(self):
        self.generation += 1

    def scale(self, replicas):
        self.replicas = replicas
        self.generation += 1

    # ---- what it says -----------------------------------------------------------------------

    def samples(self):
        """(metric, labels, value)"""
        here = {"namespace": self.namespace}
        for pod in self.pods:
            yield "kube_pod_status_ready", {**here, "pod": pod, "condition": "true"}, 1
            for container in CONTAINERS:
                yield from self.of_container({**here, "pod": pod, "container": container})
        deployment = {**here, "deployment": f"{NAME}-api"}
        yield "kube_deployment_spec_replicas", deployment, self.replicas
        yield "kube_deployment_status_replicas_available", deployment, self.replicas
        yield "kube_deployment_status_observed_generation", deployment, self.generation
        hpa = {**here, "horizontalpodautoscaler": f"{NAME}-hpa"}
        for name, value in (("spec_min", 4), ("spec_max", 6), ("status_current", self.replicas),
                            ("status_desired", self.replicas)):
            yield f"kube_horizontalpodautoscaler_{name}_replicas", hpa, value

    def of_container(self, labels):
        seconds = time.monotonic() - self.began
        for resource, (request, limit) in CONTAINERS[labels["container"]].items():
            of = {**labels, "resource": resource, "unit": UNITS[resource]}
            yield "kube_pod_container_resource_requests", of, request
            yield "kube_pod_container_resource_limits", of, limit
        yield "kube_pod_container_status_restarts_total", labels, 1
        for name, reason in (("waiting", "ContainerCreating"), ("last_terminated", "OOMKilled")):
            yield f"kube_pod_container_status_{name}_reason", {**labels, "reason": reason}, 0
        yield "container_memory_working_set_bytes", labels, 100 << 20
        yield "container_cpu_usage_seconds_total", labels, seconds * 0.2
        yield "container_cpu_cfs_periods_total", labels, int(seconds * 10)
        yield "container_cpu_cfs_throttled_periods_total", labels, int(seconds)

    def text(self):
        lines = []
        for name, labels, value in self.samples():
            told = ",".join(f'{key}="{text}"' for key, text in labels.items())
            lines.append(f"{name}{{{told}}} {value}\n")
        return "".join(lines)

    # ---- its server --------------------------------------------------------------------------

    def __enter__(self):
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = page.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
