"""Real Kafka brokers: KRaft nodes on one address, each broker and controller at once."""

import hashlib
import os
import random
import shutil
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rowan"
PATIENCE = 90  # seconds until something that must come counts as absent; no measure of speed
# Below the ports that the system hands out: while a broker is away, no client's own end of a
# connection may take its port.
PORTS = range(23000, 24000)
JAVA = ("java", "-Xms128m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        "-Xshare:auto", f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}")

SETTINGS = {
    "process.roles": "broker,controller",
    "listener.security.protocol.map": "PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAIN",
    "auto.create.topics.enable": "false",
    "num.partitions": "6",
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.num.partitions": "3",
    "transaction.state.log.min.isr": "1",
    # A killed broker may not register again before its last session is over.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "300",
    "group.initial.rebalance.delay.ms": "0",
    # Tests choose timestamps of any age, and read everything back.
    "log.retention.ms": "-1",
    "log.index.size.max.bytes": "1048576",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "num.network.threads": "2",
    "num.io.threads": "2",
}


def eventually(condition, patience=PATIENCE):
    """The first true value of `condition`, or its last one."""
    deadline = time.monotonic() + patience
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return value


def free_ports(n, host="127.0.0.1"):
    """`n` ports that nobody listens on."""
    found = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == n:
            return found
    raise AssertionError(f"no {n} free ports from {PORTS.start} to {PORTS.stop - 1}")


def jars():
    """The class path of Kafka; its jars are fetched once, into the user's cache."""
    pom = HERE / "pom.xml"
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"kafka-{digest}"
    if not folder.exists():
        # Under a name of its own until it is whole: another run may fetch at the same time.
        fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
        subprocess.run(["mvn", "--quiet", "--batch-mode", "--no-transfer-progress",
                        "-Dstyle.color=never", "--file", pom, "dependency:copy-dependencies",
                        "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"], check=True)
        try:
            fresh.rename(folder)
        except OSError:
            shutil.rmtree(fresh)
    return f"{folder}/*"


def java(main, *arguments, **options):
    """Runs a program of Kafka's to its end; the finished process, its output as text."""
    return subprocess.run([*JAVA, "-cp", jars(), main, *map(str, arguments)], text=True,
                          capture_output=True, **options)


@dataclass(frozen=True)
class Secure:
    """What a listener SASL_SSL needs; it takes PLAIN and SCRAM-SHA-512."""

    keystore: Path  # PEM: private key and certificate chain
    users: dict     # name -> password


class Broker:
    """One node. It may be killed and started again; its log goes on."""

    def __init__(self, number, folder, data, settings):
        self.number = number
        self.folder = folder
        self.data = data
        self.log_path = folder / "log"
        self.process = None
        self.properties = folder / "server.properties"
        folder.mkdir(parents=True)
        self.properties.write_text("".join(f"{name}={value}\n"
                                           for name, value in settings.items()))

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def start_format(self, cluster_id, users):
        scram = [f"--add-scram=SCRAM-SHA-512=[name={name},password={password}]"
                 for name, password in users.items()]
        return subprocess.Popen([*JAVA, "-cp", jars(), "kafka.tools.StorageTool", "format",
                                 f"--cluster-id={cluster_id}", "--config", self.properties, *scram],
                                stdout=subprocess.DEVNULL, stderr=open(self.log_path, "ab"))

    def start(self):
        assert self.process is None
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*JAVA, "-cp", jars(), "kafka.Kafka", self.properties],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self):
        """As the kernel does it when memory is short."""
        process, self.process = self.process, None
        if process:
            process.kill()
            process.wait()

    def wait(self):
        """Until it has ended by itself."""
        self.process.wait(PATIENCE)
        self.process = None


class Cluster:
    """Brokers of one test, or of several that leave each other's topics alone."""

    def __init__(self, folder, n=1, data=None, secure=None, host="127.0.0.1", **settings):
        """`data`: where the nodes keep their logs, such as a small file system. `settings`: of
        every broker, dots written as underscores."""
        self.folder = Path(folder)
        self.secure = secure
        self.n = n
        self.host = host
        ports = free_ports(3 * n, host)
        self.ports, controllers, self.secure_ports = ports[:n], ports[n:2 * n], ports[2 * n:]
        settings = {name.replace("_", "."): value for name, value in settings.items()}
        voters = ",".join(f"{i + 1}@{host}:{port}" for i, port in enumerate(controllers))
        self.nodes = []
        for i in range(n):
            place = Path(data) if data else self.folder / f"broker-{i + 1}"
            listeners = f"PLAIN://{host}:{self.ports[i]}"
            if secure:
                listeners += f",SECURE://{host}:{self.secure_ports[i]}"
            self.nodes.append(Broker(i + 1, self.folder / f"broker-{i + 1}", place / "data", {
                **SETTINGS,
                "node.id": i + 1,
                "controller.quorum.voters": voters,
                "listeners": f"{listeners},CONTROLLER://{host}:{controllers[i]}",
                "advertised.listeners": listeners,
                "log.dirs": place / "data",
                "default.replication.factor": n,
                "offsets.topic.replication.factor": n,
                "transaction.state.log.replication.factor": n,
                "share.coordinator.state.topic.replication.factor": n,
                **(self._security() if secure else {}),
                **settings}))

    def _security(self):
        modules = "org.apache.kafka.common.security"
        users = " ".join(f'user_{name}="{password}"'
                         for name, password in self.secure.users.items())
        return {"ssl.keystore.type": "PEM",
                "ssl.keystore.location": self.secure.keystore,
                "listener.name.secure.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
                "listener.name.secure.plain.sasl.jaas.config":
                    f"{modules}.plain.PlainLoginModule required {users};",
                "listener.name.secure.scram-sha-512.sasl.jaas.config":
                    f"{modules}.scram.ScramLoginModule required;"}

    @property
    def brokers(self):
        return ",".join(f"{self.host}:{port}" for port in self.ports)

    @property
    def secure_brokers(self):
        return ",".join(f"{self.host}:{port}" for port in self.secure_ports)

    def client(self, **settings):
        """A configuration of a client of the tests' own."""
        return {"bootstrap.servers": self.brokers, "log_level": 0,
                **{name.replace("_", "."): value for name, value in settings.items()}}

    @cached_property
    def admin(self):
        return AdminClient(self.client(reconnect_backoff_max_ms=200))

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # ---- the life of brokers ---------------------------------------------------------------

    def start(self):
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        users = self.secure.users if self.secure else {}
        for broker, formatting in [(broker, broker.start_format(cluster_id, users))
                                   for broker in self.nodes]:
            assert formatting.wait() == 0, broker.log
        for broker in self.nodes:
            broker.start()
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        """All at once: nobody needs what they wrote."""
        for broker in self.nodes:
            broker.kill()

    def kill(self, number):
        self.nodes[number - 1].kill()

    def restart(self, number):
        self.nodes[number - 1].start()
        self.wait_until_ready()
        self.forget_client()

    def forget_client(self):
        """A client that has lost a group's coordinator may not find another for minutes."""
        self.__dict__.pop("admin", None)

    def wait_until_ready(self):
        """Until metadata names every broker, and a leader and all replicas of each partition."""
        assert eventually(self._is_ready), "\n".join(broker.log[-3000:] for broker in self.nodes)

    def _is_ready(self):
        for broker in self.nodes:
            assert broker.process.poll() is None, broker.log[-3000:]
        try:
            for port in self.ports:  # of a broker that was killed just now metadata still tells
                socket.create_connection((self.host, port), 1).close()
            metadata = self.admin.list_topics(timeout=1)
        except (OSError, KafkaException):
            return False
        partitions = [partition for topic in metadata.topics.values()
                      for partition in topic.partitions.values()]
        return len(metadata.brokers) == self.n and all(
            partition.leader >= 0 and len(partition.isrs) == len(partition.replicas)
            for partition in partitions)

    @contextmanager
    def away(self, number=1):
        """The broker is killed, and comes back at the end."""
        self.kill(number)
        try:
            yield
        finally:
            self.restart(number)

    # ---- topics and tools -------------------------------------------------------------------

    def create_topic(self, name, partitions=6, replicas=None, **config):
        config = {key.replace("_", "."): str(value) for key, value in config.items()}
        topic = NewTopic(name, partitions, replicas or self.n, config=config)
        self.admin.create_topics([topic])[name].result(PATIENCE)
        # Created is not yet known to every broker.
        assert eventually(lambda: self.partitions(name) == partitions), name
        return name

    def partitions(self, topic):
        """Number of partitions that have a leader."""
        found = self.admin.list_topics(topic, timeout=PATIENCE).topics[topic].partitions
        return sum(partition.leader >= 0 for partition in found.values())

    def leader(self, topic, partition=0):
        return self.admin.list_topics(topic, timeout=PATIENCE).topics[topic].partitions[
            partition].leader

    def tool(self, main, *arguments):
        """A program of Kafka's own, with these brokers; its standard output."""
        process = java(f"org.apache.kafka.tools.{main}", "--bootstrap-server", self.brokers,
                       *arguments)
        assert process.returncode == 0, process.stderr
        return process.stdout
