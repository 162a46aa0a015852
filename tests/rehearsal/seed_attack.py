"""The seed's own attack, as a user starts it: by Airflow's DAG, which runs kafka-load-test and
tells Pushgateway. Meanwhile the CPU that the pods use is read."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import stage as _  # noqa: F401  (first: it says where the parts of the other tests are)

sys.path.append(str(_.TESTS / "retraining"))

import airflow_home  # noqa: E402
import broker  # noqa: E402
import cpu  # noqa: E402
import real_server  # noqa: E402
import service  # noqa: E402
import world  # noqa: E402
from retraining_run import Pushgateway  # noqa: E402

DAG, TASK, DAY = "attack_simulation", "attack", "2026-11-02"
MAJOR = 3  # of Airflow
EVERY = 1  # seconds between two readings of CPU
JOB = "attack-simulation"
MODEL = "fraud"
TOPIC = broker.TOPICS[0]


def prepare():
    """What needs a way out, or time: both Python environments."""
    airflow_home.programs(MAJOR)
    real_server.tools()


@dataclass
class Phase:
    """One of the load test's phases. `report` is its part of the load test's JSON."""

    report: dict
    begin: float          # time.time()
    end: float
    cores: dict           # {(pod, container): cores}
    lag: int | None       # the largest that the load test saw

    @property
    def rate(self):
        return self.report["rate"]

    @property
    def acknowledged(self):
        return self.report["acknowledged"]["n"]

    @property
    def used(self):
        return sum(self.cores.values())


@dataclass
class Attack:
    """What became of it, once it is over."""

    began: float
    ended: float = 0.0
    states: dict = field(default_factory=dict)  # {task: state}
    log: str = ""
    returned: dict = field(default_factory=dict)  # what the task returned; empty if it failed
    gauges: dict = field(default_factory=dict)    # {result: messages} of Pushgateway
    report: dict = field(default_factory=dict)    # the load test's own
    meter: cpu.Meter | None = None

    @property
    def first_message(self):
        return self.report["started_unix_ms"] / 1000

    @property
    def last_message(self):
        return self.first_message + self.report["phases"][-1]["end_seconds"]

    @property
    def answered(self):
        return self.report["verification"]

    def lag(self, begin, end):
        """The largest that the load test saw between two of its seconds."""
        lags = [second["lag"] for second in self.report["seconds"][int(begin):int(end)]
                if second["lag"] is not None]
        return max(lags, default=None)

    def phases(self):
        for phase in self.report["phases"]:
            first, last = phase["begin_seconds"], phase["end_seconds"]
            begin, end = self.first_message + first, self.first_message + last
            yield Phase(phase, begin, end, self.meter.cores(begin, end), self.lag(first, last))

    def cores(self):
        """{(pod, container): cores} from the first message to the last one."""
        return self.meter.cores(self.first_message, self.last_message)

    def cores_before(self):
        """The same without a message: while Airflow starts."""
        return self.meter.cores(self.meter.readings[0][0], self.first_message)


def airflow(stage, gateway):
    """Its environment is what docs/retraining.md asks of the workers'."""
    return airflow_home.Airflow(
        MAJOR, stage.folder / "airflow", MODEL, PUSHGATEWAY_URL=gateway.url,
        KAFKA_BOOTSTRAP_SERVERS=stage.kafka.brokers, KAFKA_INPUT_TOPIC=TOPIC,
        ATTACK_PROGRAM=broker.LOAD_TEST, ATTACK_VERIFY=1)


def play(running, plan, attack):
    """Airflow's run, in a thread of its own; the pods' CPU is read until it has ended."""
    conf = {"rate": plan.attack_rate, "seconds": plan.attack_seconds}
    with ThreadPoolExecutor(1) as thread:
        ended = thread.submit(running.test, DAG, DAY, **conf)
        try:
            while not ended.done():
                time.sleep(EVERY)
                attack.meter.look()
        except BaseException:  # else the thread's end is waited for, which is the attack's
            running.end()
            raise
        attack.log, attack.states, folder = ended.result()
    attack.ended = time.time()
    report = folder / "load-test.json"
    attack.report = json.loads(report.read_text()) if report.exists() else {}
    if attack.states.get(TASK) == "success":
        attack.returned = running.returned(DAG, DAY, TASK)


def results(gateway):
    """{result: messages} as Pushgateway has them."""
    return {dict(labels)["result"]: int(value)
            for (name, labels), value in world.pushed(gateway, topic=TOPIC, job=JOB).items()
            if name == "attack_simulation_messages"}


def run(stage):
    """The attack of the plan, to its end."""
    with Pushgateway(stage.folder) as gateway:
        running = airflow(stage, gateway)
        attack = Attack(began=time.time(), meter=cpu.Meter(service.ready_pods()))
        stage.loads.append(attack)
        stage.record.mark("Airflow starts the attack")
        play(running, stage.plan, attack)
        attack.gauges = results(gateway)
    stage.record.mark("the attack has ended")
    return attack
