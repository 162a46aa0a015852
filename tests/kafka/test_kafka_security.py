"""SASL over TLS, with a certificate authority of the test's own."""

import re
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

import confluent_kafka
import pytest

from kafka import Cluster, Secure, eventually
from records import messages
from stream import FRAUD, run

USER = "rowan"
# librdkafka's pull request 4895: before it the client's nonce was sent twice, which brokers of
# Kafka 4 take for a wrong password.
FIRST_WITH_SCRAM = (2, 6, 1)


@dataclass(frozen=True)
class Authority:
    certificate: Path
    keystore: Path  # of the broker: its key, and the certificate for 127.0.0.1


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_authority(folder):
    folder.mkdir(parents=True)
    key, certificate = folder / "authority-key.pem", folder / "authority.pem"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj",
            "/CN=Authority of a test", "-keyout", key, "-out", certificate)
    of_broker, request, signed = (folder / name for name in ("key.pem", "request.pem",
                                                             "certificate.pem"))
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker", "-keyout", of_broker,
            "-out", request)
    names = folder / "names"
    names.write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", request, "-CA", certificate, "-CAkey", key, "-CAcreateserial",
            "-days", 2, "-extfile", names, "-out", signed)
    keystore = folder / "keystore.pem"
    keystore.write_text(of_broker.read_text() + signed.read_text() + certificate.read_text())
    return Authority(certificate, keystore)


@pytest.fixture(scope="module")
def authority(folder_of):
    return make_authority(folder_of("authority"))


@pytest.fixture(scope="module")
def password():
    return secrets.token_hex(16)


@pytest.fixture(scope="module")
def secure_cluster(folder_of, authority, password):
    """The tests' own clients use its plain listener."""
    secure = Secure(authority.keystore, {USER: password})
    with Cluster(folder_of("secure-cluster"), secure=secure) as running:
        yield running


@pytest.fixture
def pipeline(secure_cluster, pipeline_on):
    return pipeline_on(secure_cluster)


@pytest.fixture
def password_file(tmp_path, password):
    file = tmp_path / "password"
    file.write_text(password + "\n")
    file.chmod(0o400)
    return file


@pytest.fixture
def properties(authority):
    return {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN",
            "sasl.username": USER, "ssl.ca.location": authority.certificate}


def library_of(environment):
    """Version of the librdkafka that rowan-stream runs with."""
    text = run("--version", **environment).stdout
    return tuple(map(int, re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", text).groups()))


@pytest.fixture
def new_library(tmp_path):
    """An environment in which rowan-stream runs with the librdkafka of the tests' own client."""
    (library,) = Path(confluent_kafka.__file__).parent.with_name("confluent_kafka.libs").glob(
        "librdkafka-*.so.1")
    (tmp_path / "librdkafka.so.1").symlink_to(library)
    return {"LD_LIBRARY_PATH": str(tmp_path)}


def assert_gets_in(pipeline, properties, password_file, password, environment=None):
    pipeline.produce(messages(1000))
    stream = pipeline.stream(brokers=pipeline.cluster.secure_brokers, properties=properties,
                             files={"sasl.password": password_file}, environment=environment)
    stream.start(wait=False)
    assert eventually(lambda: stream.is_ready() or "uthentication failed" in stream.log)
    assert "uthentication failed" not in stream.log
    pipeline.wait()
    assert stream.settled(lambda metrics: metrics.total("kafka_broker_up"), 1) == 1
    assert password not in Path(f"/proc/{stream.process.pid}/cmdline").read_text()
    stream.stop()
    pipeline.check()
    assert password not in stream.log


def test_a_password_from_a_file(pipeline, properties, password_file, password):
    assert_gets_in(pipeline, properties, password_file, password)


def test_scram(pipeline, properties, password_file, password, request):
    if library_of({}) < FIRST_WITH_SCRAM:
        request.applymarker(pytest.mark.xfail(
            strict=True, reason=f"needs librdkafka {FIRST_WITH_SCRAM}, this is {library_of({})}"))
    assert_gets_in(pipeline, {**properties, "sasl.mechanism": "SCRAM-SHA-512"}, password_file,
                   password)


def test_scram_with_a_new_librdkafka(pipeline, properties, password_file, password, new_library):
    assert library_of(new_library) >= FIRST_WITH_SCRAM
    assert_gets_in(pipeline, {**properties, "sasl.mechanism": "SCRAM-SHA-512"}, password_file,
                   password, new_library)


@pytest.mark.parametrize("from_file", [True, False])
def test_all_by_the_environment(pipeline, properties, password_file, password, from_file):
    """As a container gets it: a command line without a word, for the probes too."""
    environment = {"KAFKA_" + name.replace(".", "_").upper(): str(value)
                   for name, value in properties.items()}
    environment |= {"KAFKA_BOOTSTRAP_SERVERS": pipeline.cluster.secure_brokers,
                    "KAFKA_INPUT_TOPIC": pipeline.input, "KAFKA_OUTPUT_TOPIC": pipeline.output,
                    "KAFKA_DEAD_LETTER_TOPIC": pipeline.dead_letter,
                    "KAFKA_CONSUMER_GROUP": pipeline.group, "MODEL_DIR": str(FRAUD),
                    "METRICS_DIR": str(pipeline.folder / "metrics"), "KAFKA_THREADS": "2"}
    environment |= ({"KAFKA_SASL_PASSWORD_FILE": str(password_file)} if from_file else
                    {"KAFKA_SASL_PASSWORD": password})
    (pipeline.folder / "metrics").mkdir(parents=True)
    nothing = dict.fromkeys(("brokers", "input", "output", "dead_letter", "group", "model",
                             "metrics_dir"))
    pipeline.produce(messages(1000))
    stream = pipeline.stream(environment=environment, **nothing)
    assert stream.arguments == []
    with stream:
        pipeline.wait()
        assert stream.is_live()
    pipeline.check()
    assert password not in stream.log


def test_a_wrong_password_is_told(pipeline, properties, tmp_path, password):
    """It goes on trying, since a password may be put right at the broker."""
    wrong = secrets.token_hex(16)
    file = tmp_path / "wrong"
    file.write_text(wrong)
    stream = pipeline.stream(brokers=pipeline.cluster.secure_brokers, properties=properties,
                             files={"sasl.password": file}).start(wait=False)
    assert "SASL" in stream.says("uthentication failed")
    assert eventually(stream.is_live) and not stream.is_ready()
    stream.stop()
    assert wrong not in stream.log and password not in stream.log


def test_another_authority_is_not_trusted(pipeline, properties, password_file, folder_of):
    other = make_authority(folder_of("other"))
    stream = pipeline.stream(brokers=pipeline.cluster.secure_brokers,
                             properties={**properties, "ssl.ca.location": other.certificate},
                             files={"sasl.password": password_file}).start(wait=False)
    stream.says("certificate verify failed")
    assert not stream.is_ready()
    stream.stop()


def test_no_secret_in_the_log_of_a_debugging_client(pipeline, properties, password_file,
                                                    password):
    pipeline.produce(messages(10))
    with pipeline.stream(brokers=pipeline.cluster.secure_brokers,
                         properties={**properties, "debug": "security,conf"},
                         files={"sasl.password": password_file},
                         environment={"LOG_LEVEL": "debug"}) as stream:
        pipeline.wait()
        stream.says("sasl.mechanism")
    assert password not in stream.log


def test_a_setting_that_is_wrong_is_named_without_its_value(tmp_path):
    secret = secrets.token_hex(16)
    for wrong in (("-F", f"sasl.password={tmp_path / secret}"), ("-X", f"sasl.passwort={secret}")):
        told = run("--brokers", "127.0.0.1:1", "--model", FRAUD, *wrong)
        assert told.returncode == 2
        assert wrong[1].partition("=")[0] in told.stderr and secret not in told.stderr
