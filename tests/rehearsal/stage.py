"""What every act plays on: three brokers, MLflow, receivers of messages, and the service with its
production manifests, synced by Argo CD. Node, Prometheus and Alertmanager are there before."""

import hashlib
import secrets
import sys
import tempfile
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import yaml

TESTS = Path(__file__).resolve().parents[1]
# Some names stand twice: those of the cluster are meant.
sys.path[:0] = [str(TESTS / "cluster")]
sys.path += [str(TESTS / name) for name in ("kafka", "registry", "http", "monitoring")]

import alertmanager  # noqa: E402
import broker  # noqa: E402
import network  # noqa: E402
import prometheus  # noqa: E402
import service  # noqa: E402
from adopted import Brokers, Registry  # noqa: E402
from kube import apply  # noqa: E402
from load import Load  # noqa: E402
from place import ROOT, STATE, wait_for  # noqa: E402
from receivers import Receivers  # noqa: E402
from witness import Witness  # noqa: E402

BROKERS = 3
PARTITIONS = 24
# A segment that is full is flushed, and not read again by a broker that comes back after a kill.
TOPIC_SETTINGS = {"min_insync_replicas": 2, "segment_bytes": 32 << 20}
# Else a broker asks the others for each message as it comes, and three of them on 2 CPUs, which
# pods and clients need as well, do little else.
BROKER_SETTINGS = {"replica_fetch_min_bytes": 100000, "replica_fetch_wait_max_ms": 20}
MODEL = "fraud"
CLIENT = "payments"
SECRET = "tasks10-ml-service-secret"
PRODUCTION = "../../manifests"
COMPONENTS = [f"{PRODUCTION}/{name}" for name in ("kafka", "registry", "registry/stream")]
RULES = "argocd/manifests/prometheusrule.yaml"
WINDOWS = "argocd/overlays/test/hpa.yaml"
HURRY = {"group_wait: 10s": "group_wait: 1s", "group_wait: 30s": "group_wait: 2s",
         "group_interval: 5m": "group_interval: 5s"}
MINUTES_SHORTENED = range(1, 16)  # a rule that waits longer than that plays no part
REFUSED = "ModelSyncRefused"
# Alert -> how long it looks back, and the plan's name for that. The first has no `for`: so long it
# fires. The second compares the queue with what is scored a second, which a short attack raises.
LOOKS_BACK = {REFUSED: ("[10m]", "refused_seconds"),
              "KafkaQueueHigh": ("[2m]", "scored_seconds")}
# Four pods with what argocd/manifests requests do not fit on a node of 2 CPUs.
CALM = {"api": {"requests": {"cpu": "100m"}}, "stream": {"requests": {"cpu": "200m"}}}


def of_containers(resources):
    """A patch of the Deployment's containers."""
    return service.deployment_patch(containers=[
        {"name": name, "resources": one} for name, one in resources.items()])


def in_proportion(minutes, five_minutes):
    """Such as "60s" for "10m", where "30s" stand for 5 minutes. KafkaConsumerLagHigh waits longer
    than KafkaQueueHigh, and hides it: it must not come first."""
    return f"{int(minutes[:-1]) * int(five_minutes[:-1]) // 5}s"


class Stage:
    def __init__(self, plan, record, out, image):
        self.plan, self.record, self.out, self.image = plan, record, out, image
        self.service = service
        self.numbers = count(1)
        self.loads = []  # each has a `report` of kafka-load-test, once it has ended

    def __enter__(self):
        with ExitStack() as running:
            # The next cluster forgets it when this run is killed.
            self.folder = Path(running.enter_context(tempfile.TemporaryDirectory(
                prefix="rehearsal-", dir=STATE)))
            self.folder.chmod(0o755)
            self._open(running.enter_context)
            self.running = running.pop_all()
        return self

    def __exit__(self, *_):
        self.running.close()

    # ---- what stands on it -------------------------------------------------------------------

    def _open(self, enter):
        self.receivers = enter(Receivers(self.folder, network.NODE))
        alertmanager.up(self.receivers, HURRY if self.plan.hurried else ())
        self.kafka = enter(Brokers(self.folder / "kafka", BROKERS, host=network.NODE,
                                   **BROKER_SETTINGS))
        for topic in broker.TOPICS:
            self.kafka.create_topic(topic, PARTITIONS, **TOPIC_SETTINGS)
        self.mlflow = enter(Registry(self.folder / "mlflow", host=network.NODE))
        self.registered = self.mlflow.log_models(
            {"kind": "directory", "name": MODEL, "directory": str(ROOT / "models/fraud"),
             "aliases": ["champion"]})
        self._make_key()
        self.install()
        self.witness = enter(Witness(self.record))

    def _make_key(self):
        """The real clients' key, and the Secret that holds its digest."""
        self.key = secrets.token_urlsafe(32)
        digest = hashlib.sha256(self.key.encode()).hexdigest()
        apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": service.NAMESPACE}},
              {"apiVersion": "v1", "kind": "Secret",
               "metadata": {"name": SECRET, "namespace": service.NAMESPACE},
               "stringData": {"api-keys": f"{digest} high {CLIENT}\n"}})

    # ---- the service -------------------------------------------------------------------------

    def install(self):
        made = service.install(self.image, self.wanted(CALM), self._change_repository)
        self._wait(made)

    def wanted(self, resources, patches=()):
        patches = [of_containers(resources), *patches]
        if self.plan.hurried:
            patches.append(yaml.safe_load((ROOT / WINDOWS).read_text()))
        return service.Wanted(
            base=PRODUCTION, components=COMPONENTS, patches=patches,
            config={"KAFKA_BOOTSTRAP_SERVERS": self.kafka.brokers,
                    "MLFLOW_TRACKING_URI": self.mlflow.url,
                    "API_KEYS": "/run/secrets/rowan/api-keys"})

    def _change_repository(self):
        """Rules that wait some minutes wait for `alert_for`, and some look back for less."""
        if not self.plan.alert_for:
            return
        path = service.REPOSITORY / RULES
        wanted = yaml.safe_load(path.read_text())
        for rule in (rule for group in wanted["spec"]["groups"] for rule in group["rules"]):
            shortened = {f"{minutes}m" for minutes in MINUTES_SHORTENED}
            if rule.get("for") in shortened and not rule["alert"].endswith("Missing"):
                rule["for"] = in_proportion(rule["for"], self.plan.alert_for)
            if rule.get("alert") in LOOKS_BACK:
                window, name = LOOKS_BACK[rule["alert"]]
                assert window in rule["expr"], rule["expr"]
                rule["expr"] = rule["expr"].replace(window, f"[{getattr(self.plan, name)}s]")
        path.write_text(yaml.safe_dump(wanted))

    def deploy(self, message, resources, patches=()):
        """The service with other resources, by a commit that Argo CD takes."""
        self._wait(service.commit(message, self.wanted(resources, patches)))

    def _wait(self, made):
        service.wait_until_synced(made)
        service.wait_until_settled()
        wait_for("README's answer", lambda: service.ANSWER in service.predict().text)
        wait_for("metrics of four pods", lambda: prometheus.value(
            f'count(up{{service="{service.SERVICE}"}} == 1)') == service.REPLICAS_MIN)

    def calm(self):
        """Requests that let four pods take the seed's attack without one more."""
        self.deploy("requests for the seed's attack", CALM)

    # ---- load --------------------------------------------------------------------------------

    def load_test(self, *arguments):
        """kafka-load-test --verify with these brokers."""
        made = broker.LoadTest(*arguments, brokers=self.kafka.brokers,
                               file=self.out / f"load-test-{next(self.numbers)}.json")
        self.loads.append(made)
        return made

    def clients(self, expect=service.ANSWER, **options):
        """Real clients, by HTTP, with their key. `expect`: what a right answer has in it."""
        return Load(service.url("/predict"), service.request_file(), expect,
                    headers={"X-API-Key": self.key}, **options)
