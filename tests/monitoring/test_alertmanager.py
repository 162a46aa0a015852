"""From a real service to the administrator's telephone: six nginx, a Prometheus with the rules of
monitoring/alerts, an Alertmanager of each version, an SMTP server, a webhook, and a server that
speaks as Telegram's does. There is no Kubernetes here, so that its metrics (requests of CPU, HPA,
restarts) are a page that the test writes; CPU, targets and models are the service's own."""

import json
import math
import re
import threading
from contextlib import ExitStack
from datetime import datetime
from wsgiref.simple_server import WSGIRequestHandler, make_server

import prometheus_client
import pytest

from alertmanager import ROOT, VERSIONS, Alertmanager
from mail_server import body
from model_directories import FRAUD, make_broken
from prometheus import Prometheus, static_job
from receivers import Receivers
from server import Server, eventually, free_port, replace_link
from webhook import LONGEST

NAMESPACE, ANOTHER = "mlops-tasks10", "another"
JOB = "tasks10-ml-service"
PODS = [f"{JOB}-api-{n}" for n in range(6)]
ADMIN = "AdminNotification_MaxScaleHighCPU"
RUNBOOKS = "https://git.example.com/mlops/rowan/blob/main/docs/runbooks"
DASHBOARD = f"https://grafana.example.com/d/tasks10-ml-dashboard?var-namespace={NAMESPACE}"


class Cluster:
    """What kube-state-metrics would tell of six pods and their HPA."""

    def __init__(self):
        registry = prometheus_client.CollectorRegistry()

        def gauge(name, *labels):
            return prometheus_client.Gauge(name, name, labels, registry=registry)
        self.requests = gauge("kube_pod_container_resource_requests", "namespace", "pod",
                              "container", "resource", "unit")
        of_hpa = ("namespace", "horizontalpodautoscaler")
        self.hpa = {name: gauge(f"kube_horizontalpodautoscaler_{name}", *of_hpa)
                    .labels(NAMESPACE, f"{JOB}-hpa")
                    for name in ("spec_min_replicas", "spec_max_replicas",
                                 "status_current_replicas", "status_desired_replicas")}
        restarts = prometheus_client.Counter("kube_pod_container_status_restarts", "restarts",
                                             ("namespace", "pod", "container"), registry=registry)
        self.restarts = [restarts.labels(where, PODS[0], "api") for where in (NAMESPACE, ANOTHER)]
        self.port = free_port()
        self.registry = registry
        for name, value in zip(self.hpa, (4, 6, 6, 5)):
            self.hpa[name].set(value)

    def request_cpu(self, cores):
        for pod in PODS:
            self.requests.labels(NAMESPACE, pod, "api", "cpu", "core").set(cores)

    def __enter__(self):
        class Quiet(WSGIRequestHandler):
            def log_message(self, *_):
                pass
        self.server = make_server("127.0.0.1", self.port,
                                  prometheus_client.make_wsgi_app(self.registry),
                                  handler_class=Quiet)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Load:
    """A transaction for each server again and again, until it ends."""

    def __init__(self, servers, transaction):
        self.servers, self.transaction = servers, transaction
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        with ExitStack() as stack:
            clients = [stack.enter_context(server.client()) for server in self.servers]
            while not self.over.wait(0.01):
                for client in clients:
                    client.post("/predict", json=self.transaction)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def hurried_rules(folder):
    """Those of monitoring/alerts; what must last for minutes lasts for a second."""
    (folder / "alerts").mkdir()
    for file in (ROOT / "monitoring/alerts").glob("*.yaml"):
        text = re.sub(r"(?m)^( +)(for|interval): \d+[smhd]$", r"\1\2: 1s", file.read_text())
        (folder / "alerts" / file.name).write_text(text)
    return f"{folder}/alerts/*.yaml"


def prometheus_configuration(folder, servers, cluster, alertmanagers):
    job = {"job_name": JOB, "static_configs": [
        {"targets": [f"127.0.0.1:{server.port}"], "labels": {"namespace": NAMESPACE, "pod": pod}}
        for server, pod in zip(servers, PODS)]}
    return {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [hurried_rules(folder)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [
                f"127.0.0.1:{each.port}" for each in alertmanagers]}]}]},
            "scrape_configs": [job, {**static_job("kube-state-metrics",
                                                  f"127.0.0.1:{cluster.port}"),
                                     "honor_labels": True}]}


# ---- what happens ------------------------------------------------------------------------


class Story:
    """Servers, Prometheus, and of each version its Alertmanager and receivers; what the tests ask
    for is waited for here."""

    def __init__(self, folder, stack):
        self.receivers, self.alertmanagers = {}, {}
        for version in VERSIONS:
            place = folder / version
            place.mkdir()
            self.receivers[version] = stack.enter_context(Receivers(place))
            self.alertmanagers[version] = stack.enter_context(
                Alertmanager(place, version, self.receivers[version]))
        self.link = folder / "model"
        self.link.symlink_to(FRAUD)
        self.servers = [stack.enter_context(Server(folder / pod, WORKERS=1, MODEL_DIR=self.link))
                        for pod in PODS]
        self.cluster = stack.enter_context(Cluster())
        self.cluster.request_cpu(0.001)
        self.prometheus = stack.enter_context(Prometheus(folder, prometheus_configuration(
            folder, self.servers, self.cluster, self.alertmanagers.values())))
        self.hidden, self.shares = {}, set()

    def wait(self, receiver, alertname, status="firing", namespace=NAMESPACE):
        """Until each version has sent it."""
        for version, each in self.receivers.items():
            assert eventually(lambda: each.webhook.of(receiver, alertname, status, namespace)), \
                (version, alertname, status, self.prometheus.get("alerts"),
                 self.alertmanagers[version].log)

    def wait_for_mail(self, *subjects):
        for each in self.receivers.values():
            for subject in subjects:
                assert eventually(lambda: [mail for _, mail in list(each.mail.received)
                                           if mail["Subject"] == subject]), subject

    def hide(self, version):
        """{alertname: name of what hides it} of the namespace, now."""
        every = self.alertmanagers[version].alerts()
        names = {one["fingerprint"]: one["labels"]["alertname"] for one in every}
        return {one["labels"]["alertname"]: names[one["status"]["inhibitedBy"][0]]
                for one in every if one["labels"].get("namespace") == NAMESPACE
                and one["status"]["inhibitedBy"]}

    def remember_hidden(self, *wanted):
        for version in VERSIONS:
            assert eventually(lambda: set(wanted) <= set(self.hide(version))), self.hide(version)
            self.hidden.setdefault(version, []).append(self.hide(version))

    def load_and_more_cpu(self, transaction):
        with Load(self.servers, transaction):
            self.wait("administrator", ADMIN)
            self.remember_hidden("HighCPUUsage", "ModelScaledToMax")
        self.shares = {f"{100 * float(value):.4g}%" for series in self.prometheus.get(
            "query", query="namespace_pod:cpu_request:ratio_rate2m[10m]")["result"]
            for _, value in series["values"]}
        self.cluster.request_cpu(4)
        self.wait("administrator", ADMIN, "resolved")
        # What it hid goes on.
        self.wait("team", "ModelScaledToMax")

    def scale(self):
        self.cluster.hpa["status_desired_replicas"].set(6)
        self.wait("record", "HPAScalingEvent")

    def refuse_a_model(self, folder):
        make_broken("truncated model", folder / "broken")
        replace_link(self.link, folder / "broken")
        self.wait("team", "ModelLoadFailed")
        replace_link(self.link, FRAUD)

    def go_down_and_come_back(self):
        for server in self.servers:
            server.kill()
        self.wait("on-call", "ServiceDown")
        for container in self.cluster.restarts:
            container.inc(5)
        self.remember_hidden("PodCrashLooping")
        # The same alert at the same time, of a namespace in which nothing is down.
        self.wait("on-call", "PodCrashLooping", namespace=ANOTHER)
        self.told_while_down = {version: list(each.webhook.received)
                                for version, each in self.receivers.items()}
        for server in self.servers:
            server.start()
        self.wait("on-call", "ServiceDown", "resolved")
        self.wait("on-call", "PodCrashLooping")


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("story")
    for part in (folder, folder.parent):
        part.chmod(0o755)  # nginx's workers read the model
    transaction = json.loads((FRAUD / "golden.jsonl").read_text().splitlines()[0])["request"]
    with ExitStack() as stack:
        story = Story(folder, stack)
        story.load_and_more_cpu(transaction)
        story.scale()
        story.refuse_a_model(folder)
        story.go_down_and_come_back()
        story.wait_for_mail(*(f"[{state}] {name}, {NAMESPACE}" for state, name in (
            ("CRITICAL", ADMIN), ("RESOLVED", ADMIN), ("CRITICAL", "ServiceDown"),
            ("RESOLVED", "ServiceDown"), ("WARNING", "ModelLoadFailed"))))
        yield story


# ---- what arrives ------------------------------------------------------------------------


def moment(text):
    return datetime.fromisoformat(text)


def written(text):
    return f"{moment(text):%Y-%m-%d %H:%M:%S} UTC"


def lasted(alert):
    seconds = (moment(alert["endsAt"]) - moment(alert["startsAt"])).total_seconds()
    minutes, seconds = divmod(math.floor(seconds + 0.5), 60)
    words = [f"{number}{unit}" for number, unit in ((minutes, "m"), (seconds, "s")) if number]
    return " ".join(words) or "0s"


@pytest.fixture(params=VERSIONS)
def told(request, story):
    """told(addressee's receiver, alertname, status): the one alert of the webhook's message."""
    def find(receiver, alertname, status="firing"):
        message = story.receivers[request.param].webhook.of(
            receiver, alertname, status, NAMESPACE)[0]
        assert (message["version"], message["truncatedAlerts"]) == ("4", 0)
        (alert,) = message["alerts"]
        assert alert["status"] == status
        return alert
    find.mail = story.receivers[request.param].mail
    find.telegram = story.receivers[request.param].telegram
    find.webhook = story.receivers[request.param].webhook
    find.url = story.alertmanagers[request.param].url
    find.version = request.param
    return find


def text_of(alert, url, first, time):
    name = alert["labels"]["alertname"]
    return (f"{first} {name}, {NAMESPACE}\n{alert['annotations']['summary']}\n{time}\n"
            f"Runbook: {RUNBOOKS}/{name}.md\nDashboard: {DASHBOARD}\n\nAlertmanager: {url}\n")


def html_of(alert, url, state, time, colour):
    name = alert["labels"]["alertname"]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>[{state}] {name}, {NAMESPACE}</title>
</head>
<body style="margin:0;padding:12px;font:16px/1.45 sans-serif;overflow-wrap:anywhere">
<p style="margin:0 0 16px;padding-left:10px;border-left:5px solid {colour}">
<b>{state} {name}, {NAMESPACE}</b><br>
{alert['annotations']['summary']}<br>
{time}<br>
<a href="{RUNBOOKS}/{name}.md">Runbook</a><br>
<a href="{DASHBOARD}">Dashboard</a>
</p>
<p><a href="{url}">Alertmanager</a></p>
</body>
</html>
"""


def check_mail(told, alert, addressee, state, colour):
    """Exactly one mail, word for word."""
    name = alert["labels"]["alertname"]
    (mail,) = told.mail.to(addressee, f"[{state}] {name}, {NAMESPACE}")
    time = (f"Lasted {lasted(alert)}, until {written(alert['endsAt'])}" if state == "RESOLVED"
            else f"Since {written(alert['startsAt'])}")
    assert body(mail) == text_of(alert, told.url, state, time)
    assert body(mail, "html").strip() == html_of(alert, told.url, state, time, colour).strip()
    assert (mail["From"], mail["To"]) == ("alertmanager@example.com", addressee)
    return time


STATES = [("firing", "CRITICAL", "#c62828"), ("resolved", "RESOLVED", "#2e7d32")]


@pytest.mark.parametrize("status, state, colour", STATES)
def test_the_administrator_hears_by_mail_telegram_and_webhook(told, status, state, colour):
    alert = told("administrator", ADMIN, status)
    time = check_mail(told, alert, "admin@example.com", state, colour)
    (message,) = told.telegram.saying(f"{state} {ADMIN}, {NAMESPACE}")
    assert message.visible == (f"{state} {ADMIN}, {NAMESPACE}\n{alert['annotations']['summary']}\n"
                               f"{time}\nRunbook\nDashboard")
    assert message.links == [f"{RUNBOOKS}/{ADMIN}.md", DASHBOARD]


@pytest.mark.parametrize("status, state, colour", STATES)
def test_on_call_hears_of_it_too(told, status, state, colour):
    check_mail(told, told("on-call", ADMIN, status), "oncall@example.com", state, colour)


def test_the_value_is_that_of_prometheus(told, story):
    summary = told("administrator", ADMIN)["annotations"]["summary"]
    share, = re.fullmatch(r"6 replicas run, and one uses (\S+) of the CPU that it requests",
                          summary).groups()
    assert share in story.shares


def test_telegram_took_every_message(told):
    """Its documentation's rules, see webhook.py."""
    assert told.telegram.refused == []
    assert all(len(message.visible) <= LONGEST for message in told.telegram.received)


def test_telegram_is_the_administrators_alone(told):
    assert {message.visible.split()[1] for message in told.telegram.received} == {f"{ADMIN},"}


@pytest.mark.parametrize("status, state, colour", STATES)
def test_a_service_that_is_down_wakes_on_call(told, status, state, colour):
    alert = told("on-call", "ServiceDown", status)
    assert alert["annotations"]["summary"] == "0 replicas of the service answer"
    check_mail(told, alert, "oncall@example.com", state, colour)


def test_a_refused_model_is_the_teams(told):
    alert = told("team", "ModelLoadFailed")
    assert re.fullmatch(r"A new model has been refused [1-9]\d* times in 10 minutes",
                        alert["annotations"]["summary"])
    check_mail(told, alert, "team@example.com", "WARNING", "#ef6c00")
    assert told.mail.to("oncall@example.com", f"[WARNING] ModelLoadFailed, {NAMESPACE}") == []


def test_an_event_is_recorded_and_nobody_is_written_to(told):
    assert told("record", "HPAScalingEvent")["annotations"]["summary"] \
        == "The HPA wants 6 replicas now"
    assert [mail for _, mail in told.mail.received if "HPAScalingEvent" in mail["Subject"]] == []


# ---- what does not -----------------------------------------------------------------------


def test_prometheus_and_alertmanager_say_what_hid_it(told, story):
    full, down = story.hidden[told.version]
    assert full["HighCPUUsage"] == full["ModelScaledToMax"] == ADMIN
    assert down["PodCrashLooping"] == "ServiceDown" and ADMIN not in down


def test_what_is_hidden_is_not_sent(told, story):
    """HighCPUUsage never, and PodCrashLooping not while the service was down."""
    assert told.webhook.of("team", "HighCPUUsage", "firing", NAMESPACE) == []
    names = [message["groupLabels"] for message in story.told_while_down[told.version]]
    assert {"alertname": "PodCrashLooping", "namespace": ANOTHER} in names
    assert {"alertname": "PodCrashLooping", "namespace": NAMESPACE} not in names
