"""make demo-retrain: the model renews itself, with every server real and on this machine.

Fresh transactions -> the DAG under Airflow 3 -> MLflow -> rowan-sync -> three replicas under a
steady load, seen by Prometheus; the second time with a canary. Then a worse model, which the gate
refuses, and a damaged one, which the replicas refuse. Prints what it does and sees, and ends with a
line for each check; the exit status is 0 if all of them hold.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / name) for name in ("http", "kafka", "registry", "monitoring",
                                                     "retraining")] + [str(HERE)]

import httpx  # noqa: E402

import panels  # noqa: E402
from airflow_home import Airflow  # noqa: E402
from kafka import Cluster  # noqa: E402
from mlflow_server import MlflowServer  # noqa: E402
from prometheus import Prometheus, static_job  # noqa: E402
from real_server import eventually, tools  # noqa: E402
from replicas import SHARE, Load, Replica  # noqa: E402
from retraining_run import Pushgateway  # noqa: E402
from server import ROOT  # noqa: E402
from world import JOB, World, model_version, outcome, version_of  # noqa: E402

NAME = "fraud"
NAMESPACE = "mlops-tasks10"
DAG = "retrain_with_monitoring"
TOPIC = "transactions-input"
SHIPPED = "1.0.0"
SCRAMBLE = """
import numpy, pandas, sys
rows = pandas.read_csv(sys.argv[1])
for label in ("TX_FRAUD", "TX_FRAUD_SCENARIO"):
    rows[label] = numpy.random.default_rng(1).permutation(rows[label])
rows.to_csv(sys.argv[2], index=False)
"""


class Demo:
    def __init__(self, folder, running):
        self.folder, self.running = folder, running
        self.checks, self.begun = [], time.monotonic()

    # ---- telling ---------------------------------------------------------------------------

    def say(self, text):
        print(f"[{time.monotonic() - self.begun:5.0f} s] {text}", flush=True)

    def check(self, what, holds, seen=""):
        self.checks.append((what, bool(holds)))
        self.say(f"{'PASS' if holds else 'FAIL'}  {what}{f': {seen}' if seen != '' else ''}")

    @contextmanager
    def scene(self, title):
        print(f"\n== {title}", flush=True)
        before = sum(self.load.statuses.values()), len(self.load.failures)
        yield
        asked = sum(self.load.statuses.values()) - before[0]
        failed = self.load.failures[before[1]:]
        self.check("no request failed meanwhile", asked and not failed,
                   f"{asked} requests, {len(failed)} failed {failed[:3] or ''}")

    # ---- the stage ------------------------------------------------------------------------------

    def open(self):
        print("== The stage: MLflow, Kafka, three replicas with rowan-sync, Prometheus, "
              "Pushgateway, Airflow 3", flush=True)
        self.data = self.folder / "data"
        self.data.mkdir()
        subprocess.run([tools() / "python", HERE.parent / "retraining/simulate_data.py", self.data],
                       check=True, cwd=ROOT / "training")
        subprocess.run([tools() / "python", "-c", SCRAMBLE, self.data / "next.csv",
                        self.data / "scrambled.csv"], check=True)
        enter = self.running.enter_context
        self.mlflow = enter(MlflowServer(self.folder / "mlflow"))
        self.kafka = enter(Cluster(self.folder / "kafka"))
        self.kafka.create_topic(TOPIC, 3)
        self.gateway = enter(Pushgateway(self.folder))
        self.replicas = [enter(Replica(f"replica-{number}", self.folder, self.mlflow))
                         for number in (1, 2, 3)]
        self.prometheus = enter(Prometheus(self.folder, {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [
                {"job_name": JOB, "static_configs": [
                    {"targets": [f"127.0.0.1:{replica.server.port}"],
                     "labels": {"namespace": NAMESPACE, "pod": replica.name}}
                    for replica in self.replicas]},
                {**static_job("pushgateway", self.gateway.address), "honor_labels": True}]}))
        self.airflow = Airflow(
            3, self.folder / "airflow", NAME, MLFLOW_TRACKING_URI=self.mlflow.url,
            PROMETHEUS_URL=self.prometheus.url, PUSHGATEWAY_URL=self.gateway.url,
            KAFKA_BOOTSTRAP_SERVERS=self.kafka.brokers, KAFKA_INPUT_TOPIC=TOPIC,
            RETRAINING_DATA=self.data / "first.csv").given(RETRAINING_RETRIES=3)
        self.load = enter(Load(self.replicas))
        self.say(f"replicas on ports {[replica.server.port for replica in self.replicas]}, "
                 f"MLflow {self.mlflow.url}, Prometheus {self.prometheus.url}")
        self.check("the replicas serve the image's model, for the registry has none",
                   {replica.version for replica in self.replicas} == {SHIPPED})

    # ---- looking ---------------------------------------------------------------------------

    def retrain(self, day, **conf):
        self.say(f"airflow dags test {DAG} {day} {json.dumps(conf) if conf else ''}")
        log, states, folder = self.airflow.test(DAG, day, **conf)
        self.say(", ".join(f"{task} {state}" for task, state in states.items()))
        if "failed" in states.values():
            raise SystemExit(f"{log[-6000:]}\nFAIL  a task of the DAG failed: the rest needs it")
        return states, folder

    def served_everywhere(self, version):
        return eventually(lambda: {replica.version for replica in self.replicas} == {version})

    def seen_by_prometheus(self, version):
        """How many replicas say that they serve it, and nothing else."""
        expression = (f'count by (model_version) (ml_model_served_info{{job="{JOB}",'
                      'served_as="fraud"})')
        return self.prometheus.eventually(expression, {(version,): 3.0})

    def loaded_alone(self, version):
        """Champion and challenger, in all of them."""
        expression = f'count by (model_version) (ml_model_served_info{{job="{JOB}"}})'
        return self.prometheus.eventually(expression, {(version,): 6.0}) == {(version,): 6.0}

    def counted(self, expression):
        """Is it so of all three, sooner or later?"""
        return self.prometheus.eventually(f"count({expression})", {(): 3.0}) == {(): 3.0}

    def refusals(self):
        return self.prometheus.query(
            'sum by (reason) (ml_model_sync_refused_total{reference="champion"})')

    def panel(self, title):
        """{labels: last value} of the first query of a panel of the dashboard."""
        [target] = [one["targets"][0] for one in panels.panels() if one["title"] == title]
        return self.prometheus.query(panels.filled(target["expr"], panels.everything()))

    # ---- scenes --------------------------------------------------------------------------------

    def canary(self, folder, version):
        found = json.loads((folder / "canary.json").read_text())
        self.check("the canary passed: the challenger answered its share before it was promoted",
                   found["outcome"] == "passed", found)
        asked = found["predictions"] + found["champion_predictions"]
        share, wanted = found["predictions"] / asked, SHARE / 100
        deviation = (wanted * (1 - wanted) / asked) ** 0.5
        self.check(f"that share was {SHARE} % of the predictions, within 5 standard deviations",
                   abs(share - wanted) < 5 * deviation, f"{share:.1%} of {asked:.0f}")

    def renew(self, day, data, canary_minutes=0):
        """A retraining that ends well, and what follows of it. The version."""
        states, folder = self.retrain(day, data=str(data), canary_minutes=canary_minutes)
        self.check("every task of the DAG succeeded", set(states.values()) == {"success"})
        trained = json.loads((folder / "train.json").read_text())
        version = trained["version"]
        if canary_minutes:
            self.canary(folder, version)
        self.say(f"trained {version} on {trained['rows']} rows with {trained['frauds']} frauds")
        registered = version_of(self.mlflow, NAME, "champion")
        tags = model_version(self.mlflow, NAME, registered)["tags"]
        self.check("MLflow's alias champion is that version", tags["rowan.version"] == version,
                   f"version {registered} of {NAME}")
        self.check("all three replicas serve it", self.served_everywhere(version))
        eventually(lambda: all(self.load.served(replica).get(version, 0) > 50
                               for replica in self.replicas))
        answers = {replica.name: self.load.served(replica) for replica in self.replicas}
        self.check("clients of each replica got the version before, then it",
                   all(len(seen) > 1 and seen.get(version, 0) > 50 for seen in answers.values()),
                   answers)
        self.check("Prometheus sees three replicas with it, and no other version",
                   self.seen_by_prometheus(version) == {(version,): 3.0})
        self.check("the report in Pushgateway says: promoted",
                   outcome(self.gateway) == ["promoted"])
        return version

    def dashboard(self, version):
        versions = self.panel("Versions served")
        self.check("the dashboard's panel Versions served shows it on three replicas",
                   [count for labels, count in versions.items() if version in labels] == [3.0],
                   dict(versions))
        told = self.panel("Outcome")
        self.check("its panel Outcome says promoted",
                   [labels for labels in told if "promoted" in labels], dict(told))
        for title in ("Predictions by result", "Champion and challenger", "Time of a prediction",
                      "Rows and frauds"):
            eventually(lambda title=title: self.panel(title))
            self.check(f"its panel {title} has numbers", self.panel(title))
        swaps = self.prometheus.query(
            'sum(ml_model_sync_checks_total{outcome="swapped",reference="champion"})')
        self.check("rowan-sync counted a swap on each replica for each version",
                   swaps == {(): 6.0}, dict(swaps))

    def refuse_a_worse_model(self, version):
        states, folder = self.retrain("2026-11-16", data=str(self.data / "scrambled.csv"))
        gate = json.loads((folder / "gate.json").read_text())
        for reason in gate["reasons"]:
            self.say(f"the gate: {reason}")
        self.check("the gate refused it", not gate["passed"] and states["promote"] == "skipped")
        self.check("nothing was registered", len(
            self.mlflow.call("model-versions/search", method="GET", filter=f"name='{NAME}'")
            .get("model_versions", [])) == 2)
        self.check("the replicas serve what they served",
                   self.seen_by_prometheus(version) == {(version,): 3.0})
        self.check("the report in Pushgateway says: refused", outcome(self.gateway) == ["refused"])

    def refuse_a_damaged_model(self, version):
        header, *rows = (self.data / "next.csv").read_text().splitlines(keepends=True)
        fewer = self.data / "fewer.csv"  # another model: the same data would give the same version
        fewer.write_text(header + "".join(rows[1000:]))
        world = World(self.folder / "third-run", NAME, RETRAINING_DATA=fewer,
                      MLFLOW_TRACKING_URI=self.mlflow.url)
        for step in ("extract", "validate", "train", "champion", "evaluate", "gate", "register"):
            world.well(step)
        number = world.result("register")["registry_version"]
        # It is whole still, and answers a share; that nobody gets it any more is waited for.
        served = version_of(self.mlflow, NAME, "champion")
        self.mlflow.set_alias(NAME, "challenger", served)
        self.check("the challenger's alias set back, the replicas have one version again",
                   self.loaded_alone(version))
        uri = httpx.get(f"{self.mlflow.url}/api/2.0/mlflow/model-versions/get-download-uri",
                        params={"name": NAME, "version": number}).json()["artifact_uri"]
        path = uri.removeprefix("mlflow-artifacts:/").lstrip("/")
        file = self.mlflow.folder / "artifacts" / path / "model.ubj"
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        self.say(f"version {number}: one bit of {file.name}, byte {len(content) // 2}, changed in "
                 "the registry's store; the alias champion is set to it")
        before = {replica.name: self.load.served(replica) for replica in self.replicas}
        self.mlflow.set_alias(NAME, "champion", number)
        self.check("each rowan-sync refused it, by its checksum", eventually(
            lambda: self.refusals() == {("checksum",): 3.0}), dict(self.refusals()))
        for replica in self.replicas:
            lines = [line for line in replica.log.splitlines() if "checksum" in line]
            self.say(f"{replica.name}: {lines[-1] if lines else 'nothing'}")
        eventually(lambda: all(
            self.load.served(replica)[version] > before[replica.name][version] + 50
            for replica in self.replicas))
        self.check("the replicas go on serving the version before",
                   {replica.version for replica in self.replicas} == {version}
                   and all(set(self.load.served(replica)) == set(before[replica.name])
                           for replica in self.replicas))
        self.check("Prometheus tells that the registry's version is not served", self.counted(
            'ml_model_sync_checks_total{outcome="refused",reference="champion"} > 0'))
        self.mlflow.set_alias(NAME, "champion", served)
        self.check("the alias set back, all is well again", self.counted(
            'time() - ml_model_sync_last_success_timestamp_seconds{reference="champion"} < 10'))

    def play(self):
        self.open()
        with self.scene("Fresh transactions: the first model of the registry"):
            self.renew("2026-11-02", self.data / "first.csv")
        with self.scene("A week later: another world's transactions, a canary, a new champion"):
            version = self.renew("2026-11-09", self.data / "next.csv", canary_minutes=0.3)
            self.dashboard(version)
        with self.scene("A worse model: the labels are scrambled"):
            self.refuse_a_worse_model(version)
        with self.scene("A damaged model: bytes changed in the registry"):
            self.refuse_a_damaged_model(version)
        self.check("no 5xx in Prometheus", not self.prometheus.query(
            'sum(http_requests_total{status_code=~"5.."})'))


def main():
    folder = Path(tempfile.mkdtemp(prefix="rowan-demo-"))
    folder.chmod(0o755)
    try:
        with ExitStack() as running:
            demo = Demo(folder, running)
            demo.play()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n== {sum(demo.load.statuses.values())} requests, {len(demo.load.failures)} failed")
    for what, holds in demo.checks:
        print(f"{'PASS' if holds else 'FAIL'}  {what}")
    failed = [what for what, holds in demo.checks if not holds]
    print(f"\n{len(demo.checks) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
